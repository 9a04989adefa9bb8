from __future__ import annotations

from django.urls import path

from flows.playground.sessions import version_views, views

urlpatterns = [
    path("sessions/", views.session_list, name="sessions"),
    path("sessions/import/", views.import_file, name="import"),
    path("<id:pk>/rename/", views.rename, name="rename"),
    path("<id:pk>/share/", views.share, name="share"),
    path("<id:pk>/fork/", views.fork, name="fork"),
    path("<id:pk>/export/", views.export, name="export"),
    path("<id:pk>/delete/", views.delete, name="delete"),
    path("<id:pk>/versions/", version_views.version_list, name="versions"),
    path("<id:pk>/versions/<id:number>/", version_views.version, name="version"),
    path("<id:pk>/versions/<id:number>/restore/", version_views.restore, name="restore"),
]
