from __future__ import annotations

from django.urls import path

from flows.batch import export, feed, making, views

app_name = "batch"
urlpatterns = [
    path("", views.batch_list, name="list"),
    path("new/", making.new, name="new"),
    path("preview/", making.preview, name="preview"),
    path("of/<slug:slug>/", views.of_flow, name="of_flow"),
    path("cells/<int:pk>/", views.cell, name="cell"),
    path("<int:pk>/", views.show, name="show"),
    path("<int:pk>/feed/", feed.feed, name="feed"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/resume/", views.resume, name="resume"),
    path("<int:pk>/retry/", views.retry, name="retry"),
    path("<int:pk>/rename/", views.rename, name="rename"),
    path("<int:pk>/share/", views.share, name="share"),
    path("<int:pk>/concurrency/", views.concurrency, name="concurrency"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/export/", export.export, name="export"),
]
