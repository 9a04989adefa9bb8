"""Puts the rows of a backup into tables that were just made.

Indexes, foreign keys and triggers are away meanwhile: rows are faster without them, come in any order, and what
triggers count is in the backup itself. They come back before anybody sees the rows, and check what they hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from django.db import connection

from foundryflow.backup.format import BackupError, BackupPart, Tell
from foundryflow.backup.read import Backup
from foundryflow.backup.tables import BackupTable
from foundryflow.backup.values import TO_POSTGRESQL, TO_SQLITE, converter

TELL_EVERY = 5_000  # rows


def rows_with_progress(backup: Backup, part: BackupPart, tell: Tell) -> Iterator[list[Any]]:
    for rows, row in enumerate(backup.rows(part), 1):
        if rows % TELL_EVERY == 0:
            tell(part, rows)
        yield row
    tell(part, part.rows)


def column_names(table: BackupTable) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def load_error(part: BackupPart, error: Exception) -> BackupError:
    said = " ".join(str(error).split())[:400]
    return BackupError(f"The database does not take the {part.table.label} ({part.table.name}): {said}")


# SQLite


def load_into_sqlite(file: Path, backup: Backup, tell: Tell) -> None:
    """Into a file that nobody else has, and that is thrown away if this does not come to its end."""
    with closing(sqlite3.connect(file, isolation_level=None)) as opened:
        # What is written here is on the disk for good before the file gets its name.
        for setting in (
            "journal_mode = OFF",
            "foreign_keys = OFF",
            "synchronous = OFF",
            "cache_size = -64000",
        ):
            opened.execute(f"PRAGMA {setting}")
        opened.execute("BEGIN")
        removed = opened.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger')"
            " ORDER BY type"
        ).fetchall()
        for kind, name, _ in removed:
            opened.execute(f'DROP {kind} "{name}"')
        for part in backup.manifest.parts:
            insert_part(opened, backup, part, tell)
        for _, _, statement in removed:
            opened.execute(statement)
        if orphan := opened.execute("PRAGMA foreign_key_check").fetchone():
            raise BackupError(
                f"Row {orphan[1]} of {orphan[0]} belongs to one of {orphan[2]} that is not in the backup."
            )
        opened.execute("COMMIT")


def insert_part(opened: sqlite3.Connection, backup: Backup, part: BackupPart, tell: Tell) -> None:
    table = part.table
    places = ", ".join("?" * len(table.columns))
    rows = map(converter(table, TO_SQLITE), rows_with_progress(backup, part, tell))
    opened.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - names of our own models, checked by Level
    try:
        opened.executemany(f'INSERT INTO "{table.name}" ({column_names(table)}) VALUES ({places})', rows)  # noqa: S608
    except (sqlite3.Error, OverflowError) as error:
        raise load_error(part, error) from None
    opened.execute("DELETE FROM sqlite_sequence WHERE name = ?", [table.name])
    if part.last_id is not None:
        opened.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table.name, part.last_id])


# PostgreSQL

INDEXES = """
    SELECT format('DROP INDEX %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
    FROM pg_index WHERE indrelid = ANY(%s::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""
FOREIGN_KEYS = """
    SELECT format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
        format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE contype = 'f' AND (conrelid = ANY(%s::regclass[]) OR confrelid = ANY(%s::regclass[]))
"""


def load_into_postgresql(backup: Backup, tell: Tell) -> None:
    """In the transaction that is open."""
    tables = [f'"{part.table.name}"' for part in backup.manifest.parts]
    with connection.cursor() as cursor:
        foreign_keys, indexes = fetch(FOREIGN_KEYS, [tables, tables]), fetch(INDEXES, [tables])
        for drop, _ in (*foreign_keys, *indexes):
            cursor.execute(drop)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for part in backup.manifest.parts:
            copy_part(cursor, backup, part, tell)
        for _, create in (*indexes, *foreign_keys):
            cursor.execute(create)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
            cursor.execute(f"ANALYZE {table}")


def fetch(statement: str, values: list[Any]) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[str, str]] = cursor.fetchall()
        return found


def copy_part(cursor: Any, backup: Backup, part: BackupPart, tell: Tell) -> None:
    table = part.table
    cursor.execute(f'DELETE FROM "{table.name}"')  # noqa: S608 - names of our own models, checked by Level
    try:
        with cursor.copy(f'COPY "{table.name}" ({column_names(table)}) FROM STDIN') as copy:
            for row in map(converter(table, TO_POSTGRESQL), rows_with_progress(backup, part, tell)):
                copy.write_row(row)
    except psycopg.Error as error:
        raise load_error(part, error) from None
    cursor.execute("SELECT pg_get_serial_sequence(%s, %s)", [f'"{table.name}"', table.key])
    (sequence,) = cursor.fetchone()
    if sequence is not None:
        is_used = part.last_id is not None
        cursor.execute("SELECT setval(%s, %s, %s)", [sequence, part.last_id if is_used else 1, is_used])
