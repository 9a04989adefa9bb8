"""Writes a backup, row by row: what it needs of memory does not grow with the database."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from django.utils import timezone

from foundryflow.backup.format import (
    EMPTY_SEAL,
    FORMAT,
    LONGEST_ROW,
    MANIFEST,
    SIGNATURE,
    BackupError,
    BackupPart,
    Manifest,
    SealedWriter,
    add_member,
    encode_row,
    part_name,
)
from foundryflow.backup.source import Source
from foundryflow.backup.tables import SEALED, BackupTable
from foundryflow.encryption.columns import find_sealed_json
from foundryflow.encryption.keys import KeyRing
from foundryflow.version import VERSION

TOGETHER = 256 * 1024  # bytes that are packed at once
LEVEL = 3  # of zlib: half the time of the usual one, a tenth larger
Tell = Callable[[BackupTable, int, int], None]  # table, rows so far, rows in all


class KeyCount:
    """Which keys of the ring the rows of a backup need."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self.opened = Counter({keys.first: 0})  # whatever is sealed elsewhere, in a setting, say, is sealed with it
        self.unreadable = 0

    def count(self, sealed: str) -> None:
        found = self._keys.open(sealed)
        if found is None:
            self.unreadable += 1
        else:
            self.opened[found[0]] += 1


def write_backup(
    source: Source, out: BinaryIO, tables: list[BackupTable], migrations: list[str], keys: KeyRing, tell: Tell
) -> tuple[Manifest, int]:
    """What is in it, and its size in bytes. Raises BackupError, DatabaseError, OSError."""
    sealed, counted = SealedWriter(out), KeyCount(keys)
    made_at = timezone.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    manifest = Manifest(VERSION, made_at, source.vendor, migrations, {})
    with ZipFile(sealed, "w", ZIP_DEFLATED, compresslevel=LEVEL) as archive:  # type: ignore[call-overload]  # it asks for nothing but write and flush
        archive.comment = EMPTY_SEAL
        add_member(archive, SIGNATURE, f"{FORMAT}\n".encode())
        parts = [write_part(archive, source, table, counted, tell) for table in tables]
        missing = source.former_keys() - {*keys.fingerprints} if counted.unreadable else set()
        needed = {**counted.opened, **dict.fromkeys(sorted(missing), 0)}
        manifest = replace(manifest, parts=parts, keys=needed, unreadable=counted.unreadable)
        add_member(archive, MANIFEST, manifest.to_bytes())
    return manifest, sealed.size


def write_part(archive: ZipFile, source: Source, table: BackupTable, keys: KeyCount, tell: Tell) -> BackupPart:
    digest, rows, size, total = hashlib.sha256(), 0, 0, source.count(table)
    sealed = [place for place, column in enumerate(table.columns) if column.kind == SEALED]
    sealed_json = {
        place: found
        for place, column in enumerate(table.columns)
        if (found := find_sealed_json(table.name, column.name))
    }
    with archive.open(part_name(table), "w", force_zip64=True) as out:
        together = bytearray()
        for row in source.rows(table):
            for place in sealed:
                if row[place]:
                    keys.count(row[place])
            for place, found in sealed_json.items():
                for text in found.sealed_in(json.loads(row[place])):
                    keys.count(text)
            line = encode_row(row)
            if len(line) > LONGEST_ROW:
                raise BackupError(f"A row of {table.label} has {len(line):,} bytes, more than a backup takes.")
            together += line
            rows += 1
            if len(together) > TOGETHER:
                digest.update(together)
                out.write(together)
                size += len(together)
                together.clear()
                tell(table, rows, total)
        digest.update(together)
        out.write(together)
        size += len(together)
    tell(table, rows, total)
    return BackupPart(table, rows, size, digest.hexdigest(), source.last_id(table))
