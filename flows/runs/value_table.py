"""A list of objects as a table: a page of its rows, and all of them as lines of a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.runs.value_place import ValuePlace
from foundryflow.spreadsheets import harmless
from foundryflow.templatetags.ui import pretty

MOST_ROWS, MOST_COLUMNS = 50, 20  # that are shown at once
LONG_CELL = 300  # characters
MOST_EXPORTED = 1_000  # columns of a file


@dataclass(frozen=True)
class ValueTable:
    """Rows from `first` on. A cell is its beginning, and the place of the whole where there is more."""

    place: ValuePlace
    columns: Sequence[str]
    rows: Sequence[Sequence[tuple[str, ValuePlace | None]]]
    first: int
    count: int  # of all rows
    more_columns: int = 0  # that are not shown

    @property
    def key(self) -> str:
        """The id of its element."""
        return f"{self.place.key}-table"

    @property
    def last(self) -> int:
        return self.first + len(self.rows)

    @property
    def is_whole(self) -> bool:
        return len(self.rows) == self.count and not self.more_columns

    @property
    def file(self) -> str:
        """Address of all of it as CSV."""
        return f"{self.place.address}&download=csv"

    @property
    def earlier(self) -> str:
        return self._page(max(0, self.first - MOST_ROWS)) if self.first else ""

    @property
    def later(self) -> str:
        return self._page(self.last) if self.last < self.count else ""

    def _page(self, first: int) -> str:
        return f"{self.place.address}&part=table&from={first}"


def table_of(rows: Sequence[Mapping[str, Any]], place: ValuePlace, first: int = 0) -> ValueTable:
    """The columns are those of the shown rows; more columns are counted there, too."""
    shown = rows[first : first + MOST_ROWS]
    columns = columns_of(shown)
    cells = [
        [cell_of(row.get(column, ""), place.inside(first + at).inside(column)) for column in columns[:MOST_COLUMNS]]
        for at, row in enumerate(shown)
    ]
    return ValueTable(place, columns[:MOST_COLUMNS], cells, first, len(rows), max(0, len(columns) - MOST_COLUMNS))


def columns_of(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """In the order in which they first appear."""
    return list(dict.fromkeys(str(key) for row in rows for key in row))


def cell_of(value: Any, place: ValuePlace) -> tuple[str, ValuePlace | None]:
    text = pretty(value)
    return (text, None) if len(text) <= LONG_CELL else (f"{text[:LONG_CELL]}…", place)


def csv_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[str | int | float]]:
    """With the header. What no cell can hold is JSON there; nothing a spreadsheet would calculate."""
    columns = columns_of(rows)[:MOST_EXPORTED]
    yield [harmless(column) for column in columns]
    for row in rows:
        yield [csv_cell(row.get(column)) for column in columns]


def csv_cell(value: Any) -> str | int | float:
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return harmless(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
