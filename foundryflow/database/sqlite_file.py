"""The database in a file of SQLite: where it is, for the user of the server alone, and locked while it is served."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings

PRIVATE = 0o600
BESIDE = ("", "-wal", "-shm", "-journal")


def sqlite_file() -> Path:
    return Path(str(settings.DATABASES["default"]["NAME"]))


def lock_beside(file: Path) -> int:
    """The lock that a server holds as long as it serves the file, and a restore while it replaces it: a descriptor;
    whoever closes it, or ends, gives it up. Raises BlockingIOError while another process has it, else OSError."""
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


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
