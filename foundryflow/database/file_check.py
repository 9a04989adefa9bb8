"""What is looked at before the server starts: whether the SQLite file can be used."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

from django.conf import settings

from foundryflow.database.errors import BUSY, code_of, sentence_about_file
from foundryflow.database.sqlite_file import sqlite_file

CHECKED_FOR = 2.0  # seconds that the check of a SQLite file may take


class Unusable(Exception):
    """The database cannot be used; the message says why, and what to do."""


def check_file() -> None:
    """Whether the SQLite file can be read, written and believed, as far as two seconds tell. Raises Unusable."""
    if settings.POSTGRESQL:
        return
    file = sqlite_file()
    if not file.parent.is_dir():
        raise Unusable(sentence_about_file(sqlite3.SQLITE_CANTOPEN, ""))
    if not file.exists():
        return
    try:
        with closing(sqlite3.connect(file, timeout=CHECKED_FOR, isolation_level=None)) as opened:
            told = quick_check(opened)
            if told == "ok":
                opened.execute("BEGIN IMMEDIATE")
                opened.execute("ROLLBACK")
    except sqlite3.Error as error:
        if code_of(error) not in BUSY:
            raise Unusable(sentence_about_file(code_of(error), str(error))) from None
        return
    if told != "ok":
        raise Unusable(sentence_about_file(sqlite3.SQLITE_CORRUPT, told))


def quick_check(opened: sqlite3.Connection) -> str:
    """What SQLite says of its file: ok, also when the time was not enough to find anything, or what is wrong."""
    opened.execute("PRAGMA schema_version")
    until = time.monotonic() + CHECKED_FOR
    opened.set_progress_handler(lambda: int(time.monotonic() > until), 10_000)
    try:
        (told,) = opened.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_INTERRUPT:
            raise
        told = "ok"
    opened.set_progress_handler(None, 0)
    return str(told)
