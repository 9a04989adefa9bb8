"""The file of a backup: a zip of one text a table, a JSON array a row, and a manifest that says what must be in them.

The first part names the format. The comment at the end of the zip, the seal, is the digest of everything before it, so
that no byte of the file can be another one. `docs/backup.md` describes the file for people.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from zipfile import ZipFile

from foundryflow.backup.tables import BackupColumn, BackupTable
from foundryflow.version import VERSION

FORMAT = 1
SIGNATURE, MANIFEST = "foundryflow-backup", "manifest.json"
BEGINS_WITH = b"PK\x03\x04"
SEAL = b"foundryflow-backup sha256:"
SEAL_SIZE = len(SEAL) + 64
LONGEST_ROW = 512 * 1024 * 1024  # bytes
LARGEST_MANIFEST = 16 * 1024 * 1024


class BackupError(Exception):
    """A backup cannot be made or brought back; the message says why, and what to do."""


@dataclass(frozen=True)
class BackupPart:
    """The rows of one table."""

    table: BackupTable
    rows: int
    size: int  # bytes, unpacked
    sha256: str
    last_id: int | None  # that the database has given to a row, which may be gone

    @property
    def file(self) -> str:
        return part_name(self.table)

    def to_json(self) -> dict[str, Any]:
        columns = [[column.name, column.kind, column.places] for column in self.table.columns]
        return {
            "table": self.table.name,
            "label": self.table.label,
            "key": self.table.key,
            "columns": columns,
            "rows": self.rows,
            "bytes": self.size,
            "sha256": self.sha256,
            "last_id": self.last_id,
        }

    @classmethod
    def parse(cls, given: dict[str, Any]) -> BackupPart:
        """Raises KeyError, TypeError, ValueError."""
        columns = tuple(BackupColumn(str(name), str(kind), int(places)) for name, kind, places in given["columns"])
        table = BackupTable(str(given["table"]), str(given["label"]), str(given["key"]), columns)
        last = given["last_id"]
        rows, size = int(given["rows"]), int(given["bytes"])
        return cls(table, rows, size, str(given["sha256"]), None if last is None else int(last))


Tell = Callable[[BackupPart, int], None]  # how many rows of the part were read or written so far


@dataclass(frozen=True)
class Manifest:
    version: str  # of FoundryFlow
    made_at: str  # ISO 8601, UTC
    database: str  # vendor
    migrations: list[str]  # "flows.0001_initial", in order
    keys: dict[str, int]  # by fingerprint of an encryption key how many values it sealed
    parts: list[BackupPart] = field(default_factory=list)
    unreadable: int = 0  # values that no key opened when the backup was made

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def size(self) -> int:
        """Bytes of all rows, unpacked."""
        return sum(part.size for part in self.parts)

    @property
    def made(self) -> str:
        """When, for a sentence."""
        return f"{self.made_at[:16].replace('T', ' ')} UTC"

    def to_bytes(self) -> bytes:
        content = {
            "format": FORMAT,
            "foundryflow": self.version,
            "made_at": self.made_at,
            "database": self.database,
            "encryption_keys": self.keys,
            "unreadable": self.unreadable,
            "migrations": self.migrations,
            "tables": [part.to_json() for part in self.parts],
        }
        return json.dumps(content, ensure_ascii=False, indent=1).encode()

    @classmethod
    def parse(cls, content: bytes) -> Manifest:
        """Raises BackupError for a newer format, and KeyError, TypeError or ValueError for what is none."""
        given = json.loads(content)
        if given["format"] != FORMAT:
            raise newer_version(str(given["foundryflow"]))
        return cls(
            str(given["foundryflow"]),
            str(given["made_at"]),
            str(given["database"]),
            [str(name) for name in given["migrations"]],
            {str(name): int(count) for name, count in given["encryption_keys"].items()},
            [BackupPart.parse(part) for part in given["tables"]],
            int(given["unreadable"]),
        )


def newer_version(version: str) -> BackupError:
    return BackupError(
        f"This backup was made by FoundryFlow {version}, which is newer than this one ({VERSION}):"
        " install that version, then restore it there."
    )


def part_name(table: BackupTable) -> str:
    return f"rows/{table.name}.jsonl"


def add_member(archive: ZipFile, name: str, content: bytes) -> None:
    """The same for the same content, whenever it is written."""
    with archive.open(name, "w") as out:
        out.write(content)


def encode_row(values: Sequence[Any]) -> bytes:
    return encode(values).encode() + b"\n"


encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, check_circular=False).encode


class SealedWriter:
    """Writes through, and puts the digest of everything before it in the place of the seal, which comes last.

    It cannot go back, so that a zip in it is written from its beginning to its end.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out, self._digest = out, hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        if data == EMPTY_SEAL:
            data = SEAL + self._digest.hexdigest().encode()
        self._digest.update(data)
        self._out.write(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._out.flush()


EMPTY_SEAL = SEAL + b"0" * 64
