from __future__ import annotations

from django.urls import path

from flows.playground.chat import comparing, stream, verbs, views

urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("deployments/", views.deployments, name="deployments"),
    path("of/<slug:slug>/", views.of_flow, name="of_flow"),
    path("<id:pk>/", views.show, name="show"),
    path("<id:pk>/save/", views.save, name="save"),
    path("<id:pk>/ask/", views.ask, name="ask"),
    path("<id:pk>/compare/", comparing.compare, name="compare"),
    path("<id:pk>/stop/", views.stop, name="stop"),
    path("<id:pk>/earlier/", views.earlier, name="earlier"),
    path("<id:pk>/stream/", stream.stream, name="stream"),
    path("<id:pk>/columns/<slug:verb>/", comparing.column, name="column"),
    path("<id:pk>/differences/", comparing.differences, name="differences"),
    path("turns/<id:pk>/tries/", verbs.tries, name="tries"),
    path("turns/<id:pk>/form/", verbs.turn_form, name="turn_form"),
    path("turns/<id:pk>/images/<str:name>/", views.image, name="image"),
    path("turns/<id:pk>/<slug:verb>/", verbs.turn, name="turn"),
    path("answers/<id:pk>/form/", verbs.answer_form, name="answer_form"),
    path("answers/<id:pk>/<slug:verb>/", verbs.answer, name="answer"),
]
