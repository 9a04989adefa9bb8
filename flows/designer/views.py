"""The designer: show a flow, edit it in place. Every edit is one commit against the revision it was made on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_POST

from flows.actions import registry
from flows.designer import tree
from flows.designer.opened import OpenFlow
from flows.designer.panel import PostedPanel, stored_panel
from flows.designer.regions import action_region, left_regions, page_context, panel_region, toolbox
from flows.designer.responses import (
    action_vanished,
    edit_not_possible,
    panel_in_conflict,
    panel_not_valid,
    panel_saved,
    redirect_to,
    start_in_conflict,
    start_not_valid,
    tree_changed,
    tree_in_conflict,
)
from flows.designer.start_form import StartForm
from flows.flowchart.chart import START
from flows.language.document import Document, DocumentError, Vanished
from flows.models import Conflict, Flow, Revision
from foundryflow.access import editor, reader
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions


@reader
@require_GET
def show(request: Request, slug: str) -> HttpResponse:
    """The page; for htmx what is shown once the panel of an action put in last is closed."""
    opened = OpenFlow.find(request, slug)
    if request.htmx:
        return regions(request, action_region(None), *left_regions(opened))
    return page(request, "designer/designer.html", page_context(opened, request.GET.get("action", "")))


@reader
@require_GET
def select(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The panel of one action, or of Start. Without htmx: the page with it open."""
    opened = OpenFlow.find(request, slug)
    if not request.htmx:
        return redirect_to(opened.flow, action_id)
    if action_id != START and opened.document.find(action_id) is None:
        return action_vanished(opened)
    if action_id == opened.new_action_shown:
        opened.new_action = action_id
    return regions(request, panel_region(opened, action_id), *left_regions(opened))


@editor
@require_POST
def save_properties(request: Request, slug: str, action_id: str) -> HttpResponse:
    opened = OpenFlow.find(request, slug)
    action = opened.document.find(action_id)
    if action is None:
        return action_vanished(opened)
    posted = PostedPanel(action, opened.panel_context(action_id), request.POST)
    changed = posted.edit(opened.document)
    if changed is None:
        return panel_not_valid(opened, posted)
    try:
        opened.commit(changed, note=f"{posted.title} edited")
    except Conflict as conflict:
        mine = opened.flow.store_secrets(changed).locate(action_id).action
        opened.read_again()
        return panel_in_conflict(opened, posted, mine, conflict.theirs)
    return panel_saved(opened, posted, changed.locate(action_id).action)


@editor
@require_POST
def save_inputs(request: Request, slug: str) -> HttpResponse:
    """Name and inputs of the flow: the panel of Start."""
    opened = OpenFlow.find(request, slug)
    form = StartForm(opened.document, request.POST)
    if not form.is_valid():
        return start_not_valid(opened, form)
    changed = form.apply()
    try:
        opened.commit(changed, note="Inputs edited")
    except Conflict as conflict:
        mine = opened.flow.store_secrets(changed)
        opened.read_again()
        return start_in_conflict(opened, mine, conflict.theirs)
    return tree_changed(opened, START)


@editor
@require_POST
def insert(request: Request, slug: str) -> HttpResponse:
    """Puts a new action of the posted type into the flow."""
    type = request.POST.get("type", "")
    try:
        registry.action_type(type)
    except registry.UnknownAction:
        raise Http404(f"There is no action type {type!r}.") from None
    edit = partial(tree.insert, type=type, posted=request.POST)
    return edit_tree(request, slug, edit, note=f"{type} added", is_insert=True)


@reader
@require_GET
def insert_menu(request: Request, slug: str) -> HttpResponse:
    """The action types to choose from, for one place of the chart."""
    flow = OpenFlow.find(request, slug).flow
    place = {name: request.GET.get(name, "") for name in ("owner", "branch", "at")}
    return page(request, "designer/_insert_menu.html", {"flow": flow, "toolbox": toolbox(), "place": place})


@editor
@require_POST
def change(request: Request, slug: str, action_id: str, verb: str) -> HttpResponse:
    """Move, duplicate, disable or remove one action; add or remove a branch of it."""
    edit = tree.VERBS.get(verb)
    if edit is None:
        raise Http404(f"There is no verb {verb!r}.")
    note = f"{action_id} {verb}"
    return edit_tree(request, slug, lambda document: edit(document, action_id, request.POST), note=note)


def edit_tree(
    request: Request, slug: str, edit: Callable[[Document], tree.TreeEdit], *, note: str, is_insert: bool = False
) -> HttpResponse:
    """Commits one edit of the tree, and answers with the chart."""
    opened = OpenFlow.find(request, slug)
    try:
        changed, selected = edit(opened.document)
        opened.new_action = selected if is_insert or selected == opened.new_action else ""
        opened.commit(changed, note=note)
    except Vanished:
        return action_vanished(opened)
    except Conflict as conflict:
        opened.read_again()
        return tree_in_conflict(opened, conflict.theirs)
    except DocumentError as error:
        return edit_not_possible(opened, "; ".join(error.problems))
    return tree_changed(opened, selected)


@editor
@require_POST
def undo(request: Request, slug: str) -> HttpResponse:
    return change_revision(request, slug, Flow.undo)


@editor
@require_POST
def redo(request: Request, slug: str) -> HttpResponse:
    return change_revision(request, slug, Flow.redo)


def change_revision(request: Request, slug: str, step: Callable[..., Revision]) -> HttpResponse:
    """Goes one revision back or forward, and answers with the chart."""
    opened = OpenFlow.find(request, slug)
    try:
        step(opened.flow, base=opened.base)
    except Conflict as conflict:
        opened.read_again()
        return tree_in_conflict(opened, conflict.theirs)
    opened.read_again()
    return tree_changed(opened, request.POST.get("action", ""))


@reader
@require_GET
def connection_field(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The select after a connection was created in place, the new one chosen."""
    opened = OpenFlow.find(request, slug)
    action = opened.document.find(action_id)
    if action is None:
        return action_vanished(opened)
    panel = stored_panel(opened, action)
    if panel.form is None or "connection" not in panel.form.fields:
        raise Http404(f"{action_id} has no connection.")
    context = {"panel": panel, "field": panel.form["connection"], "chosen": request.GET.get("name", "")}
    return regions(request, Region("properties/_connection_select.html", "connection-select", context))
