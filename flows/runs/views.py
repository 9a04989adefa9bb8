"""Start, list, show and stop runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from connections.secret import MASK
from flows import engine
from flows.access import find_flow, find_run
from flows.engine import configuration
from flows.engine.configuration import LocatedProblem, head_of
from flows.flowchart.chart import run_flowchart
from flows.flowchart.states import run_view
from flows.language.document import DocumentError
from flows.models import Flow, Run, State
from flows.models.search import FILTERS, MOST_COUNTED, PERIODS, STATES, Cursor, Filters, Search
from flows.models.usage import visible_runs
from flows.runs.contexts import (
    Outline,
    Value,
    detail_of,
    duration_of,
    run_rows,
    selected_record,
    started_by,
    usage_chart,
    workers_missing,
)
from flows.runs.deaths import deaths_of
from flows.runs.forms import InputsForm
from flows.runs.steps import follow, log_window
from foundryflow.access import editor, reader
from foundryflow.http import Request, whole_number
from foundryflow.people import name_of
from foundryflow.regions import page

TABS = ("steps", "flowchart", "values", "log")


@reader
@require_GET
def run_list(request: Request) -> HttpResponse:
    """A page of runs. `before` and `after` say where it begins; `oldest` asks for the last one."""
    given = request.GET
    search = Search(Flow.objects.visible_to(request.user), Filters.of(given))
    found = search.page(
        Cursor.parse(given.get("before", "")), Cursor.parse(given.get("after", "")), oldest="oldest" in given
    )
    context = {
        "rows": run_rows(found.runs),
        "found": found,
        "count": search.count(found),
        "most_counted": MOST_COUNTED,
        "all": visible_runs(request.user),
        "usage": usage_chart(),
        "given": given,
        "filtered": any(given.get(name) for name in FILTERS),
        "flows": Flow.objects.edited().order_by("name").values_list("slug", "name")[:100],
        "people": User.objects.order_by("username").values_list("username", flat=True)[:100],
        "workers": workers_missing(),
        "states": STATES,
        "periods": PERIODS.items(),
    }
    return page(request, "runs/list.html", context)


@reader
@require_GET
def workers(request: Request) -> HttpResponse:
    """The notice that queued runs have no worker, asked for again and again by pages that may have to show it."""
    return page(request, "runs/_workers.html", {"workers": workers_missing()})


@editor
@require_http_methods(["GET", "POST"])
def start(request: Request, slug: str) -> HttpResponse:
    """Asks for the inputs, then starts the run and shows it."""
    flow = find_flow(request, slug)
    try:
        document = flow.current.parsed()
    except DocumentError:
        return redirect("designer:show", slug)
    again = Run.objects.filter(pk=whole_number(request.GET.get("again")), flow=flow).first()
    path, newest = request.GET.get("from", ""), "newest" in request.POST
    # Taken over from, where the address says where to begin; else only its inputs are offered once more.
    origin = again if "from" in request.GET else None
    if origin and not newest:
        try:
            document = origin.revision.parsed()
        except DocumentError:
            raise Http404("The revision of that run cannot be read.") from None
    asked = request.method == "POST" and (not document.inputs or "asked" in request.POST)
    form = InputsForm(document, request.POST if asked else None, initial_of(again) if again else None)
    errors = configuration.errors_before_run(origin.revision if origin and not newest else head_of(flow))
    shown = configuration.locate_problems(errors, document, flow)
    if request.method == "POST" and errors and "anyway" not in request.POST:
        return start_page(request, flow, form, shown, origin, path, status=422)
    if asked and form.is_valid():
        with transaction.atomic():
            if origin:
                # What was cleared counts as cleared.
                given = {**{declared.name: None for declared in document.inputs}, **form.inputs()}
                run = Run.objects.again(origin, by=request.user, via="run page", path=path, inputs=given, newest=newest)
            else:
                run = Run.objects.start(
                    flow=flow, inputs=form.inputs(), by=request.user, via="designer", priority=engine.URGENT
                )
            engine.submit(run)
        return redirect("runs:show", run.pk)
    status = 422 if form.is_bound else 200
    return start_page(request, flow, form, shown, origin, path, status=status)


def start_page(
    request: Request,
    flow: Flow,
    form: InputsForm,
    errors: list[LocatedProblem],
    again: Run | None,
    path: str,
    *,
    status: int,
) -> HttpResponse:
    """Asks for the inputs, and says what is wrong with the flow."""
    context = {"flow": flow, "form": form, "again": again, "path": path, "errors": errors}
    return page(request, "runs/start.html", context, status=status)


def initial_of(run: Run) -> dict[str, Any]:
    """The inputs of a run once more; secret ones are gone."""
    return {name: value for name, value in run.inputs.items() if value != MASK}


@editor
@require_POST
def retry(request: Request, pk: int) -> HttpResponse:
    """Goes on where the run failed, with what had finished; asks for secret inputs first, which are gone."""
    run = find_run(request, pk)
    if run.state not in (State.FAILED, State.CANCELLED):
        messages.info(request, "Only a run that failed or was stopped can be retried.")
        return redirect("runs:show", pk)
    path = (run.error or {}).get("path", "")
    if MASK in run.inputs.values():
        return redirect(f"{reverse('runs:start', args=[run.flow.slug])}?{urlencode({'again': pk, 'from': path})}")
    try:
        errors = configuration.errors_before_run(run.revision)
        if errors and "anyway" not in request.POST:
            document = run.revision.parsed()
            form, shown = (
                InputsForm(document, None, initial_of(run)),
                configuration.locate_problems(errors, document, run.flow),
            )
            return start_page(request, run.flow, form, shown, run, path, status=422)
        with transaction.atomic():
            made = Run.objects.again(run, by=request.user, via="run page")
            engine.submit(made)
    except DocumentError:
        messages.error(request, "The revision of that run cannot be read.")
        return redirect("runs:show", pk)
    return redirect("runs:show", made.pk)


@reader
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    run = find_run(request, pk)
    return page(request, "runs/run.html", run_context(run, request.GET))


def run_context(run: Run, given: Mapping[str, str]) -> dict[str, Any]:
    """Everything the run page is made of, from the database as it is now."""
    action, tab = given.get("action", "").replace("\x00", ""), given.get("tab", "")
    record = selected_record(run, action)
    tab = tab if tab in TABS else "steps"
    context: dict[str, Any] = {
        "run": run,
        "flow": run.flow,
        "state": run_view(run),
        "deaths": deaths_of(run),
        "workers": workers_missing() if run.state == State.QUEUED else None,
        "milliseconds": duration_of(run),
        "by": started_by(run),
        "tab": tab,
        "action": action,
        "detail": detail_of(run, record),
        "lines": run.log.count(),
        "inputs": [(name, Value.of(value)) for name, value in run.inputs.items()],
        "output": Value.of(run.output),
        "more": run.revision.number != run.flow.current.number,
    }
    if tab == "steps":
        context["outline"] = Outline(run, record, action, given)
        context["follow"] = follow(given)
    elif tab == "flowchart":
        context.update(flowchart_or_nothing(run))
    elif tab == "log":
        context["log"] = log_window(run, given)
        context["follow"] = follow(given)
    return context


def flowchart_or_nothing(run: Run) -> dict[str, Any]:
    try:
        return run_flowchart(run)
    except DocumentError:
        return {"chart": None}


@editor
@require_POST
def cancel(request: Request, pk: int) -> HttpResponse:
    run = find_run(request, pk)
    if not engine.cancel(run, by=name_of(request.user)):
        messages.info(request, "The run had ended already.")
    return redirect("runs:show", pk)


@reader
@require_GET
def download(request: Request, pk: int) -> HttpResponse:
    """The output of a run, or with ?action= of one action, as JSON. Secrets are masked in what is stored."""
    run = find_run(request, pk)
    value, name = run.output, f"run-{pk}"
    if path := request.GET.get("action"):
        record = selected_record(run, path)
        if record is None:
            raise Http404("This run has no such action.")
        value, name = record.output, f"run-{pk}-{record.action_id}"
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(
        json.dumps(value, indent=2, ensure_ascii=False), content_type="application/json", headers=headers
    )
