"""Reads a backup, and believes nothing that it has not checked."""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile

from foundryflow.backup.format import (
    BEGINS_WITH,
    LARGEST_MANIFEST,
    LONGEST_ROW,
    MANIFEST,
    SEAL,
    SEAL_SIZE,
    SIGNATURE,
    BackupError,
    BackupPart,
    Manifest,
    Tell,
)
from foundryflow.backup.tables import BackupTable
from foundryflow.backup.values import fits

SEAL_PATTERN = re.compile(re.escape(SEAL) + rb"([0-9a-f]{64})")
PIECE = 1024 * 1024  # bytes that are read at once
# What rows can be packed to at most; a file that claims more was made to fill a disk or the memory.
TIGHTEST, ALWAYS_ALLOWED = 400, 1024 * 1024 * 1024
MOST_PARTS = 2_000
MOST_KNOWN = 10_000  # combinations of types that are remembered
decode = json.JSONDecoder().decode
UNREADABLE = (BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, OSError)


class Backup:
    """A file whose seal is right, with its manifest."""

    def __init__(self, archive: ZipFile, manifest: Manifest) -> None:
        self.manifest, self._archive = manifest, archive

    def rows(self, part: BackupPart) -> Iterator[list[Any]]:
        """Raises BackupError at the first that is no row of this table, or when they are not those of the manifest."""
        rows, check = 0, RowCheck(part.table)
        try:
            for line in self._lines(part):
                rows += 1
                row = decode(line.decode())
                if not check.is_row(row):
                    raise damage(f"row {rows:,} of {part.table.name} is none")
                yield row
        except (ValueError, RecursionError, *UNREADABLE) as error:
            raise damage(f"row {rows:,} of {part.table.name}: {error}") from None
        if rows != part.rows:
            raise other_rows(part)

    def verify(self, tell: Tell) -> None:
        """Reads every row. Raises BackupError."""
        for part in self.manifest.parts:
            rows = 0
            for rows, _ in enumerate(self.rows(part), 1):
                if rows % 10_000 == 0:
                    tell(part, rows)
            tell(part, rows)

    def _lines(self, part: BackupPart) -> Iterator[bytes]:
        """Without their ends. Raises BackupError when they are not those of the manifest."""
        digest, size, begun = hashlib.sha256(), 0, [b""]  # of a line whose end has not come
        with self._archive.open(part.file) as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
                size += len(piece)
                first, *others = piece.split(b"\n")
                begun.append(first)
                if size > part.size or sum(map(len, begun)) > LONGEST_ROW:
                    raise other_rows(part)
                if others:
                    yield b"".join(begun)
                    yield from others[:-1]
                    begun = [others[-1]]
        if any(begun) or (size, digest.hexdigest()) != (part.size, part.sha256):
            raise other_rows(part)


class RowCheck:
    """Whether values are a row of a table, by their types."""

    def __init__(self, table: BackupTable) -> None:
        self._columns = table.columns
        self._known: set[tuple[type, ...]] = set()  # types of rows that are right

    def is_row(self, row: Any) -> bool:
        if type(row) is not list:
            return False
        types = tuple(map(type, row))
        if types in self._known:
            return True
        if len(row) != len(self._columns) or not all(map(fits, self._columns, row)):
            return False
        if len(self._known) < MOST_KNOWN:
            self._known.add(types)
        return True


def other_rows(part: BackupPart) -> BackupError:
    return damage(f"the rows of {part.table.name} are not those that it was made with")


def damage(what: str) -> BackupError:
    return BackupError(f"This backup is damaged: {what}. Take another one.")


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Raises BackupError for whatever is no whole backup of this version or an older one."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise BackupError(f"There is no file {path}.") from None
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        check_seal(file, path)
        try:
            with ZipFile(file) as archive:
                yield Backup(archive, read_manifest(archive, path))
        except BadZipFile as error:
            raise damage(str(error)) from None


def check_seal(file: BinaryIO, path: Path) -> None:
    try:
        size = os.fstat(file.fileno()).st_size
        beginning = file.read(256)
        if not beginning.startswith(BEGINS_WITH) or SIGNATURE.encode() not in beginning:
            raise BackupError(f"{path} is no backup of FoundryFlow.")
        file.seek(max(0, size - SEAL_SIZE))
        found = SEAL_PATTERN.fullmatch(file.read())
        if found is None:
            raise BackupError(f"{path} is not whole: it was cut off, or something was added. Take another backup.")
        file.seek(0)
        digest, left = hashlib.sha256(), size - SEAL_SIZE
        while left > 0 and (piece := file.read(min(PIECE, left))):
            digest.update(piece)
            left -= len(piece)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error.strerror}.") from None
    if digest.hexdigest().encode() != found[1]:
        raise BackupError(f"{path} is damaged: it has changed since it was made. Take another backup.")
    file.seek(0)


def read_manifest(archive: ZipFile, path: Path) -> Manifest:
    members = {info.filename: info for info in archive.infolist()}
    try:
        if members[MANIFEST].file_size > LARGEST_MANIFEST or len(members) > MOST_PARTS:
            raise damage("its manifest is too large")
        with archive.open(MANIFEST) as opened:
            manifest = Manifest.parse(opened.read(LARGEST_MANIFEST + 1))
        sizes = {part.file: part.size for part in manifest.parts}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, *UNREADABLE):
        raise damage("its manifest cannot be read") from None
    if any(name not in members or members[name].file_size != size for name, size in sizes.items()):
        raise damage("its parts are not those of its manifest")
    packed = path.stat().st_size
    if manifest.size > max(ALWAYS_ALLOWED, TIGHTEST * packed):
        raise BackupError(
            f"{path} has {packed:,} bytes and would become {manifest.size:,}: no backup is packed so tightly."
            " Nothing of it was read."
        )
    return manifest
