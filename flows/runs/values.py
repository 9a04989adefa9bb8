"""How the page of a run shows inputs, outputs and variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_ROWS, MOST_COLUMNS = 200, 20  # of a table


@dataclass(frozen=True)
class ValueView:
    """A value as text, table or JSON, whichever reads best."""

    text: str | None = None
    columns: list[str] | None = None
    cells: list[list[Any]] | None = None
    json: Any = None
    empty: bool = False


def value_view(value: Any) -> ValueView:
    if value is None or value == {}:
        return ValueView(empty=True)
    if isinstance(value, str):
        return ValueView(text=value)
    if isinstance(value, bool):
        return ValueView(text=str(value).lower())
    if isinstance(value, int | float):
        return ValueView(text=str(value))
    if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        return table_view(value[:MOST_ROWS])
    return ValueView(json=value)


def table_view(rows: list[Mapping[str, Any]]) -> ValueView:
    columns = list(dict.fromkeys(str(key) for row in rows for key in row))[:MOST_COLUMNS]
    return ValueView(columns=columns, cells=[[row.get(column, "") for column in columns] for row in rows])


def value_views(values: Mapping[str, Any]) -> list[tuple[str, ValueView]]:
    """Values with their names."""
    return [(name, value_view(value)) for name, value in values.items()]
