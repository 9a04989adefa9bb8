from django.urls import path

from flows.playground.code_page import views

urlpatterns = [path("<id:pk>/code/", views.code, name="code")]
