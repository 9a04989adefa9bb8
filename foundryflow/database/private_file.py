"""The database in a file of SQLite: for the user of the server alone."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import suppress
from typing import Any

PRIVATE = 0o600
BESIDE = ("", "-wal", "-shm", "-journal")


class PrivateFile(sqlite3.Connection):
    """A connection that makes the file for its owner alone, and tightens one that others may read.

    The files that SQLite puts beside it get the mode of the database.
    """

    def __init__(self, database: Any, *args: Any, **options: Any) -> None:
        name = os.fspath(database)
        is_file = name != ":memory:" and not name.startswith("file:")
        if is_file:
            create_private(name)
        super().__init__(database, *args, **options)
        if is_file:
            tighten(name)


def create_private(name: str) -> None:
    """Without opening it: whoever closes a file gives up all locks that the process has on it, those of SQLite too."""
    with suppress(OSError):  # it is there, or only root may do this here: then it is tightened
        os.mknod(name, stat.S_IFREG | PRIVATE)


def tighten(name: str) -> None:
    for end in BESIDE:
        with suppress(OSError):  # none there, or another owner's
            if stat.S_IMODE(os.stat(name + end).st_mode) & 0o077:
                os.chmod(name + end, PRIVATE)
