"""What hand-written SQL is put together of: tables, placeholders, values as the database takes them, and new rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache
from typing import Any

from django.db import connection, models, transaction
from encrypted_model_fields.fields import EncryptedMixin

MOST_VALUES = 30_000  # of one statement; SQLite takes 32,766
TAKEN_AS_THEY_ARE = frozenset({str, int, bool, type(None)})  # by the database, unless the field says otherwise
Fields = dict[str, Any]
SORTING = "SELECT set_config('enable_sort', %s, true), set_config('enable_incremental_sort', %s, true)"


def table(model: type[models.Model]) -> str:
    return quote_name(model._meta.db_table)


def quote_name(name: str) -> str:
    return connection.ops.quote_name(name)


def column_of(model: Any, field: str) -> str:
    column: str = model._meta.get_field(field).column
    return column


def placeholders(values: Collection[Any]) -> str:
    """One %s for each value of a list."""
    return f"({', '.join(['%s'] * len(values))})"


def for_update(how: str = "") -> str:
    """At the end of a SELECT whose rows nobody else may change. On SQLite one process writes at a time anyway."""
    return f" FOR UPDATE {how}" if connection.features.has_select_for_update else ""


def db_values(model: Any, fields: Fields) -> list[Any]:
    """The values as the database takes them."""
    return [model._meta.get_field(name).get_db_prep_save(value, connection) for name, value in fields.items()]


def fetch_all(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def fetch_in_order(statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """The same for a statement whose inner orders are those of an index, which PostgreSQL is to take them from.

    Without statistics (after a restore, say) it believes that few rows match, reads all of them and sorts.
    """
    if connection.vendor != "postgresql":
        return fetch_all(statement, values)
    with transaction.atomic():
        fetch_all(SORTING, ["off", "off"])
        found = fetch_all(statement, values)
        fetch_all(SORTING, ["on", "on"])  # the transaction may be that of somebody else
    return found


def execute_many(statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(statement, rows)


@cache
def insert_plan(model: type[models.Model]) -> tuple[list[Any], list[Callable[[Any], Any]]]:
    """The fields of a new row, and what reads the value of each as the database takes it."""
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    return fields, [reader_of(field) for field in fields]


def reader_of(field: Any) -> Callable[[Any], Any]:
    def convert(row: Any) -> Any:
        return field.get_db_prep_save(field.pre_save(row, True), connection)

    if isinstance(field, models.JSONField | EncryptedMixin) or type(field).pre_save is not models.Field.pre_save:
        return convert
    attribute = field.attname

    def read(row: Any) -> Any:
        value = getattr(row, attribute)
        # The ORM would ask three functions about each.
        return value if type(value) in TAKEN_AS_THEY_ARE else convert(row)

    return read


def insert(rows: Sequence[models.Model], *, keyed: bool = False) -> None:
    """Rows of one model; with `keyed` each gets the key that the database gave it."""
    if not rows:
        return
    model = type(rows[0])
    fields, readers = insert_plan(model)
    columns, row = ", ".join(quote_name(field.column) for field in fields), placeholders(fields)
    returning = " RETURNING id" if keyed else ""
    at_once = MOST_VALUES // len(fields)
    with connection.cursor() as cursor:
        for some in (rows[at : at + at_once] for at in range(0, len(rows), at_once)):
            values = ", ".join([row] * len(some))
            cursor.execute(
                f"INSERT INTO {table(model)} ({columns}) VALUES {values}{returning}",  # noqa: S608 - names of our own columns, values are bound
                [read(row) for row in some for read in readers],
            )
            if keyed:
                for made, (key,) in zip(some, cursor.fetchall(), strict=True):
                    made.pk = key
