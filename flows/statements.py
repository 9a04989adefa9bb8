"""Statements of our own for what runs do all the time: the ORM builds each anew, which costs more than executing it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connection

MOST_VALUES = 30_000  # of one statement; SQLite takes 32,766
Fields = dict[str, Any]


def table(model: Any) -> str:
    return quoted(model._meta.db_table)


def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def marks(values: Collection[Any]) -> str:
    """One %s for each value of a list."""
    return f"({', '.join(['%s'] * len(values))})"


def locking(how: str = "") -> str:
    """At the end of a SELECT whose rows nobody else may change. On SQLite one process writes at a time anyway."""
    return f" FOR UPDATE {how}" if connection.features.has_select_for_update else ""


def stored(model: Any, fields: Fields) -> list[Any]:
    """The values as the database takes them."""
    return [model._meta.get_field(name).get_db_prep_save(value, connection) for name, value in fields.items()]


def fetched(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def many(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


def insert(rows: Sequence[Any], *, keyed: bool = False) -> None:
    """Rows of one model; with `keyed` each gets the key that the database gave it."""
    if not rows:
        return
    model = type(rows[0])
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    columns, row = ", ".join(quoted(field.column) for field in fields), marks(fields)
    returning = " RETURNING id" if keyed else ""
    at_once = MOST_VALUES // len(fields)
    with connection.cursor() as cursor:
        for some in (rows[at : at + at_once] for at in range(0, len(rows), at_once)):
            values = ", ".join([row] * len(some))
            cursor.execute(
                f"INSERT INTO {table(model)} ({columns}) VALUES {values}{returning}",  # noqa: S608 - names of our own columns, values are bound
                [field.get_db_prep_save(field.pre_save(row, True), connection) for row in some for field in fields],
            )
            if keyed:
                for made, (key,) in zip(some, cursor.fetchall(), strict=True):
                    made.pk = key
