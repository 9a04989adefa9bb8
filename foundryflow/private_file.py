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
        if name != ":memory:" and not name.startswith("file:"):
            make_private(name)
        super().__init__(database, *args, **options)


def make_private(name: str) -> None:
    with suppress(OSError):  # SQLite says itself what is wrong with the place
        os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE))
    for end in BESIDE:
        with suppress(OSError):  # none there, or another owner's
            if stat.S_IMODE(os.stat(name + end).st_mode) & 0o077:
                os.chmod(name + end, PRIVATE)
