"""A statement with its limits, and the rows that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connections.databases.values import json_value, size_of
from connections.kinds.base import DataSourceError


@dataclass(frozen=True)
class DatabaseQuery:
    """`sql` names its parameters as `:name` or `%(name)s`; values are bound, never part of the text."""

    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    most_rows: int = 1_000
    most_bytes: int = 5_000_000  # of all values together, as text
    timeout: float = 30.0  # seconds, the wait for a connection included
    may_change: bool = False  # else whatever it changes is refused or rolled back


@dataclass(frozen=True)
class QueryResult:
    """`columns` is None for a statement that gives no rows; then `changed` counts those that it changed, if known."""

    columns: tuple[str, ...] | None
    rows: Sequence[tuple[Any, ...]] = ()
    changed: int | None = None


class RowCollector:
    """Takes rows until a limit is reached, which raises DataSourceError: nothing is read beyond it."""

    def __init__(self, query: DatabaseQuery) -> None:
        self._query, self._bytes = query, 0
        self.rows: list[tuple[Any, ...]] = []

    def add(self, row: Sequence[Any]) -> None:
        if len(self.rows) == self._query.most_rows:
            most = self._query.most_rows
            raise DataSourceError(
                "too_many_rows",
                f"The query gives more than {most:,} row{'' if most == 1 else 's'}.",
                "Narrow it with WHERE or LIMIT, or raise the row limit.",
            )
        values = tuple(json_value(value) for value in row)
        self._bytes += sum(map(size_of, values))
        if self._bytes > self._query.most_bytes:
            raise too_large(self._query)
        self.rows.append(values)


def too_large(query: DatabaseQuery) -> DataSourceError:
    return DataSourceError(
        "too_large",
        f"The result is larger than {query.most_bytes / 1_000_000:g} MB.",
        "Name the columns that are needed, narrow the query, or raise the size limit.",
    )


def timed_out(query: DatabaseQuery) -> DataSourceError:
    return DataSourceError(
        "timeout",
        f"The query did not end within {query.timeout:g} s and was cancelled.",
        "Narrow it, let an index serve it, or raise the timeout.",
    )


def check_columns(columns: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns. Raises DataSourceError where a row cannot be told by them."""
    for number, name in enumerate(columns, 1):
        if not name:
            raise DataSourceError("column", f"Column {number} of the result has no name.", "Name it with AS.")
        if name in columns[: number - 1]:
            raise DataSourceError(
                "column", f"Two columns of the result are called {name}.", "Give each a name of its own with AS."
            )
    return tuple(columns)
