"""Streams a batch as server-sent events: its progress, and those cells of the visible page that changed.

One look a second collects the results of what has ended; everything shown is read from the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.batch.access import find_batch
from flows.batch.lifecycle import count_open_answers
from flows.batch.models import Batch
from flows.batch.progress import BatchProgress, progress_context
from flows.batch.results import collect_results
from flows.batch.results_grid import ResultsGrid
from flows.engine.live import hub
from foundryflow.access import reader
from foundryflow.database.threads import in_thread, read_patiently
from foundryflow.http import Request, whole_number
from foundryflow.names import may_change
from foundryflow.regions import Region, event, partial
from foundryflow.session_watch import session_end
from foundryflow.streams import event_stream

PACE = 1.0  # seconds between two looks
SILENCE = 15.0  # seconds until a comment keeps the way open
ENDED = event("", name="ended")  # the browser does not come back


@dataclass
class ShownPage:
    """What the page in this browser shows."""

    change: int  # the newest Batch.changes in it
    filter: str
    page: int
    is_mine: bool


@dataclass(frozen=True)
class BatchNews:
    """The changed regions, rendered, and whether nothing more will come."""

    html: str
    ended: bool


@reader
@require_GET
async def stream(request: Request, pk: int) -> StreamingHttpResponse:
    batch = await in_thread(find_batch)(request, pk)
    after = whole_number(request.headers.get("Last-Event-ID")) or whole_number(request.GET.get("after")) or 0
    shown = ShownPage(
        after,
        request.GET.get("show", "all"),
        whole_number(request.GET.get("page")) or 0,
        may_change(request.user, batch),
    )
    return event_stream(follow(batch.pk, shown), lambda: session_end(request))


async def follow(batch_id: int, shown: ShownPage) -> AsyncGenerator[bytes]:
    """Events until the batch has ended, is gone, or the server closes."""
    spoken = time.monotonic()
    while not hub.closing:
        try:
            news = await read_patiently(read_news, batch_id, shown)
        except Batch.DoesNotExist:
            yield ENDED
            return
        if news.html:
            spoken = time.monotonic()
            yield event(news.html, id=shown.change)
        elif time.monotonic() - spoken > SILENCE:
            spoken = time.monotonic()
            yield b": still here\n\n"
        if news.ended:
            yield ENDED
            return
        await asyncio.sleep(PACE)


def read_news(batch_id: int, shown: ShownPage) -> BatchNews:
    """The regions that changed since what this browser shows. As many queries for a thousand cells as for one."""
    collect_results(Batch.objects.get(pk=batch_id))
    batch = Batch.objects.get(pk=batch_id)
    if batch.changes <= shown.change:
        return BatchNews("", ended=not count_open_answers(batch))
    progress = BatchProgress(batch)
    context = progress_context(progress, is_mine=shown.is_mine)
    changed = changed_regions(ResultsGrid(batch, shown.filter, shown.page), since=shown.change)
    html = "".join(map(partial, [Region("batch/_progress.html", "batch-progress", context), *changed]))
    shown.change = batch.changes
    return BatchNews(html, ended=not progress.is_live)


def changed_regions(grid: ResultsGrid, since: int) -> list[Region]:
    """The cells that changed; with a filter the whole grid, since rows may come and go."""
    if grid.show != "all":
        return [Region("batch/_grid.html", "batch-grid", {"batch": grid.batch, "grid": grid})]
    return [
        Region("batch/_cell.html", f"cell-{cell.cell.pk}", {"cell": cell, "number": row.row.number})
        for row in grid.rows
        for cell in row.cells
        if cell.cell.change > since
    ]
