from django.urls import path

from flows.playground.code import views

urlpatterns = [path("<id:pk>/code/", views.code, name="code")]
