"""The designer: show a flow, edit it in place. Every edit is one commit against the revision it was made on."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpResponse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.models import Connection
from flows.access import find_flow
from flows.actions import registry
from flows.designer import contexts
from flows.designer.answers import (
    in_conflict,
    not_possible,
    not_valid,
    panel_of,
    panel_region,
    refused,
    renewed,
    renewed_action,
    saved_region,
    start_in_conflict,
    start_panel,
    to_action,
    vanished,
    whole,
)
from flows.designer.edits import (
    CommonForm,
    apply_panel,
    branch_errors,
    new_action,
    property_form,
    secret_errors,
)
from flows.designer.inputs import InputsForm
from flows.flowchart import chart
from flows.language.document import Document, DocumentError, Vanished
from flows.models import Conflict, Flow, Revision
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.regions import Region, page, regions

Edit = Callable[[Document], tuple[Document, str]]  # the changed document, and the action to select


@reader
@require_GET
def show(request: Request, slug: str) -> HttpResponse:
    flow = find_flow(request, slug)
    try:
        document = flow.current.parsed()
    except DocumentError as error:
        return page(request, "designer/broken.html", {"flow": flow, "problems": error.problems}, status=200)
    selected = request.GET.get("action", "")
    return page(request, "designer/designer.html", whole(request, flow, document, selected))


@reader
@require_GET
def select(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The panel of one action. Without htmx: the page with it open."""
    flow = find_flow(request, slug)
    if not request.htmx:
        return to_action(flow, action_id)
    document = flow.current.parsed()
    if action_id == chart.START:
        return regions(request, start_panel(request, flow, InputsForm(document)))
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    panel = panel_of(request, flow, document, action, contexts.problems_of(document, flow))
    return regions(request, panel_region(panel))


@editor
@require_POST
def save_properties(request: Request, slug: str, action_id: str) -> HttpResponse:
    flow = find_flow(request, slug)
    document = flow.current.parsed()
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    names = list(Connection.objects.order_by("name").values_list("name", flat=True))
    around = contexts.surroundings(document, action_id, names)
    form, common = property_form(action, around, request.POST), CommonForm(request.POST)
    errors = branch_errors(action, request.POST)
    valid = [common.is_valid(), form is None or form.is_valid(), not errors]
    if not all(valid):
        return not_valid(request, flow, document, action, form, common, errors)
    changed = apply_panel(document, action, form, common, request.POST)
    if errors := secret_errors(changed, action_id):
        return not_valid(request, flow, document, action, form, common, errors)
    base = base_of(request)
    try:
        if changed != document or base != flow.current.number:
            note = f"{common.cleaned_data['title'] or action_id} edited"
            flow.commit(changed, by=request.user, base=base, note=note)
    except Conflict as conflict:
        mine = flow.store_secrets(changed).locate(action_id).action
        return in_conflict(request, find_flow(request, slug), conflict, base, mine)
    if not request.htmx:
        return to_action(flow, action_id)
    return renewed_action(request, flow, changed, action_id)


@editor
@require_POST
def insert(request: Request, slug: str) -> HttpResponse:
    type = request.POST.get("type", "")

    def edit(document: Document) -> tuple[Document, str]:
        made = new_action(document, type)
        place = {"owner": request.POST.get("owner") or None, "branch": request.POST.get("branch") or None}
        if after := request.POST.get("after"):
            place, at = document.place_after(after)
        else:
            at = document.count if (given := whole_number(request.POST.get("at"))) is None else given
        return document.insert(made, at=at, **place), made["id"]

    try:
        registry.action_type(type)
    except registry.UnknownAction:
        raise Http404(f"There is no action type {type!r}.") from None
    return edited(request, slug, edit, note=f"{type} added")


@reader
@require_GET
def insert_menu(request: Request, slug: str) -> HttpResponse:
    """The action types to choose from, for one place of the chart."""
    flow = find_flow(request, slug)
    place = {name: request.GET.get(name, "") for name in ("owner", "branch", "at")}
    return page(request, "designer/_insert_menu.html", {"flow": flow, "toolbox": contexts.toolbox(), "place": place})


MOVES = ("up", "down", "into", "out")


@editor
@require_POST
def change(request: Request, slug: str, action_id: str, verb: str) -> HttpResponse:
    """Move, duplicate, disable or remove one action; add or remove a branch of it."""

    def edit(document: Document) -> tuple[Document, str]:
        action = document.locate(action_id).action
        if verb in MOVES:
            return document.move(action_id, verb), action_id
        if verb == "duplicate":
            return document.duplicate(action_id)
        if verb == "remove":
            return document.remove(action_id), ""
        if verb == "toggle":
            return document.with_action(action_id, disabled=not action.disabled), action_id
        if verb == "add-branch":
            return document.add_branch(action_id, title="If", condition=""), action_id
        if verb == "remove-branch":
            return document.remove_branch(request.POST.get("branch", ""), owner=action_id), action_id
        raise Http404(f"There is no verb {verb!r}.")

    return edited(request, slug, edit, note=f"{action_id} {verb}")


@editor
@require_POST
def undo(request: Request, slug: str) -> HttpResponse:
    return stepped(request, slug, Flow.undo)


@editor
@require_POST
def redo(request: Request, slug: str) -> HttpResponse:
    return stepped(request, slug, Flow.redo)


def stepped(request: Request, slug: str, step: Callable[..., Revision]) -> HttpResponse:
    flow = find_flow(request, slug)
    try:
        step(flow, base=base_of(request))
    except Conflict as conflict:
        return refused(request, flow, conflict)
    return renewed(request, find_flow(request, slug), request.POST.get("action", ""))


def edited(request: Request, slug: str, edit: Edit, *, note: str) -> HttpResponse:
    """Commits one edit of the tree, unless it changes nothing, and renews the chart."""
    flow = find_flow(request, slug)
    document, base = flow.current.parsed(), base_of(request)
    try:
        changed, selected = edit(document)
        if changed != document or base != flow.current.number:
            flow.commit(changed, by=request.user, base=base, note=note[:200])
    except Vanished:
        return vanished(request, flow, document)
    except Conflict as conflict:
        return refused(request, flow, conflict)
    except DocumentError as error:
        return not_possible(request, flow, "; ".join(error.problems))
    return renewed(request, flow, selected)


@editor
@require_http_methods(["POST"])
def save_inputs(request: Request, slug: str) -> HttpResponse:
    """Name and inputs of the flow: the panel of Start."""
    flow = find_flow(request, slug)
    document = flow.current.parsed()
    form = InputsForm(document, request.POST)
    if not form.is_valid():
        if request.htmx:
            return regions(
                request,
                start_panel(request, flow, form),
                saved_region(flow, "Not saved: see Start"),
                status=422,
            )
        context = {**whole(request, flow, document, chart.START), "inputs_form": form}
        return page(request, "designer/designer.html", context, status=422)
    changed, base = form.applied(), base_of(request)
    try:
        if changed != document or base != flow.current.number:
            flow.commit(changed, by=request.user, base=base, note="Inputs edited")
    except Conflict as conflict:
        return start_in_conflict(request, find_flow(request, slug), conflict, base, flow.store_secrets(changed))
    return renewed(request, flow, chart.START)


@reader
@require_GET
def connection_field(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The select after a connection was created in place, the new one chosen."""
    flow = find_flow(request, slug)
    document = flow.current.parsed()
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    panel = panel_of(request, flow, document, action, contexts.problems_of(document, flow))
    context = {
        "panel": panel,
        "field": panel.form["connection"] if panel.form else None,
        "chosen": request.GET.get("name", ""),
    }
    return regions(request, Region("designer/_connection_select.html", "connection-select", context))


def base_of(request: Request) -> int:
    return whole_number(request.POST.get("base")) or 0
