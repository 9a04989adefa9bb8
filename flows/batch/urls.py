from __future__ import annotations

from django.urls import path

from flows.batch import create_views, export, stream, views

app_name = "batch"
urlpatterns = [
    path("", views.batch_list, name="list"),
    path("new/", create_views.new, name="new"),
    path("preview/", create_views.preview, name="preview"),
    path("of/<slug:slug>/", views.of_flow, name="of_flow"),
    path("cells/<id:pk>/", views.cell, name="cell"),
    path("<id:pk>/", views.show, name="show"),
    path("<id:pk>/feed/", stream.stream, name="feed"),
    path("<id:pk>/stop/", views.stop, name="stop"),
    path("<id:pk>/resume/", views.resume, name="resume"),
    path("<id:pk>/retry/", views.retry, name="retry"),
    path("<id:pk>/rename/", views.rename, name="rename"),
    path("<id:pk>/share/", views.share, name="share"),
    path("<id:pk>/concurrency/", views.concurrency, name="concurrency"),
    path("<id:pk>/delete/", views.delete, name="delete"),
    path("<id:pk>/export/", export.export, name="export"),
]
