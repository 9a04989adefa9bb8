"""What the designer answers: regions to renew, or the page; after a save, a refusal or a conflict."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from connections.models import Connection
from flows import lint
from flows.designer import contexts, flowchart
from flows.designer.edits import (
    CommonForm,
    branch_fields,
    property_form,
)
from flows.designer.inputs import InputsForm
from flows.document import Action, Document
from flows.models import Conflict, Flow, Revision
from foundryflow import access
from foundryflow.http import Request
from foundryflow.people import name_of
from foundryflow.regions import Region, page, regions


def whole(request: Request, flow: Flow, document: Document, selected: str) -> dict[str, Any]:
    """Everything the page is made of."""
    problems = contexts.problems_of(document, flow)
    can_edit = request.user.is_staff
    chart = flowchart.Flowchart(
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
        "inputs_form": InputsForm(document) if selected == flowchart.START else None,
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
        view=flowchart.type_view(action.type),
        form=property_form(action, around),
        variables=around.variables,
        connections=connections,
        help=contexts.help_of(action.type),
        branches=branch_rows(action),
        problems={p.property or "": p.message for p in problems.problems if p.action_id == action.id},
        unsent=contexts.unsent(action, connections),
        title=action.title or "",
        description=action.description or "",
        disabled=action.disabled,
        can_edit=request.user.is_staff,
        tries=stored_tries(action),
    )


def stored_tries(action: Action) -> dict[str, Any]:
    retry = action.retry
    tries: dict[str, Any] = {"timeout": action.timeout}
    if retry is not None:
        tries.update(attempts=retry.attempts, delay=retry.delay, backoff=retry.backoff, retry_on=retry.on)
    return tries


def typed_tries(data: Any) -> dict[str, Any]:
    names = ("attempts", "delay", "backoff", "timeout")
    return {**{name: data.get(name, "") for name in names}, "retry_on": data.getlist("retry_on")}


def branch_rows(action: Action) -> list[contexts.BranchField]:
    if not flowchart.has_conditions(action.type):
        return []
    return [contexts.BranchField(b.id, b.title or "", b.condition or "") for b in action.branches]


def renewed_action(request: Request, flow: Flow, document: Document, action_id: str) -> HttpResponse:
    """After a save: the card, the problems, the messages at the fields and the saved text; not what is typed."""
    problems = contexts.problems_of(document, flow)
    action = document.find(action_id)
    assert action is not None  # noqa: S101 - it was just saved
    panel = panel_of(request, flow, document, action, problems)
    chart = flowchart.Flowchart(document, selected=action_id, problems=problems.problems)
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


def card_regions(flow: Flow, chart: flowchart.Flowchart, action_id: str, action: Action) -> list[Region]:
    card = chart.card(action_id)
    if card is None:
        return []
    if card.lanes is None:
        return [Region("designer/_card.html", f"card-{action_id}", {"card": card, "flow": flow, "chart": chart})]
    return [chart_region(flow, chart)]


def message_regions(panel: contexts.Panel) -> list[Region]:
    names = [name for name, _ in panel.form.property_fields()] if panel.form else []
    names += [f"branch-{branch.id}-condition" for branch in panel.branches]
    names += ["attempts", "delay", "backoff", "timeout"]
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
    panel = panel_of(request, flow, document, action, contexts.problems_of(document, flow))
    panel.form = form
    panel.title, panel.description = common.data.get("title", ""), common.data.get("description", "")
    panel.disabled = bool(common.data.get("disabled"))
    if "retry-shown" in request.POST:
        panel.tries = typed_tries(request.POST)
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
    base: int,
    document: Document,
    action: Action,
    form: Any,
    common: CommonForm,
) -> HttpResponse:
    """409: both versions, and the choice between them. Nothing is saved."""
    theirs = conflict.theirs
    panel = panel_of(request, flow, document, action, contexts.problems_of(document, flow))
    panel.form = form
    panel.title, panel.description = common.cleaned_data["title"], common.cleaned_data["description"]
    panel.disabled = common.cleaned_data["disabled"]
    for branch in panel.branches:
        branch.title, branch.condition = branch_fields(branch.id, request.POST) or (
            branch.title,
            branch.condition,
        )
    panel.conflict = contexts.Conflicting(
        who=author_of(theirs),
        when=theirs.created_at,
        number=theirs.number,
        differences=differences(action, form, common),
    )
    if request.htmx:
        return regions(
            request,
            panel_region(panel),
            saved_region(flow, "Not saved: changed elsewhere meanwhile", base=base),
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


def author_of(revision: Revision) -> str:
    return name_of(revision.created_by) or "Somebody"


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
    if selected == flowchart.START:
        parts.append(start_panel(request, flow, InputsForm(document)))
    else:
        parts.append(panel_region(context["panel"]))
    response = regions(request, *parts)
    response.headers["HX-Push-Url"] = url_of(flow, selected)
    return response


def refused(request: Request, flow: Flow, conflict: Conflict) -> HttpResponse:
    """409 for an edit of the tree: the chart as it is now, and one sentence."""
    flow = access.flow(request, flow.slug)
    theirs = f"{author_of(conflict.theirs)} changed this flow meanwhile (revision {conflict.theirs.number})."
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


def panel_region(panel: contexts.Panel | None) -> Region:
    return Region("designer/_panel.html", "panel", {"panel": panel}, swap="outerHTML")


def start_panel(request: Request, flow: Flow, form: InputsForm) -> Region:
    return Region(
        "designer/_start_panel.html",
        "panel",
        {"flow": flow, "form": form, "can_edit": request.user.is_staff},
        swap="outerMorph",
    )


def chart_region(flow: Flow, chart: flowchart.Flowchart) -> Region:
    return Region("designer/_flowchart.html", "flowchart", {"flow": flow, "chart": chart})


def problems_region(flow: Flow, problems: contexts.Problems) -> Region:
    return Region("designer/_problems.html", "problems", {"flow": flow, "problems": problems})


def saved_region(flow: Flow, state: str = "", base: int | None = None) -> Region:
    """`base` is what the page goes on editing: the current revision, unless a conflict is to be settled first."""
    context = {"flow": flow, "revision": flow.current, "state": state, "base": base or flow.current.number}
    return Region("designer/_saved.html", "saved", context)


def url_of(flow: Flow, action_id: str) -> str:
    url = reverse("designer:show", args=[flow.slug])
    return f"{url}?action={action_id}" if action_id else url


def to_action(flow: Flow, action_id: str) -> HttpResponseRedirect:
    return redirect(url_of(flow, action_id))
