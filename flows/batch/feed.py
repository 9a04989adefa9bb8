"""A batch as it goes, as server-sent events: its progress, and those cells of the visible page that changed.

One look a second settles what has ended, whoever else looks meanwhile. What is shown is read from the database.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from flows.batch.access import find_batch
from flows.batch.grid import Grid
from flows.batch.models import Batch
from flows.batch.settling import settle
from flows.batch.standing import Standing
from flows.batch.starting import to_come
from flows.engine.live import hub
from foundryflow.access import reader
from foundryflow.database import in_thread, read_patiently
from foundryflow.http import Request, event_stream, whole_number
from foundryflow.people import may_change
from foundryflow.regions import Region, event, partial

PACE = 1.0  # seconds between two looks
SILENCE = 15.0  # seconds until a comment keeps the way open
ENDED = event("", name="ended")  # the browser does not come back


@dataclass
class Seen:
    """What this browser shows."""

    change: int
    show: str
    page: int
    mine: bool


@dataclass(frozen=True)
class News:
    html: str
    ended: bool


@reader
@require_GET
async def feed(request: Request, pk: int) -> StreamingHttpResponse:
    batch = await in_thread(find_batch)(request, pk)
    after = whole_number(request.headers.get("Last-Event-ID")) or whole_number(request.GET.get("after")) or 0
    seen = Seen(
        after,
        request.GET.get("show", "all"),
        whole_number(request.GET.get("page")) or 0,
        may_change(request.user, batch),
    )
    return event_stream(follow(batch.pk, seen))


async def follow(batch_id: int, seen: Seen) -> AsyncGenerator[bytes]:
    spoken = time.monotonic()
    while not hub.closing:
        try:
            news = await read_patiently(look, batch_id, seen)
        except Batch.DoesNotExist:
            yield ENDED
            return
        if news.html:
            spoken = time.monotonic()
            yield event(news.html, id=seen.change)
        elif time.monotonic() - spoken > SILENCE:
            spoken = time.monotonic()
            yield b": still here\n\n"
        if news.ended:
            yield ENDED
            return
        await asyncio.sleep(PACE)


def look(batch_id: int, seen: Seen) -> News:
    """The regions that changed since what this browser shows. As many queries for a thousand cells as for one."""
    settle(Batch.objects.get(pk=batch_id))
    batch = Batch.objects.get(pk=batch_id)
    if batch.changes <= seen.change:
        return News("", ended=not to_come(batch))
    since = seen.change
    standing = Standing(batch)
    regions = [
        Region("batch/_standing.html", "batch-standing", {"batch": batch, "standing": standing, "mine": seen.mine})
    ]
    grid = Grid(batch, seen.show, seen.page)
    if grid.show == "all":
        regions += [
            Region("batch/_cell.html", f"cell-{cell.cell.pk}", {"cell": cell, "number": row.row.number})
            for row in grid.rows
            for cell in row.cells
            if cell.cell.change > since
        ]
    else:
        regions.append(Region("batch/_grid.html", "batch-grid", {"batch": batch, "grid": grid}))
    html = "".join(partial(region) for region in regions)
    seen.change = batch.changes
    return News(html, ended=not standing.going)
