"""The tab of the execution log of a run: a page of its lines, of long ones the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models.functions import Left, Length

from flows.models import LogEntry, Run
from flows.runs.paging import PagePlace, place_of, window_of
from flows.runs.value_place import ValuePlace

MOST_LINES = 200  # on one page
LONGEST_LINE = 1_000  # characters that are shown at once
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class LogLineView:
    at: datetime
    level: str
    path: str
    message: str
    length: int  # characters of the whole message
    place: ValuePlace | None  # of the whole, where there is more


def log_context(run: Run, params: Mapping[str, str]) -> dict[str, Any]:
    # Messages are not read as a whole: one may be megabytes.
    found = run.log.defer("message").annotate(beginning=Left("message", LONGEST_LINE), length=Length("message"))
    window = window_of(found, "event", place_of(params, PagePlace(newest=not run.ended)), MOST_LINES)
    return {"run": run, "log": window, "log_lines": [line_view(run, entry) for entry in window.rows]}


def line_view(run: Run, entry: Any) -> LogLineView:
    is_cut = entry.length > LONGEST_LINE
    place = ValuePlace(run.pk, "line", name=str(entry.event)) if is_cut else None
    message = f"{entry.beginning}…" if is_cut else entry.beginning
    return LogLineView(entry.at, entry.level, entry.path, message, entry.length, place)


def count_words(run: Run) -> str:
    """How many lines there are: "3,044", "10,000+"."""
    count = LogEntry.objects.filter(run=run).order_by()[: MOST_COUNTED + 1].count()
    return f"{count:,}" if count <= MOST_COUNTED else f"{MOST_COUNTED:,}+"
