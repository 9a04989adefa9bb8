"""The pages of batches and their buttons. `create_views.py` creates batches, `stream.py` streams them."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.batch import lifecycle
from flows.batch.access import find_batch, find_batch_of, find_cell
from flows.batch.audit import record_batch
from flows.batch.contexts import AnswerDetail, list_rows
from flows.batch.create_form import typed_number
from flows.batch.models import Batch, Cell
from flows.batch.progress import BatchProgress, progress_context
from flows.batch.results import collect_results
from flows.batch.results_grid import ResultsGrid
from flows.models import LIVE
from flows.playground.models import Session
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data
from foundryflow.names import may_change, name_of
from foundryflow.regions import Region, page, regions

LIST_ROWS, MOST_SESSIONS = 20, 100


@reader
@require_GET
def batch_list(request: Request) -> HttpResponse:
    batches = Batch.objects.visible_to(request.user).select_related("owner", "session")
    shown = Paginator(batches, LIST_ROWS).get_page(request.GET.get("page"))
    sessions = Session.objects.visible_to(request.user).only("pk", "name")[:MOST_SESSIONS]
    return page(request, "batch/list.html", {"rows": list_rows(shown), "page": shown, "sessions": sessions})


@reader
@require_GET
def show(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk)
    return batch_page(request, batch, None)


def batch_page(request: Request, batch: Batch, cell: Cell | None) -> HttpResponse:
    """The page of a batch, with one answer open beside the grid if there is a cell."""
    collect_results(batch)
    batch.refresh_from_db(fields=["changes"])  # before anything is read that the stream renews
    grid = ResultsGrid(batch, request.GET.get("show", ""), request.GET.get("page"))
    progress = progress_context(BatchProgress(batch), is_mine=may_change(request.user, batch))
    context = {**progress, "grid": grid, "detail": AnswerDetail(cell) if cell else None}
    return page(request, "batch/show.html", context)


@reader
@require_GET
def cell(request: Request, pk: int) -> HttpResponse:
    """One answer in full, beside the grid. Without htmx: the page with it open."""
    found = find_cell(request, pk)
    if not request.htmx:
        return batch_page(request, find_batch(request, found.batch_id), found)
    if found.state in LIVE:
        collect_results(found.batch)
        found = find_cell(request, pk)
    context = {"detail": AnswerDetail(found), "opened": "again" not in request.GET}
    return regions(request, Region("batch/_detail.html", "batch-detail", context))


@reader
@require_GET
def of_flow(request: Request, slug: str) -> HttpResponse:
    """Where a run of the hidden flow belongs."""
    return redirect("batch:show", find_batch_of(request, slug).pk)


@editor
@require_POST
def stop(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    with transaction.atomic():
        lifecycle.stop_batch(batch, by=name_of(request.user))
        record_batch(request, "stopped", batch)
    return redirect("batch:show", pk)


@editor
@require_POST
def resume(request: Request, pk: int) -> HttpResponse:
    return restart(request, pk, lifecycle.resume_batch, "resumed")


@editor
@require_POST
def retry(request: Request, pk: int) -> HttpResponse:
    return restart(request, pk, lifecycle.retry_failures, "retried what had failed of")


def restart(request: Request, pk: int, verb: Callable[[Batch], None], word: str) -> HttpResponse:
    """Collects what has ended, then does the verb, or says that it has to wait."""
    batch = find_batch(request, pk, change=True)
    collect_results(batch)
    try:
        with transaction.atomic():
            verb(batch)
            record_batch(request, word, batch)
    except lifecycle.StillStopping as reason:
        messages.info(request, str(reason))
    return redirect("batch:show", pk)


@editor
@require_POST
def rename(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    if name := form_data(request).get("name", "").strip()[:200]:
        with transaction.atomic():
            Batch.objects.filter(pk=batch.pk).update(name=name)
            record_batch(request, "renamed", batch)
    else:
        messages.info(request, "A batch needs a name.")
    return redirect("batch:show", pk)


@editor
@require_POST
def share(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    shared = request.POST.get("shared") == "1"
    with transaction.atomic():
        Batch.objects.filter(pk=batch.pk).update(shared=shared)
        record_batch(request, "shared" if shared else "made private", batch)
    return redirect("batch:show", pk)


@editor
@require_POST
def concurrency(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    calls = typed_number(request.POST.get("concurrency", "")) or 0
    if not 1 <= calls <= lifecycle.MOST_CALLS:
        messages.info(request, f"Calls at the same time are a whole number from 1 to {lifecycle.MOST_CALLS}.")
    else:
        with transaction.atomic():
            lifecycle.set_concurrency(batch, calls)
            record_batch(request, "changed", batch, f": calls at the same time, {calls}")
    return redirect("batch:show", pk)


@editor
@require_http_methods(["GET", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    """Asks first; refuses while calls are to come."""
    batch = find_batch(request, pk, change=True)
    live = lifecycle.count_open_answers(batch)
    if request.method == "POST" and not live:
        with transaction.atomic():
            number = batch.pk
            lifecycle.delete_batch(batch)
            record_batch(request, "deleted", batch, "with its runs", pk=number)
        messages.info(request, f"{batch.name} was deleted with its runs.")
        return redirect("batch:list")
    context = {"batch": batch, "live": live, "rows": batch.rows.count()}
    return page(request, "batch/delete.html", context, status=409 if request.method == "POST" else 200)
