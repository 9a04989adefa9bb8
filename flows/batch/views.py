"""Look at batches, stop them, go on with them. `making.py` makes them, `feed.py` follows them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.batch import starting
from flows.batch.access import find_batch, find_cell
from flows.batch.contexts import Detail, list_rows
from flows.batch.draft import whole
from flows.batch.grid import Grid
from flows.batch.models import Batch, Cell
from flows.batch.settling import settle
from flows.batch.standing import Standing
from flows.models import LIVE
from flows.playground.models import Session
from foundryflow.access import editor, reader
from foundryflow.http import Request, form_data
from foundryflow.people import may_change, name_of
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
    return whole_page(request, batch, None)


def whole_page(request: Request, batch: Batch, cell: Cell | None) -> HttpResponse:
    settle(batch)
    batch.refresh_from_db(fields=["changes"])  # before anything is read that the feed renews
    grid = Grid(batch, request.GET.get("show", ""), request.GET.get("page"))
    context = {**standing(request, batch), "grid": grid, "detail": Detail(cell) if cell else None}
    return page(request, "batch/show.html", context)


def standing(request: Request, batch: Batch) -> dict[str, Any]:
    return {"batch": batch, "standing": Standing(batch), "mine": may_change(request.user, batch)}


@reader
@require_GET
def cell(request: Request, pk: int) -> HttpResponse:
    """One answer in full, beside the grid. Without htmx: the page with it open."""
    found = find_cell(request, pk)
    if not request.htmx:
        return whole_page(request, find_batch(request, found.batch_id), found)
    if found.state in LIVE:
        settle(found.batch)
        found = find_cell(request, pk)
    opened = "again" not in request.GET
    return regions(request, Region("batch/_detail.html", "batch-detail", {"detail": Detail(found), "opened": opened}))


@reader
@require_GET
def of_flow(request: Request, slug: str) -> HttpResponse:
    """Where a run of the hidden flow belongs."""
    found = get_object_or_404(Batch.objects.visible_to(request.user), flow__slug=slug)
    return redirect("batch:show", found.pk)


@editor
@require_POST
def stop(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    starting.stop(batch, by=name_of(request.user))
    return redirect("batch:show", pk)


@editor
@require_POST
def resume(request: Request, pk: int) -> HttpResponse:
    return gone_on(request, pk, starting.resume)


@editor
@require_POST
def retry(request: Request, pk: int) -> HttpResponse:
    return gone_on(request, pk, starting.retry_failed)


def gone_on(request: Request, pk: int, verb: Any) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    settle(batch)
    try:
        verb(batch)
    except starting.NotNow as reason:
        messages.info(request, str(reason))
    return redirect("batch:show", pk)


@editor
@require_POST
def rename(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    if name := form_data(request).get("name", "").strip()[:200]:
        Batch.objects.filter(pk=batch.pk).update(name=name)
    else:
        messages.info(request, "A batch needs a name.")
    return redirect("batch:show", pk)


@editor
@require_POST
def share(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    Batch.objects.filter(pk=batch.pk).update(shared=request.POST.get("shared") == "1")
    return redirect("batch:show", pk)


@editor
@require_POST
def concurrency(request: Request, pk: int) -> HttpResponse:
    batch = find_batch(request, pk, change=True)
    calls = whole(request.POST.get("concurrency", "")) or 0
    if not 1 <= calls <= starting.MOST_CALLS:
        messages.info(request, f"Calls at the same time are a whole number from 1 to {starting.MOST_CALLS}.")
    else:
        starting.set_concurrency(batch, calls)
    return redirect("batch:show", pk)


@editor
@require_http_methods(["GET", "POST"])
def delete(request: Request, pk: int) -> HttpResponse:
    """Asks first; refuses while calls are to come."""
    batch = find_batch(request, pk, change=True)
    live = starting.to_come(batch)
    if request.method == "POST" and not live:
        starting.remove(batch)
        messages.info(request, f"{batch.name} was deleted with its runs.")
        return redirect("batch:list")
    context = {"batch": batch, "live": live, "rows": batch.rows.count()}
    return page(request, "batch/delete.html", context, status=409 if request.method == "POST" else 200)
