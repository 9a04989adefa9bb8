"""Iterations as lines of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from flows.runs.iteration_detail import iteration_state
from flows.runs.iteration_rows import plain_text
from flows.runs.iteration_search import IterationSearch
from foundryflow.spreadsheets import harmless

COLUMNS = (
    "No.", "Customer", "Item", "State", "Duration (s)", "Tokens", "Output", "Connection", "Host", "Error", "Status",
)  # fmt: skip
LONGEST_CELL = 32_000  # characters; spreadsheets take some more


def iteration_lines(search: IterationSearch) -> Iterator[list[Any]]:
    """With the header, by number."""
    yield list(COLUMNS)
    found: QuerySet[Any] = search.with_output(LONGEST_CELL).order_by("number")
    for one in found.iterator():
        took = "" if one.milliseconds is None else f"{one.milliseconds / 1_000:.3f}"
        state = iteration_state(one, ended=search.run.ended).word
        texts, output = (
            [harmless(text) for text in (one.customer, one.label)],
            harmless(plain_text(one.output_text or "")),
        )
        where = [harmless(text) for text in (one.connection, one.host, one.error)]
        yield [one.number + 1, *texts, state, took, one.tokens, output, *where, one.status or ""]
