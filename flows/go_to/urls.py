from django.urls import path

from flows.go_to import views

app_name = "go_to"
urlpatterns = [path("", views.show, name="show")]
