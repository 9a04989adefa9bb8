"""Iterations as lines of a CSV file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.runs.iteration_detail import iteration_state
from flows.runs.iterations import IterationSearch
from foundryflow.spreadsheets import harmless

COLUMNS = ("No.", "Customer", "Item", "State", "Duration (s)", "Tokens", "Connection", "Host", "Error", "Status")


def iteration_lines(search: IterationSearch) -> Iterator[list[Any]]:
    """With the header, by number."""
    yield list(COLUMNS)
    for one in search.found.order_by("number").iterator():
        took = "" if one.milliseconds is None else f"{one.milliseconds / 1_000:.3f}"
        state = iteration_state(one, ended=search.run.ended).word
        texts = [harmless(text) for text in (one.customer, one.label)]
        where = [harmless(text) for text in (one.connection, one.host, one.error)]
        yield [one.number + 1, *texts, state, took, one.tokens, *where, one.status or ""]
