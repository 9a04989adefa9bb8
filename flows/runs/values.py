"""How the page of a run shows inputs, outputs and variables: as they read best, of large ones the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from foundryflow.templatetags.ui import pretty

MOST_ROWS, MOST_COLUMNS = 200, 20  # of a table
LONG, BEGINNING = 10_000, 2_000  # characters: what is longer is cut
LONG_CELL, LONG_ANSWER = 300, 40_000


@dataclass(frozen=True)
class ValuePlace:
    """Where a value of a run is: `of` what (see whole_values), in the action at a path or in the run itself."""

    run: int
    of: str
    action: str = ""
    name: str = ""

    @property
    def key(self) -> str:
        """The id of its element."""
        return f"value-{element_id('-'.join(filter(None, (self.of, self.action, self.name))))}"

    @property
    def address(self) -> str:
        """Of the whole."""
        query = {"of": self.of, "action": self.action, "name": self.name}
        return f"{reverse('runs:value', args=[self.run])}?{urlencode({k: v for k, v in query.items() if v})}"


@dataclass(frozen=True)
class ValueView:
    """A value as text, table or code, whichever reads best."""

    text: str | None = None
    columns: list[str] | None = None
    cells: list[list[str]] | None = None
    code: str | None = None
    empty: bool = False
    length: int | None = None  # characters of the whole, where this is only its beginning
    place: ValuePlace | None = None  # of the whole


def value_view(value: Any, place: ValuePlace | None = None) -> ValueView:
    if value is None or value == {}:
        return ValueView(empty=True)
    if isinstance(value, str):
        return text_view(value, place)
    if isinstance(value, bool):
        return ValueView(text=str(value).lower())
    if isinstance(value, int | float):
        return ValueView(text=str(value))
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        return table_view(value, place)
    return code_view(pretty(value), place)


def text_view(text: str, place: ValuePlace | None = None, longest: int = LONG) -> ValueView:
    if len(text) <= longest:
        return ValueView(text=text)
    return ValueView(text=beginning_of(text), length=len(text), place=place)


def code_view(text: str, place: ValuePlace | None = None) -> ValueView:
    if len(text) <= LONG:
        return ValueView(code=text)
    return ValueView(code=beginning_of(text), length=len(text), place=place)


def table_view(rows: list[Mapping[str, Any]], place: ValuePlace | None = None) -> ValueView:
    """Of a large one the rows that fit, and of each cell its beginning."""
    columns = list(dict.fromkeys(str(key) for row in rows[:MOST_ROWS] for key in row))[:MOST_COLUMNS]
    cells, shown, is_cut = list[list[str]](), 0, False
    for row in rows[:MOST_ROWS]:
        whole = [pretty(row.get(column, "")) for column in columns]
        cells.append([cell if len(cell) <= LONG_CELL else f"{cell[:LONG_CELL]}…" for cell in whole])
        is_cut = is_cut or any(len(cell) > LONG_CELL for cell in whole)
        shown += sum(map(len, cells[-1]))
        if shown > LONG:
            break
    if not is_cut and len(cells) == len(rows):
        return ValueView(columns=columns, cells=cells)
    return ValueView(columns=columns, cells=cells, length=len(pretty(rows)), place=place)


def beginning_of(text: str) -> str:
    return f"{text[:BEGINNING]}…"


def value_views(values: Mapping[str, Any], run: int, of: str, action: str = "") -> list[tuple[str, ValueView]]:
    """Values with their names."""
    return [(name, value_view(value, ValuePlace(run, of, action, name))) for name, value in values.items()]


def element_id(path: str) -> str:
    """A path as a part of ids in HTML: safe, and stable."""
    return "".join(sign if sign.isalnum() or sign in "-_" else f"_{ord(sign):x}_" for sign in path)
