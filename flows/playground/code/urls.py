from django.urls import path

from flows.playground.code import views

urlpatterns = [path("<int:pk>/code/", views.code, name="code")]
