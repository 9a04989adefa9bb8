"""Reads every row of one moment, while others go on writing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol

from django.db import connection, transaction

from foundryflow.backup.tables import BackupTable
from foundryflow.backup.values import FROM_POSTGRESQL, FROM_SQLITE, converter
from foundryflow.database.sqlite_file import sqlite_file

AT_ONCE = 200  # rows that PostgreSQL sends together
CANARIES = "SELECT fingerprint FROM foundryflow_keycanary"
SNAPSHOT = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL idle_in_transaction_session_timeout = 0",  # whoever reads slowly takes his time
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL datestyle = 'ISO'",
)
# Made by the server, which is quicker than objects of Python that become texts again.
AS_TEXTS = {"datetime": "(\"{}\" AT TIME ZONE 'UTC')::text", "date": '"{}"::text', "decimal": '"{}"::text'}

Row = Sequence[Any]


class Source(Protocol):
    """One moment of a database."""

    vendor: str

    def count(self, table: BackupTable) -> int: ...

    def rows(self, table: BackupTable) -> Iterator[Row]:
        """In the order of the key, with values as a backup holds them."""
        ...

    def last_id(self, table: BackupTable) -> int | None: ...

    def former_keys(self) -> set[str]:
        """Fingerprints of all keys that are asked for at a start."""
        ...


@contextmanager
def open_source() -> Iterator[Source]:
    if connection.vendor == "postgresql":
        with transaction.atomic():
            source = PostgresSource()
            yield source
        return
    with closing(sqlite3.connect(sqlite_file(), isolation_level=None)) as opened:
        yield SqliteSource(opened)


def select(table: BackupTable, forms: Mapping[str, str]) -> str:
    """`forms` says for a kind of columns how they are asked for."""
    columns = ", ".join(forms.get(column.kind, '"{}"').format(column.name) for column in table.columns)
    return f'SELECT {columns} FROM "{table.name}" ORDER BY "{table.key}"'  # noqa: S608 - names of our own models


class SqliteSource:
    """A transaction that only reads keeps nobody from writing; the WAL grows until it ends."""

    vendor = "sqlite"

    def __init__(self, opened: sqlite3.Connection) -> None:
        self._opened = opened
        opened.execute("PRAGMA query_only = ON")
        opened.execute("BEGIN")
        # From this reading on it is this moment.
        self._last_ids = dict(opened.execute("SELECT name, seq FROM sqlite_sequence"))

    def count(self, table: BackupTable) -> int:
        return int(self._opened.execute(f'SELECT COUNT(*) FROM "{table.name}"').fetchone()[0])  # noqa: S608

    def rows(self, table: BackupTable) -> Iterator[Row]:
        return map(converter(table, FROM_SQLITE), self._opened.execute(select(table, {})))

    def last_id(self, table: BackupTable) -> int | None:
        return self._last_ids.get(table.name) or None  # 0 after a row that was not stored

    def former_keys(self) -> set[str]:
        return {name for (name,) in self._opened.execute(CANARIES)}


class PostgresSource:
    """In the transaction that is open, and has done nothing yet."""

    vendor = "postgresql"

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            for statement in SNAPSHOT:
                cursor.execute(statement)
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")  # from here on it is this moment

    def count(self, table: BackupTable) -> int:
        return int(self._ask(f'SELECT COUNT(*) FROM "{table.name}"')[0])  # noqa: S608

    def rows(self, table: BackupTable) -> Iterator[Row]:
        convert = converter(table, FROM_POSTGRESQL)
        with connection.chunked_cursor() as cursor:
            cursor.execute(select(table, AS_TEXTS))
            while found := cursor.fetchmany(AT_ONCE):
                yield from map(convert, found)

    def last_id(self, table: BackupTable) -> int | None:
        (sequence,) = self._ask("SELECT pg_get_serial_sequence(%s, %s)", f'"{table.name}"', table.key)
        if sequence is None:
            return None
        last, is_called = self._ask(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608 - named by the server
        return int(last) if is_called else None

    def former_keys(self) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(CANARIES)
            return {name for (name,) in cursor.fetchall()}

    def _ask(self, statement: str, *values: str) -> Row:
        with connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            found: Row = cursor.fetchone()
            return found
