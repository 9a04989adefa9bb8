"""Every value that a database can hold is there again, in a database of either kind."""

import datetime as dt
import json
import sqlite3
from decimal import Decimal
from types import SimpleNamespace

import psycopg
import pytest
from django.apps import apps
from hypothesis import given, settings
from hypothesis import strategies as st

from foundryflow.backup.format import BackupPart, encode_row
from foundryflow.backup.load import copy_part, insert_part
from foundryflow.backup.source import AS_TEXTS, select
from foundryflow.backup.tables import KINDS, SEALED, BackupColumn, BackupTable, tables_of
from foundryflow.backup.values import FROM_POSTGRESQL, FROM_SQLITE, converter, fits, plain_float

# PostgreSQL knows neither NUL nor halves of surrogate pairs; `storable_text` keeps them out of both.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
moments = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))
VALUES = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "text": texts,
    SEALED: texts,
    "json": documents.map(json.dumps) | documents.map(lambda value: json.dumps(value, ensure_ascii=False)),
    "float": st.floats(allow_nan=False).map(plain_float),
    "decimal": st.decimals(-(10**9), 10**9, places=4).map(lambda value: f"{value:.4f}"),
    "datetime": moments.map(str),
    "date": st.dates().map(str),
    "time": st.times().map(str),
    "duration": st.integers(-(10**15), 10**15),
    "uuid": st.uuids().map(lambda value: value.hex),
    "binary": st.binary(),
}
SQLITE = {"json": "text", SEALED: "text", "uuid": "char(32)", "duration": "bigint", "float": "real", "boolean": "bool",
          "binary": "BLOB"}  # fmt: skip
POSTGRESQL = {"json": "jsonb", SEALED: "text", "datetime": "timestamptz", "duration": "interval", "integer": "bigint",
              "float": "float8", "binary": "bytea", "decimal": "numeric(20, 4)"}  # fmt: skip
TABLE = BackupTable(
    "nasty", "rows", "id", tuple(BackupColumn(f"a_{kind}", kind, 4) for kind in ("integer", *VALUES)[1:])
)


def row_of(draw):
    from base64 import b64encode

    values = [draw(st.none() | VALUES[column.kind]) for column in TABLE.columns]
    return [b64encode(value).decode() if isinstance(value, bytes) else value for value in values]


rows = st.composite(row_of)()


def as_stored(values):
    """What a file of a backup makes of it."""
    line = encode_row(values)
    assert line.count(b"\n") == 1
    return json.loads(line)


def backup_of(values):
    return SimpleNamespace(rows=lambda part: iter([as_stored(values)])), BackupPart(TABLE, 1, 0, "", None)


def test_every_kind_has_values():
    assert {*VALUES} == {*KINDS.values(), SEALED}
    assert {column.kind for table in tables_of(apps) for column in table.columns} <= {*VALUES}


@settings(max_examples=150)
@given(rows)
def test_sqlite(values):
    with sqlite3.connect(":memory:", isolation_level=None) as opened:
        columns = ", ".join(f'"{column.name}" {SQLITE.get(column.kind, column.kind)}' for column in TABLE.columns)
        opened.execute(f"CREATE TABLE nasty (id integer PRIMARY KEY AUTOINCREMENT, {columns})")
        backup, part = backup_of(values)
        insert_part(opened, backup, part, lambda *_: None)
        found = converter(TABLE, FROM_SQLITE)(opened.execute(select(TABLE, {})).fetchone())
    opened.close()
    assert list(found) == values
    assert all(map(fits, TABLE.columns, found))


@pytest.fixture(scope="module")
def cursor(postgres):
    with psycopg.connect(postgres.url("migrated").replace("postgres://", "postgresql://")) as connection:
        cursor = connection.cursor()
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute("SET LOCAL intervalstyle = 'postgres'")
        connection.adapters.register_loader("jsonb", psycopg.types.string.TextLoader)
        columns = ", ".join(f'"{column.name}" {POSTGRESQL.get(column.kind, column.kind)}' for column in TABLE.columns)
        cursor = connection.cursor()
        cursor.execute(f"CREATE TEMPORARY TABLE nasty (id bigserial PRIMARY KEY, {columns})")
        yield cursor
        connection.rollback()


@settings(max_examples=150)
@given(rows)
def test_postgresql(cursor, values):
    backup, part = backup_of(values)
    copy_part(cursor, backup, part, lambda *_: None)
    cursor.execute(select(TABLE, AS_TEXTS))
    found = list(converter(TABLE, FROM_POSTGRESQL)(cursor.fetchone()))
    kinds = [column.kind for column in TABLE.columns]
    assert [plain(*pair) for pair in zip(kinds, found, strict=True)] == [
        plain(*pair) for pair in zip(kinds, values, strict=True)
    ]
    assert all(map(fits, TABLE.columns, found))


def plain(kind, value):
    """JSON by what it says: jsonb keeps neither spaces nor the order of names, and no minus of a zero."""
    if kind == "json" and value is not None:
        return json.loads(value, parse_float=Decimal, parse_int=Decimal)
    return value
