from __future__ import annotations

from django.urls import path

from flows.playground.sessions import price_views, version_views, views

urlpatterns = [
    path("sessions/", views.session_list, name="sessions"),
    path("sessions/import/", views.import_file, name="import"),
    path("<int:pk>/rename/", views.rename, name="rename"),
    path("<int:pk>/share/", views.share, name="share"),
    path("<int:pk>/fork/", views.fork, name="fork"),
    path("<int:pk>/export/", views.export, name="export"),
    path("<int:pk>/delete/", views.delete, name="delete"),
    path("<int:pk>/versions/", version_views.version_list, name="versions"),
    path("<int:pk>/versions/<int:number>/", version_views.version, name="version"),
    path("<int:pk>/versions/<int:number>/restore/", version_views.restore, name="restore"),
    path("prices/", price_views.prices, name="prices"),
    path("prices/new/", price_views.add, name="price_new"),
    path("prices/<int:pk>/", price_views.change, name="price"),
    path("prices/<int:pk>/delete/", price_views.delete, name="price_delete"),
]
