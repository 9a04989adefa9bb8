from django.urls import path

from flows.runs import compare, list_file, start, start_code, stream, views, whole_values

app_name = "runs"
urlpatterns = [
    path("runs/", views.run_list, name="list"),
    path("runs/export/", list_file.export, name="export"),
    path("runs/compare/", compare.compare, name="compare"),
    path("runs/compare/step/", compare.compare_step, name="compare_step"),
    path("runs/workers/", views.workers, name="workers"),
    path("runs/<id:pk>/", views.show, name="show"),
    path("runs/<id:pk>/stream/", stream.stream, name="stream"),
    path("runs/<id:pk>/detail/", views.detail, name="detail"),
    path("runs/<id:pk>/cancel/", views.cancel, name="cancel"),
    path("runs/<id:pk>/retry/", start.retry, name="retry"),
    path("runs/<id:pk>/iterations/", views.iterations, name="iterations"),
    path("runs/<id:pk>/iterations/retry/", start.retry_iterations, name="retry_iterations"),
    path("runs/<id:pk>/value/", whole_values.value, name="value"),
    path("runs/<id:pk>/code/", start_code.code, name="code"),
    path("runs/<id:pk>/download/", views.download, name="download"),
    path("flows/<slug:slug>/run/", start.start, name="start"),
]
