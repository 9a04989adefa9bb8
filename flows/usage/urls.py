from django.urls import path

from flows.usage import views

app_name = "usage"
urlpatterns = [
    path("", views.show, name="show"),
    path("csv/", views.download, name="csv"),
]
