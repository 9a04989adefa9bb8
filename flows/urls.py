"""Includes the rooms below."""

from __future__ import annotations

from django.urls import include, path

from flows.api import reference
from flows.catalog import views

flow_urls = (
    [
        path("", views.home, name="home"),
        path("flows/", views.flow_list, name="list"),
        path("flows/new/", views.create_flow, name="new"),
        path("flows/import/", views.import_file, name="import"),
        path("flows/sample/", views.create_sample, name="sample"),
        path("flows/<slug:slug>/export/", views.export, name="export"),
        path("flows/<slug:slug>/duplicate/", views.duplicate, name="duplicate"),
        path("flows/<slug:slug>/delete/", views.delete, name="delete"),
        path("flows/<slug:slug>/calls/", reference.flow_page, name="calls"),
    ],
    "flows",
)

urlpatterns = [
    path("", include(flow_urls)),
    path("", include("flows.runs.urls")),
    path("usage/", include("flows.usage.urls")),
    path("api-keys/", include("flows.api_keys.urls")),
    path("playground/", include("flows.playground.urls")),
    path("batches/", include("flows.batch.urls")),
    path("go-to/", include("flows.go_to.urls")),
    path("flows/<slug:slug>/revisions/", include("flows.revisions.urls")),
    path("flows/<slug:slug>/", include("flows.designer.urls")),
]
