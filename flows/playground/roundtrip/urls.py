from __future__ import annotations

from django.urls import path

from flows.playground.roundtrip import views

urlpatterns = [
    path("open/<id:pk>/", views.open_action, name="open_action"),
    path("<id:pk>/use/", views.use, name="use"),
]
