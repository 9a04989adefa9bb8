"""The entries that the filters find, as a streamed CSV file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

from django.utils import timezone

from foundryflow.audit.record import as_json
from foundryflow.audit.rows import AuditRow, audit_rows
from foundryflow.audit.search import AuditCursor, AuditFilters
from foundryflow.database.threads import read_patiently
from foundryflow.spreadsheets import harmless

AT_ONCE = 500  # entries that are read and sent together
MOST_EXPORTED = 100_000
COLUMNS = (
    "Entry", "Time", "First time", "Count", "Person", "Who", "Did", "Kind", "What", "Number", "Detail", "Outcome",
    "Way", "Address", "Source", "Sentence", "Data",
)  # fmt: skip


async def csv_pieces(filters: AuditFilters) -> AsyncIterator[bytes]:
    """A page at a time, from the newest; the database is free while the browser reads."""
    yield "\ufeff".encode() + csv_lines([COLUMNS])  # the mark tells spreadsheets that it is UTF-8
    before, sent = None, 0
    while sent < MOST_EXPORTED:
        rows, before = await read_patiently(read_page, filters, before)
        sent += len(rows)
        yield csv_lines(map(line_of, rows))
        if before is None:
            return
    more = f"More than {MOST_EXPORTED:,} entries. Choose a shorter time or another filter for the others."
    yield csv_lines([[more]])


def read_page(filters: AuditFilters, before: AuditCursor | None) -> tuple[list[AuditRow], AuditCursor | None]:
    found = filters.page(before, AT_ONCE)
    return audit_rows(found.entries), found.older


def csv_lines(lines: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue().encode(errors="replace")


def line_of(row: AuditRow) -> list[Any]:
    entry = row.entry
    times = (timezone.localtime(at).isoformat(" ", "seconds") for at in (entry.at, entry.first_at))
    outcome = "refused" if entry.is_refused else "done"
    said = (row.who, entry.verb, entry.kind, entry.subject)
    number = "" if entry.subject_id is None else entry.subject_id
    ends = (entry.detail, outcome, entry.via, entry.address, entry.source, row.sentence)
    data = as_json(entry)["data"]
    texts = [*map(harmless, ends), json.dumps(data, ensure_ascii=False) if data else ""]
    return [entry.pk, *times, entry.count, entry.by_id or "", *map(harmless, said), number, *texts]
