from django.urls import path

from flows.designer import (
    condition_view,
    pasted_properties,
    picker,
    responses,
    run_stream,
    run_views,
    suggestions,
    try_code,
    views,
)
from flows.designer.agents import AGENTS
from flows.designer.deployments import DEPLOYMENTS

app_name = "designer"
urlpatterns = [
    path("", views.show, name="show"),
    path("new/", views.whats_new, name="whats_new"),
    path("undo/", views.undo, name="undo"),
    path("redo/", views.redo, name="redo"),
    path("insert/", views.insert, name="insert"),
    path("insert/menu/", views.insert_menu, name="insert_menu"),
    path("copy/", views.copy, name="copy"),
    path("paste/", views.paste, name="paste"),
    path("inputs/", views.save_inputs, name="save_inputs"),
    path("in-place/run/", run_views.start, name="run_in_place"),
    path("in-place/shown/", run_views.show_run, name="show_run"),
    path("in-place/tab/", run_views.show_tab, name="show_tab"),
    path("in-place/inputs/save/", run_views.save_inputs_as, name="save_inputs_as"),
    path("in-place/inputs/delete/", run_views.delete_inputs, name="delete_inputs"),
    path("in-place/<id:pk>/stop/", run_views.stop, name="stop_run"),
    path("actions/<str:action_id>/", views.select, name="select"),
    path("actions/<str:action_id>/properties/", views.save_properties, name="save_properties"),
    path("actions/<str:action_id>/values/", picker.list_values, name="list_values"),
    path("actions/<str:action_id>/connection/", views.connection_field, name="connection_field"),
    path("actions/<str:action_id>/take-over/", pasted_properties.take_over, name="take_over"),
    path("actions/<str:action_id>/try/", try_code.try_code, name="try_code"),
    path("actions/<str:action_id>/pin/", run_views.pin, name="pin"),
    path("actions/<str:action_id>/unpin/", run_views.unpin, name="unpin"),
    path("actions/<str:action_id>/<str:verb>/", views.change, name="change"),
]
# Whichever of them meets a stored document that cannot be read says so.
for pattern in urlpatterns:
    pattern.callback = responses.explain_broken_document(pattern.callback)
# These read no document, or meet it later.
urlpatterns.insert(0, path("deployments/", suggestions.suggest, {"names": DEPLOYMENTS}, name="deployments"))
urlpatterns.insert(0, path("agents/", suggestions.suggest, {"names": AGENTS}, name="agents"))
urlpatterns.insert(0, path("in-place/<id:pk>/stream/", run_stream.stream, name="run_stream"))
urlpatterns.insert(0, path("conditions/", condition_view.show_rows, name="condition_rows"))
