from __future__ import annotations

from django.urls import path

from flows.playground.chat import comparing, stream, verbs, views

urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("deployments/", views.deployments, name="deployments"),
    path("of/<slug:slug>/", views.of_flow, name="of_flow"),
    path("<int:pk>/", views.show, name="show"),
    path("<int:pk>/save/", views.save, name="save"),
    path("<int:pk>/ask/", views.ask, name="ask"),
    path("<int:pk>/compare/", comparing.compare, name="compare"),
    path("<int:pk>/stop/", views.stop, name="stop"),
    path("<int:pk>/earlier/", views.earlier, name="earlier"),
    path("<int:pk>/stream/", stream.stream, name="stream"),
    path("<int:pk>/columns/<slug:verb>/", comparing.column, name="column"),
    path("<int:pk>/differences/", comparing.differences, name="differences"),
    path("turns/<int:pk>/tries/", verbs.tries, name="tries"),
    path("turns/<int:pk>/form/", verbs.turn_form, name="turn_form"),
    path("turns/<int:pk>/images/<str:name>/", views.image, name="image"),
    path("turns/<int:pk>/<slug:verb>/", verbs.turn, name="turn"),
    path("answers/<int:pk>/form/", verbs.answer_form, name="answer_form"),
    path("answers/<int:pk>/<slug:verb>/", verbs.answer, name="answer"),
]
