"""The lock beside a SQLite file: a server holds it as long as it serves the file, a restore while it replaces it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from foundryflow.database.private_file import PRIVATE


def lock_beside(file: Path) -> int:
    """A descriptor; whoever closes it, or ends, gives the lock up. Raises BlockingIOError while another process has it,
    and OSError where nothing can be locked."""
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle
