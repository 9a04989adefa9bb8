from __future__ import annotations

from django.urls import path

from flows.playground.chat import ask_views, comparison_views, settings_views, stream, turn_views, views

urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("deployments/", settings_views.deployments, name="deployments"),
    path("of/<slug:slug>/", views.of_flow, name="of_flow"),
    path("<id:pk>/", views.show, name="show"),
    path("<id:pk>/save/", settings_views.save, name="save"),
    path("<id:pk>/ask/", ask_views.ask, name="ask"),
    path("<id:pk>/compare/", comparison_views.compare, name="compare"),
    path("<id:pk>/stop/", ask_views.stop, name="stop"),
    path("<id:pk>/earlier/", views.earlier, name="earlier"),
    path("<id:pk>/stream/", stream.stream, name="stream"),
    path("<id:pk>/columns/<slug:verb>/", comparison_views.column, name="column"),
    path("<id:pk>/differences/", comparison_views.differences, name="differences"),
    path("turns/<id:pk>/tries/", turn_views.tries, name="tries"),
    path("turns/<id:pk>/form/", turn_views.turn_form, name="turn_form"),
    path("turns/<id:pk>/images/<str:name>/", views.image, name="image"),
    path("turns/<id:pk>/<slug:verb>/", turn_views.turn, name="turn"),
    path("answers/<id:pk>/form/", turn_views.answer_form, name="answer_form"),
    path("answers/<id:pk>/tokens/", turn_views.answer_tokens, name="answer_tokens"),
    path("answers/<id:pk>/<slug:verb>/", turn_views.answer, name="answer"),
]
