"""List, show, stop and download runs."""

from __future__ import annotations

import csv
import json

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from flows import engine
from flows.access import find_run
from flows.models.audit import of_flow, run_subject
from flows.runs.action_detail import selected_record
from flows.runs.iteration_file import iteration_lines
from flows.runs.iteration_search import IterationFilters, IterationSearch
from flows.runs.list import list_context, list_regions
from flows.runs.loops import find_loop
from flows.runs.page import LARGE, RunPage
from flows.runs.workers_notice import workers_notice
from foundryflow.access import reader, runner
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request
from foundryflow.json_order import in_order
from foundryflow.names import name_of
from foundryflow.regions import page, regions
from foundryflow.roles import Permissions


@reader
@require_GET
def run_list(request: Request) -> HttpResponse:
    if request.htmx and not request.htmx.history_restore_request:
        return regions(request, *list_regions(request.user, request.GET))
    return page(request, "runs/list.html", list_context(request.user, request.GET))


@reader
@require_GET
def workers(request: Request) -> HttpResponse:
    """The notice that queued runs have no worker, asked for again and again by pages that may have to show it."""
    return page(request, "runs/_workers.html", {"workers": workers_notice()})


@reader
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    shown = RunPage(find_run(request, pk, *LARGE), request.GET, Permissions(request.user))
    if request.htmx and not request.htmx.history_restore_request:
        return regions(request, shown.detail_region, shown.tab_region)
    return page(request, "runs/run.html", shown.context)


@reader
@require_GET
def detail(request: Request, pk: int) -> HttpResponse:
    """Beside the steps, what the address of the page asks for of one action."""
    shown = RunPage(find_run(request, pk, *LARGE), request.GET, Permissions(request.user))
    return regions(request, shown.detail_region)


@reader
@require_GET
def iterations(request: Request, pk: int) -> HttpResponse:
    """The iterations that the filters find, as CSV."""
    run, filters = find_run(request, pk), IterationFilters.of(request.GET)
    loop = find_loop(run, filters.loop)
    if loop is None:
        raise Http404("This run has no loop with many iterations.")
    record(origin_of(request), "exported", run_subject(run), f"{of_flow(run.flow)}: iterations as CSV")
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="run-{pk}-iterations.csv"'},
    )
    csv.writer(response).writerows(iteration_lines(IterationSearch(run, loop, filters)))
    return response


@runner
@require_POST
def cancel(request: Request, pk: int) -> HttpResponse:
    run = find_run(request, pk)
    with transaction.atomic():
        stopped = engine.cancel(run, by=name_of(request.user))
        if stopped:
            record(origin_of(request), "stopped", run_subject(run), of_flow(run.flow))
    if not stopped:
        messages.info(request, "The run had ended already.")
    return redirect("runs:show", pk)


@reader
@require_GET
def download(request: Request, pk: int) -> HttpResponse:
    """The output of a run, or with ?action= of one action, as JSON. Secrets are masked in what is stored."""
    run = find_run(request, pk)
    value, name = run.output, f"run-{pk}"
    if path := request.GET.get("action"):
        action = selected_record(run, path)
        if action is None:
            raise Http404("This run has no such action.")
        value, name = action.output, f"run-{pk}-{action.action_id}"
    record(origin_of(request), "exported", run_subject(run), f"{of_flow(run.flow)}: an output as JSON")
    headers = {"Content-Disposition": f'attachment; filename="{name}.json"'}
    return HttpResponse(
        json.dumps(in_order(value), indent=2, ensure_ascii=False), content_type="application/json", headers=headers
    )
