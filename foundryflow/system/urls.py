from django.urls import path

from foundryflow.system import views

app_name = "system"
urlpatterns = [
    path("", views.show, name="show"),
    path("changes/", views.changes, name="changes"),
    path("retention/<slug:kind>/", views.set_retention, name="keep"),
]
