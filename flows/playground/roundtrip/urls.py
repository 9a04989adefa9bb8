from __future__ import annotations

from django.urls import path

from flows.playground.roundtrip import call_code, views

urlpatterns = [
    path("open/<id:pk>/", views.open_action, name="open_action"),
    path("open/<id:pk>/code/", call_code.code, name="call_code"),
    path("<id:pk>/use/", views.use, name="use"),
]
