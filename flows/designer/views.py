"""The designer: show a flow, edit it in place. Every edit is one commit against the revision it was made on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.models import Connection
from flows import lint
from flows.actions import registry
from flows.designer import contexts
from flows.designer.edits import (
    CommonForm,
    SecretStore,
    apply_panel,
    branch_errors,
    branch_fields,
    new_action,
    property_form,
)
from flows.designer.inputs import InputsForm
from flows.document import Action, Document, DocumentError
from flows.models import Conflict, Flow, Revision
from foundryflow import access
from foundryflow.access import editor, reader
from foundryflow.http import Request
from foundryflow.regions import Region, page, regions

Edit = Callable[[Document], tuple[Document, str]]  # the changed document, and the action to select


@reader
@require_GET
def show(request: Request, slug: str) -> HttpResponse:
    flow = access.flow(request, slug)
    try:
        document = flow.current.parsed()
    except DocumentError as error:
        return page(request, "designer/broken.html", {"flow": flow, "problems": error.problems}, status=200)
    selected = request.GET.get("action", "")
    return page(request, "designer/designer.html", whole(request, flow, document, selected))


def whole(request: Request, flow: Flow, document: Document, selected: str) -> dict[str, Any]:
    """Everything the page is made of."""
    problems = contexts.problems_of(document)
    can_edit = request.user.is_staff
    chart = contexts.Flowchart(
        document, selected=selected, problems=problems.problems, root=request.GET.get("root", "")
    )
    if not can_edit:
        chart.readonly = True
    action = document.find(selected) if selected else None
    return {
        "flow": flow,
        "revision": flow.current,
        "chart": chart,
        "toolbox": contexts.toolbox(),
        "problems": problems,
        "panel": panel_of(request, flow, document, action, problems) if action else None,
        "inputs_form": InputsForm(document) if selected == contexts.START else None,
        "variables": lint.variables_at(document, selected) if action else [],
        "can_edit": can_edit,
        "last_run": flow.runs.order_by("-pk").first(),
    }


def panel_of(
    request: Request, flow: Flow, document: Document, action: Action, problems: contexts.Problems
) -> contexts.Panel:
    connections = list(Connection.objects.only("name", "endpoint").order_by("name"))
    around = contexts.surroundings(document, action.id, [connection.name for connection in connections])
    return contexts.Panel(
        flow=flow,
        revision=flow.current,
        action=action,
        view=contexts.type_view(action.type),
        form=property_form(action, around),
        variables=around.variables,
        connections=connections,
        help=contexts.help_of(action.type),
        branches=branch_rows(action),
        problems={p.property or "": p.message for p in problems.problems if p.action_id == action.id},
        title=action.title or "",
        description=action.description or "",
        disabled=action.disabled,
        can_edit=request.user.is_staff,
    )


def branch_rows(action: Action) -> list[contexts.BranchField]:
    if not contexts.is_container(action.type) or contexts.is_loop(action.type):
        return []
    return [contexts.BranchField(b.id, b.title or "", b.condition or "") for b in action.branches]


@reader
@require_GET
def select(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The panel of one action. Without htmx: the page with it open."""
    flow = access.flow(request, slug)
    if not request.htmx:
        return to_action(flow, action_id)
    document = flow.current.parsed()
    if action_id == contexts.START:
        return regions(request, start_panel(request, flow, InputsForm(document)))
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    panel = panel_of(request, flow, document, action, contexts.problems_of(document))
    return regions(request, panel_region(panel))


@editor
@require_POST
def save_properties(request: Request, slug: str, action_id: str) -> HttpResponse:
    flow = access.flow(request, slug)
    document = flow.current.parsed()
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    store = SecretStore(flow)
    names = list(Connection.objects.order_by("name").values_list("name", flat=True))
    around = contexts.surroundings(document, action_id, names, store_secret=store)
    form, common = property_form(action, around, request.POST), CommonForm(request.POST)
    errors = branch_errors(action, request.POST)
    valid = [common.is_valid(), form is None or form.is_valid(), not errors]
    if not all(valid):
        return not_valid(request, flow, document, action, form, common, errors)
    changed = apply_panel(document, action, form, common, request.POST)
    base = base_of(request)
    try:
        if changed != document or base != flow.current.number:
            with transaction.atomic():
                store.save()
                flow.commit(
                    changed,
                    by=request.user,
                    base=base,
                    note=f"{common.cleaned_data['title'] or action_id} edited",
                )
    except Conflict as conflict:
        return in_conflict(request, flow, conflict, document, action, form, common)
    if not request.htmx:
        return to_action(flow, action_id)
    return renewed_action(request, flow, changed, action_id)


def renewed_action(request: Request, flow: Flow, document: Document, action_id: str) -> HttpResponse:
    """After a save: the card, the problems, the messages at the fields and the saved text; not what is typed."""
    problems = contexts.problems_of(document)
    action = document.find(action_id)
    assert action is not None  # noqa: S101 - it was just saved
    panel = panel_of(request, flow, document, action, problems)
    chart = contexts.Flowchart(document, selected=action_id, problems=problems.problems)
    parts = [
        *card_regions(flow, chart, action_id, action),
        problems_region(flow, problems),
        saved_region(flow),
        *message_regions(panel),
    ]
    if any(field.field.control == "variables" for field in panel.fields):
        parts.append(
            Region(
                "designer/_variables_rows.html",
                "variables-rows",
                {"field": panel.form["variables"], "panel": panel},
            )
        )
    return regions(request, *parts)


def card_regions(flow: Flow, chart: contexts.Flowchart, action_id: str, action: Action) -> list[Region]:
    card = chart.card(action_id)
    if card is None:
        return []
    if card.lanes is None:
        return [Region("designer/_card.html", f"card-{action_id}", {"card": card, "flow": flow, "chart": chart})]
    return [chart_region(flow, chart)]


def message_regions(panel: contexts.Panel) -> list[Region]:
    names = [name for name, _ in panel.form.property_fields()] if panel.form else []
    names += [f"branch-{branch.id}-condition" for branch in panel.branches]
    return [
        Region(
            "designer/_message.html",
            f"message-{name}",
            {
                "name": name,
                "error": panel.errors.get(name, ""),
                "problem": "" if panel.errors.get(name) else panel.problems.get(name, ""),
            },
        )
        for name in names
    ]


def not_valid(
    request: Request,
    flow: Flow,
    document: Document,
    action: Action,
    form: Any,
    common: CommonForm,
    errors: dict[str, str],
) -> HttpResponse:
    """422: nothing is saved, nothing typed is lost, each field says what is wrong."""
    panel = panel_of(request, flow, document, action, contexts.problems_of(document))
    panel.form = form
    panel.title, panel.description = common.data.get("title", ""), common.data.get("description", "")
    panel.disabled = bool(common.data.get("disabled"))
    panel.errors = {**errors, **first_messages(form), **first_messages(common)}
    for branch in panel.branches:
        typed = branch_fields(branch.id, request.POST)
        branch.title, branch.condition = typed or (branch.title, branch.condition)
        branch.error = errors.get(f"branch-{branch.id}-condition", "")
    if request.htmx:
        count = len(panel.errors)
        state = f"Not saved: {count} field{'s' if count > 1 else ''} to correct"
        return regions(request, *message_regions(panel), saved_region(flow, state), status=422)
    context = {**whole(request, flow, document, action.id), "panel": panel}
    return page(request, "designer/designer.html", context, status=422)


def first_messages(form: Any) -> dict[str, str]:
    return {name: str(found[0]) for name, found in form.errors.items()} if form is not None else {}


def in_conflict(
    request: Request,
    flow: Flow,
    conflict: Conflict,
    document: Document,
    action: Action,
    form: Any,
    common: CommonForm,
) -> HttpResponse:
    """409: both versions, and the choice between them. Nothing is saved."""
    theirs = conflict.theirs
    panel = panel_of(request, flow, document, action, contexts.problems_of(document))
    panel.form = form
    panel.title, panel.description = common.cleaned_data["title"], common.cleaned_data["description"]
    panel.disabled = common.cleaned_data["disabled"]
    for branch in panel.branches:
        branch.title, branch.condition = branch_fields(branch.id, request.POST) or (
            branch.title,
            branch.condition,
        )
    panel.conflict = contexts.Conflicting(
        who=name_of(theirs),
        when=theirs.created_at,
        number=theirs.number,
        differences=differences(action, form, common),
    )
    if request.htmx:
        return regions(
            request,
            panel_region(panel),
            saved_region(flow, "Not saved: changed elsewhere meanwhile", keep_base=True),
            status=409,
        )
    context = {**whole(request, flow, document, action.id), "panel": panel}
    return page(request, "designer/designer.html", context, status=409)


def differences(theirs: Action, form: Any, common: CommonForm) -> list[tuple[str, str, str]]:
    rows = []
    if common.cleaned_data["title"] != (theirs.title or ""):
        rows.append(("Title", common.cleaned_data["title"], theirs.title or ""))
    mine = form.properties() if form is not None else {}
    for name, declared in form.property_fields() if form is not None else ():
        if mine.get(name) != theirs.properties.get(name) and declared.control != "secret":
            rows.append((declared.label, spoken(mine.get(name)), spoken(theirs.properties.get(name))))
    return rows


def spoken(value: Any) -> str:
    return "empty" if value in (None, "", [], {}) else str(value)[:200]


def name_of(revision: Revision) -> str:
    by = revision.created_by
    return (by.get_full_name() or by.get_username()) if by else "Somebody"


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
            at = whole_number(request.POST.get("at"), document.count)
        return document.insert(made, at=at, **place), made["id"]

    try:
        registry.action_type(type)
    except registry.UnknownAction:
        raise Http404(f"There is no action type {type!r}.") from None
    return edited(request, slug, edit, note=f"{type} added", panel=True)


@reader
@require_GET
def insert_menu(request: Request, slug: str) -> HttpResponse:
    """The action types to choose from, for one place of the chart."""
    flow = access.flow(request, slug)
    place = {name: request.GET.get(name, "") for name in ("owner", "branch", "at")}
    return page(request, "designer/_insert_menu.html", {"flow": flow, "toolbox": contexts.toolbox(), "place": place})


MOVES = ("up", "down", "into", "out")


@editor
@require_POST
def change(request: Request, slug: str, action_id: str, verb: str) -> HttpResponse:
    """Move, duplicate, disable or remove one action; add or remove a branch of it."""

    def edit(document: Document) -> tuple[Document, str]:
        if document.find(action_id) is None:
            return document, ""
        if verb in MOVES:
            return document.moved(action_id, verb), action_id
        if verb == "duplicate":
            return document.duplicate(action_id)
        if verb == "remove":
            return document.remove(action_id), ""
        if verb == "toggle":
            action = document.find(action_id)
            return document.with_action(action_id, disabled=not (action and action.disabled)), action_id
        if verb == "add-branch":
            return document.add_branch(action_id, title="If", condition=""), action_id
        if verb == "remove-branch":
            return document.remove_branch(request.POST.get("branch", "")), action_id
        raise Http404(f"There is no verb {verb!r}.")

    return edited(request, slug, edit, note=f"{action_id} {verb}", panel=True)


@editor
@require_POST
def undo(request: Request, slug: str) -> HttpResponse:
    return stepped(request, slug, Flow.undo)


@editor
@require_POST
def redo(request: Request, slug: str) -> HttpResponse:
    return stepped(request, slug, Flow.redo)


def stepped(request: Request, slug: str, step: Callable[..., Revision]) -> HttpResponse:
    flow = access.flow(request, slug)
    try:
        step(flow, base=base_of(request))
    except Conflict as conflict:
        return refused(request, flow, conflict)
    return renewed(request, access.flow(request, slug), request.POST.get("action", ""))


def edited(request: Request, slug: str, edit: Edit, *, note: str, panel: bool) -> HttpResponse:
    """Commits one edit of the tree and renews the chart."""
    flow = access.flow(request, slug)
    try:
        document, selected = edit(flow.current.parsed())
        flow.commit(document, by=request.user, base=base_of(request), note=note[:200])
    except Conflict as conflict:
        return refused(request, flow, conflict)
    except DocumentError as error:
        return not_possible(request, flow, "; ".join(error.problems))
    return renewed(request, flow, selected)


def renewed(request: Request, flow: Flow, selected: str) -> HttpResponse:
    """The whole chart and the panel after the tree has changed."""
    if not request.htmx:
        return to_action(flow, selected)
    document = flow.current.parsed()
    context = whole(request, flow, document, selected)
    parts = [
        chart_region(flow, context["chart"]),
        problems_region(flow, context["problems"]),
        saved_region(flow),
        Region("designer/_name.html", "flow-name", {"flow": flow}),
    ]
    if selected == contexts.START:
        parts.append(start_panel(request, flow, InputsForm(document)))
    else:
        parts.append(panel_region(context["panel"]))
    response = regions(request, *parts)
    response.headers["HX-Push-Url"] = url_of(flow, selected)
    return response


def refused(request: Request, flow: Flow, conflict: Conflict) -> HttpResponse:
    """409 for an edit of the tree: the chart as it is now, and one sentence."""
    flow = access.flow(request, flow.slug)
    theirs = f"{name_of(conflict.theirs)} changed this flow meanwhile (revision {conflict.theirs.number})."
    sentence = f"{theirs} Your step was not made; here is the flow as it is."
    if not request.htmx:
        messages.warning(request, sentence)
        return to_action(flow, "")
    context = whole(request, flow, flow.current.parsed(), request.POST.get("action", ""))
    return regions(
        request,
        chart_region(flow, context["chart"]),
        problems_region(flow, context["problems"]),
        saved_region(flow, sentence),
        panel_region(context["panel"]),
        status=409,
    )


def not_possible(request: Request, flow: Flow, sentence: str) -> HttpResponse:
    if request.htmx:
        return regions(request, saved_region(flow, sentence), status=422)
    messages.error(request, sentence)
    return to_action(flow, "")


def vanished(request: Request, flow: Flow, document: Document) -> HttpResponse:
    """The action was removed meanwhile: the chart as it is now, and one sentence."""
    if not request.htmx:
        messages.warning(request, "This action was removed meanwhile.")
        return to_action(flow, "")
    context = whole(request, flow, document, "")
    return regions(
        request,
        chart_region(flow, context["chart"]),
        problems_region(flow, context["problems"]),
        saved_region(flow, "This action was removed meanwhile."),
        panel_region(None),
        status=409,
    )


@editor
@require_http_methods(["POST"])
def save_inputs(request: Request, slug: str) -> HttpResponse:
    """Name and inputs of the flow: the panel of Start."""
    flow = access.flow(request, slug)
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
        context = {**whole(request, flow, document, contexts.START), "inputs_form": form}
        return page(request, "designer/designer.html", context, status=422)
    try:
        changed = form.applied()
        if changed != document or base_of(request) != flow.current.number:
            flow.commit(changed, by=request.user, base=base_of(request), note="Inputs edited")
    except Conflict as conflict:
        return refused(request, flow, conflict)
    return renewed(request, flow, contexts.START)


@reader
@require_GET
def connection_field(request: Request, slug: str, action_id: str) -> HttpResponse:
    """The select after a connection was created in place, the new one chosen."""
    flow = access.flow(request, slug)
    document = flow.current.parsed()
    action = document.find(action_id)
    if action is None:
        return vanished(request, flow, document)
    panel = panel_of(request, flow, document, action, contexts.problems_of(document))
    context = {
        "panel": panel,
        "field": panel.form["connection"] if panel.form else None,
        "chosen": request.GET.get("name", ""),
    }
    return regions(request, Region("designer/_connection_select.html", "connection-select", context))


def panel_region(panel: contexts.Panel | None) -> Region:
    return Region("designer/_panel.html", "panel", {"panel": panel}, swap="outerHTML")


def start_panel(request: Request, flow: Flow, form: InputsForm) -> Region:
    return Region(
        "designer/_start_panel.html",
        "panel",
        {"flow": flow, "form": form, "can_edit": request.user.is_staff},
        swap="outerMorph",
    )


def chart_region(flow: Flow, chart: contexts.Flowchart) -> Region:
    return Region("designer/_flowchart.html", "flowchart", {"flow": flow, "chart": chart})


def problems_region(flow: Flow, problems: contexts.Problems) -> Region:
    return Region("designer/_problems.html", "problems", {"flow": flow, "problems": problems})


def saved_region(flow: Flow, state: str = "", keep_base: bool = False) -> Region:
    return Region(
        "designer/_saved.html",
        "saved",
        {"flow": flow, "revision": flow.current, "state": state, "keep_base": keep_base},
    )


def base_of(request: Request) -> int:
    return whole_number(request.POST.get("base"), 0)


def whole_number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isdecimal() else otherwise


def url_of(flow: Flow, action_id: str) -> str:
    url = reverse("designer:show", args=[flow.slug])
    return f"{url}?action={action_id}" if action_id else url


def to_action(flow: Flow, action_id: str) -> HttpResponseRedirect:
    return redirect(url_of(flow, action_id))
