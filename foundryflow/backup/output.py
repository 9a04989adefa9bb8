"""The file that a backup is written to: complete, or not there."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from foundryflow.backup.format import BackupError
from foundryflow.database.sqlite_file import PRIVATE


@contextmanager
def new_file(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """For its owner alone. It has its name only when everything is in it and on the disk. Raises BackupError."""
    if path.is_dir():
        raise BackupError(f"{path} is a folder: name a file in it.")
    if path.exists() and not force:
        raise BackupError(f"{path} is there already. `--force` replaces it.")
    part = path.with_name(f"{path.name}.part")
    try:
        with open_part(part) as out:
            try:
                yield out
                out.flush()
                os.fsync(out.fileno())
                part.replace(path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
        sync(path.parent)
    except OSError as error:
        raise BackupError(f"{path} cannot be written: {error.strerror or error}.") from None


@contextmanager
def open_part(part: Path) -> Iterator[BinaryIO]:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    with os.fdopen(handle, "wb") as out:
        try:
            fcntl.flock(out, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"Another process is writing {part}. Wait for its end.") from None
        os.fchmod(handle, PRIVATE)
        out.truncate()
        yield out


def sync(path: Path) -> None:
    """Brings a file, or the names in a folder, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
