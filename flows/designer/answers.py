"""What the designer answers: regions to renew, or the page; after a save, a refusal or a conflict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from connections.models import Connection
from flows.access import find_flow
from flows.designer import contexts
from flows.designer.edits import (
    CommonForm,
    branch_fields,
    property_form,
)
from flows.designer.inputs import InputsForm
from flows.flowchart.chart import START, Flowchart, has_conditions, type_view
from flows.language.document import Action, Document
from flows.language.stored_secrets import is_stored
from flows.lint import linter
from flows.models import Conflict, Flow, Revision
from flows.models.usage import newest_runs
from foundryflow.http import Request
from foundryflow.people import name_of
from foundryflow.regions import Region, page, regions


def whole(request: Request, flow: Flow, document: Document, selected: str) -> dict[str, Any]:
    """Everything the page is made of."""
    problems = contexts.problems_of(document, flow)
    can_edit = request.user.is_staff
    chart = Flowchart(document, selected=selected, problems=problems.problems, root=request.GET.get("root", ""))
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
        "inputs_form": InputsForm(document) if selected == START else None,
        "variables": linter.variables_at(document, selected) if action else [],
        "can_edit": can_edit,
        "last_run": newest_runs([flow.pk]).get(flow.pk),
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
        view=type_view(action.type),
        form=property_form(action, around),
        variables=around.variables,
        connections=connections,
        help=contexts.help_of(action.type),
        branches=branch_rows(action),
        problems=problems.of(action.id),
        unsent=contexts.unsent(action, connections),
        title=action.title or "",
        description=action.description or "",
        disabled=action.disabled,
        can_edit=request.user.is_staff,
        tries=stored_tries(action),
    )


def stored_tries(action: Action) -> dict[str, Any]:
    retry = action.retry
    tries: dict[str, Any] = {"timeout": shortest(action.timeout)}
    if retry is not None:
        delay, backoff = shortest(retry.delay), shortest(retry.backoff)
        tries.update(attempts=retry.attempts, delay=delay, backoff=backoff, retry_on=retry.on)
    return tries


def shortest(number: float | None) -> float | None:
    """77 for 77.0, as people type it."""
    return int(number) if number is not None and number.is_integer() else number


def typed_tries(data: Any) -> dict[str, Any]:
    names = ("attempts", "delay", "backoff", "timeout")
    return {**{name: data.get(name, "") for name in names}, "retry_on": data.getlist("retry_on")}


def branch_rows(action: Action) -> list[contexts.BranchField]:
    if not has_conditions(action.type):
        return []
    return [contexts.BranchField(b.id, b.title or "", b.condition or "") for b in action.branches]


def renewed_action(request: Request, flow: Flow, typed: Document, action_id: str) -> HttpResponse:
    """After a save: the card, the problems, the messages at the fields and the saved text; not what is typed.

    Only fields that held a literal secret are renewed, since it is stored elsewhere now.
    """
    document = flow.current.parsed()
    problems = contexts.problems_of(document, flow)
    action = document.locate(action_id).action
    panel = panel_of(request, flow, document, action, problems)
    chart = Flowchart(document, selected=action_id, problems=problems.problems)
    parts = [
        *card_regions(flow, chart, action_id, action),
        problems_region(flow, problems),
        saved_region(flow),
        *message_regions(panel),
    ]
    parts += [
        Region(field.field.rows_partial, field.field.rows_id, {"field": field, "panel": panel})
        for field in panel.fields
        if field.field.rows_partial
    ]
    typed_properties = typed.locate(action_id).action.properties
    parts += [
        Region("designer/_property.html", f"field-{field.name}", {"field": field, "panel": panel}, swap="outerHTML")
        for field in [*panel.fields, *panel.advanced]
        if not field.field.rows_partial and action.properties.get(field.name) != typed_properties.get(field.name)
    ]
    return regions(request, *parts)


def card_regions(flow: Flow, chart: Flowchart, action_id: str, action: Action) -> list[Region]:
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


def in_conflict(request: Request, flow: Flow, conflict: Conflict, base: int, mine: Action) -> HttpResponse:
    """409: both versions, and the choice between them. Nothing is saved but the literal secrets of `mine`."""
    document = flow.current.parsed()
    theirs = document.find(mine.id)
    if theirs is None:
        return vanished(request, flow, document)
    panel = panel_of(request, flow, document, mine, contexts.problems_of(document, flow))
    panel.conflict = conflicting(conflict, mine.id, action_differences(mine, theirs, panel.form))
    if request.htmx:
        # Morphed, so that what was typed since the request stays.
        part = Region("designer/_panel.html", "panel", {"panel": panel})
        return regions(request, part, conflict_region(flow, base), status=409)
    context = {**whole(request, flow, document, mine.id), "panel": panel}
    return page(request, "designer/designer.html", context, status=409)


def start_in_conflict(request: Request, flow: Flow, conflict: Conflict, base: int, mine: Document) -> HttpResponse:
    """The same for name and inputs of the flow."""
    document, form = flow.current.parsed(), InputsForm(mine)
    form.conflict = conflicting(conflict, START, start_differences(mine, document))
    if request.htmx:
        return regions(request, start_panel(request, flow, form), conflict_region(flow, base), status=409)
    context = {**whole(request, flow, document, START), "inputs_form": form}
    return page(request, "designer/designer.html", context, status=409)


def conflicting(conflict: Conflict, selected: str, rows: list[contexts.Difference]) -> contexts.Conflicting:
    theirs = conflict.theirs
    return contexts.Conflicting(
        who=author_of(theirs), when=theirs.created_at, number=theirs.number, selected=selected, differences=rows
    )


def conflict_region(flow: Flow, base: int) -> Region:
    return saved_region(flow, "Not saved: changed elsewhere meanwhile", base=base)


def action_differences(mine: Action, theirs: Action, form: Any) -> list[contexts.Difference]:
    pairs: list[tuple[str, Any, Any]] = [("Title", mine.title, theirs.title)]
    for name, declared in form.property_fields() if form is not None else ():
        pairs.append((declared.label, mine.properties.get(name), theirs.properties.get(name)))
    known = {branch.id: branch for branch in theirs.branches}
    for number, branch in enumerate(mine.branches, 1):
        if branch.id in known:
            other = known[branch.id]
            pairs.append((f"Title of branch {number}", branch.title, other.title))
            pairs.append((f"Condition of branch {number}", branch.condition, other.condition))
    pairs.append(("Retry", mine.json.get("retry"), theirs.json.get("retry")))
    pairs.append(("Timeout", mine.timeout, theirs.timeout))
    pairs.append(("Disabled", mine.disabled, theirs.disabled))
    pairs.append(("Description", mine.description, theirs.description))
    return different(pairs)


def start_differences(mine: Document, theirs: Document) -> list[contexts.Difference]:
    inputs = [{declared.name: declared.json for declared in document.inputs} for document in (mine, theirs)]
    pairs: list[tuple[str, Any, Any]] = [("Name", mine.name, theirs.name)]
    pairs += [(f"Input {name}", *(each.get(name) for each in inputs)) for name in {**inputs[0], **inputs[1]}]
    pairs.append(("Deadline", mine.deadline, theirs.deadline))
    pairs.append(("Runs at the same time", mine.concurrency, theirs.concurrency))
    return different(pairs)


def different(pairs: list[tuple[str, Any, Any]]) -> list[contexts.Difference]:
    found = [pair for pair in pairs if (pair[1] or None) != (pair[2] or None)]
    return [(label, spoken(mine), spoken(theirs)) for label, mine, theirs in found]


def spoken(value: Any) -> str:
    if value in (None, "", [], {}, False):
        return "empty"
    if value is True:
        return "yes"
    if is_stored(value):
        return "a stored secret"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {spoken(each)}" for key, each in value.items() if each not in (None, "", []))[:200]
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return "; ".join(map(spoken, value))[:200]
    return str(value)[:200]


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
    parts.append(selected_region(request, flow, context))
    response = regions(request, *parts)
    response.headers["HX-Push-Url"] = url_of(flow, selected)
    return response


def refused(request: Request, flow: Flow, conflict: Conflict) -> HttpResponse:
    """409 for an edit of the tree: the chart as it is now, and one sentence."""
    flow = find_flow(request, flow.slug)
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
        selected_region(request, flow, context),
        status=409,
    )


def not_possible(request: Request, flow: Flow, sentence: str) -> HttpResponse:
    if request.htmx:
        return regions(request, saved_region(flow, sentence), status=422)
    messages.error(request, sentence)
    return to_action(flow, "")


def vanished(request: Request, flow: Flow, document: Document) -> HttpResponse:
    """409: what was to be changed was removed meanwhile. The chart as it is now, and one sentence."""
    sentence = "This action was removed meanwhile. Here is the flow as it is."
    if not request.htmx:
        messages.warning(request, sentence)
        return to_action(flow, "")
    selected = request.POST.get("action", "")
    known = selected == START or document.find(selected) is not None
    context = whole(request, flow, document, selected if known else "")
    response = regions(
        request,
        chart_region(flow, context["chart"]),
        problems_region(flow, context["problems"]),
        saved_region(flow, sentence),
        selected_region(request, flow, context),
        status=409,
    )
    response.headers["HX-Push-Url"] = url_of(flow, selected if known else "")
    return response


def selected_region(request: Request, flow: Flow, context: dict[str, Any]) -> Region:
    """The panel of what is selected on the page."""
    form = context["inputs_form"]
    return start_panel(request, flow, form) if form is not None else panel_region(context["panel"])


def panel_region(panel: contexts.Panel | None) -> Region:
    return Region("designer/_panel.html", "panel", {"panel": panel}, swap="outerHTML")


def start_panel(request: Request, flow: Flow, form: InputsForm) -> Region:
    return Region(
        "designer/_start_panel.html",
        "panel",
        {"flow": flow, "form": form, "can_edit": request.user.is_staff},
        swap="outerMorph",
    )


def chart_region(flow: Flow, chart: Flowchart) -> Region:
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
