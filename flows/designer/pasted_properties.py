"""Turns a pasted text, such as a curl command, into the properties of an action."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from flows.actions import registry
from flows.designer.edits import secret_errors
from flows.designer.foreign_changes import changes_since
from flows.designer.open_flow import OpenFlow
from flows.designer.regions import panel_region, saved_region
from flows.designer.responses import (
    conflict_response,
    redirect_to,
    refused_words,
    renewed_regions,
    rest_of,
    vanished_response,
)
from flows.language.document import DocumentError
from flows.language.merge import MergedDocument
from flows.models import Conflict
from foundryflow.access import editor
from foundryflow.http import Request
from foundryflow.regions import Region, regions


@editor
@require_POST
def take_over(request: Request, slug: str, action_id: str) -> HttpResponse:
    """Stores what was read of the text, and says what of it was not taken over; nothing is stored where it is none."""
    opened = OpenFlow.find(request, slug)
    action = opened.shown_document.find(action_id)
    if action is None:
        return vanished_response(opened)
    known = registry.find_type(action.type)
    if known is None or not known.takes_paste_of:
        return refused_paste_response(opened, action_id, "Nothing can be pasted into this action.")
    try:
        pasted = known.read_paste(request.POST.get("text", ""))
    except ValueError as error:
        return refused_paste_response(opened, action_id, str(error))
    try:
        changed = opened.shown_document.with_properties(
            action_id, merged_properties(action.properties, pasted.properties)
        )
    except DocumentError as error:
        return refused_paste_response(opened, action_id, "; ".join(error.problems))
    if wrong := secret_errors(changed, action_id):
        return refused_paste_response(opened, action_id, next(iter(wrong.values())))
    try:
        merged = opened.commit(changed, note=f"{action.title or action_id}: {known.takes_paste_of} taken over")
    except Conflict:
        return conflict_response(opened)
    return pasted_response(opened, action_id, merged, pasted.notes)


def merged_properties(stored: Mapping[str, Any], pasted: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in stored.items() if name not in pasted}
    return {**kept, **{name: value for name, value in pasted.items() if value is not None}}


def pasted_response(opened: OpenFlow, action_id: str, merged: MergedDocument, notes: Sequence[str]) -> HttpResponse:
    """The panel with its new properties and what is said of them, and the chart; 409 where others changed the same."""
    found = changes_since(opened)
    state = refused_words(opened, merged.collisions, found, "Not all is taken over")
    if not opened.request.htmx:
        for sentence in filter(None, (state, *notes)):
            messages.warning(opened.request, sentence)
        return redirect_to(opened.flow, action_id)
    parts = renewed_regions(opened, action_id, found, saved_region(opened, state), "" if state else rest_of(merged))
    panel = panel_region(opened, action_id)
    said = replace(panel, context={**panel.context, "taken_over": not state, "notes": notes})
    return regions(opened.request, *parts, said, status=409 if state else 200)


def refused_paste_response(opened: OpenFlow, action_id: str, sentence: str) -> HttpResponse:
    """Nothing was changed; the text stays where it was pasted."""
    if opened.request.htmx:
        region = Region("designer/_paste_notes.html", "paste-notes", {"problem": sentence})
        return regions(opened.request, region, status=422)
    messages.error(opened.request, sentence)
    return redirect_to(opened.flow, action_id)
