from django.urls import path

from flows.runs import stream, views

app_name = "runs"
urlpatterns = [
    path("runs/", views.run_list, name="list"),
    path("runs/workers/", views.workers, name="workers"),
    path("runs/<int:pk>/", views.show, name="show"),
    path("runs/<int:pk>/stream/", stream.stream, name="stream"),
    path("runs/<int:pk>/cancel/", views.cancel, name="cancel"),
    path("runs/<int:pk>/retry/", views.retry, name="retry"),
    path("runs/<int:pk>/download/", views.download, name="download"),
    path("flows/<slug:slug>/run/", views.start, name="start"),
]
