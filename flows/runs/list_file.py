"""The runs that the filters find, as a streamed CSV file: what the list says of them, and no more."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from flows.models import Flow
from flows.models.run_filters import Filters
from flows.models.search import Cursor, FoundRuns, Search
from flows.runs.list import MOST_EXPORTED, RunRow, run_rows
from foundryflow.access import reader
from foundryflow.audit.record import Subject, origin_of, record
from foundryflow.database.threads import in_thread, read_patiently
from foundryflow.http import Request
from foundryflow.spreadsheets import csv_download, harmless

AT_ONCE = 200  # runs that are read and sent together; SQLite puts 500 parts into one statement at most
COLUMNS = (
    "Run", "Flow", "State", "Reason", "Started by", "Customer", "Connection", "Created", "Started", "Ended",
    "Duration (s)", "Prompt tokens", "Completion tokens",
)  # fmt: skip


@reader
@require_GET
async def export(request: Request) -> StreamingHttpResponse:
    search = await in_thread(search_for)(request.user, Filters.of(request.GET))
    await in_thread(record_export)(request)
    return csv_download("runs", csv_pieces(search))


def record_export(request: Request) -> None:
    filters = sorted(request.GET)  # by name alone: what was looked for may be anything
    record(origin_of(request), "exported", Subject("data", "runs"), "as CSV", data={"filters": filters})


def search_for(user: User, filters: Filters) -> Search:
    return Search(Flow.objects.visible_to(user), filters, rows=AT_ONCE)


async def csv_pieces(search: Search) -> AsyncIterator[bytes]:
    """A page at a time, from the newest; the database is free while the browser reads."""
    yield "\ufeff".encode() + csv_lines([COLUMNS])  # the mark tells spreadsheets that it is UTF-8
    before, sent = None, 0
    while sent < MOST_EXPORTED:
        found, rows = await read_patiently(read_page, search, before)
        sent += len(rows)
        yield csv_lines(map(line_of, rows))
        before = found.older
        if before is None:
            return
    yield csv_lines([[f"More than {MOST_EXPORTED:,} runs. Choose a shorter time or another filter for the others."]])


def read_page(search: Search, before: Cursor | None) -> tuple[FoundRuns, list[RunRow]]:
    found = search.page(before)
    return found, run_rows(found.runs)


def csv_lines(lines: Iterator[list[Any]] | list[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def line_of(row: RunRow) -> list[Any]:
    run, took = row.run, row.run.milliseconds
    texts = (run.flow.name, row.state.word, row.reason, row.by, run.customer or "", row.connection)
    times = (run.created_at, run.started_at, run.ended_at)
    seconds = "" if took is None else f"{took / 1_000:.3f}"
    figures = [seconds, run.prompt_tokens, run.completion_tokens]
    return [run.pk, *map(harmless, texts), *map(moment_text, times), *figures]


def moment_text(at: datetime | None) -> str:
    return timezone.localtime(at).isoformat(" ", "seconds") if at else ""
