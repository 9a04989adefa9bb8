"""When the last backup was made, and how large it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.models import StoredSetting

STORED = "last_backup"


@dataclass(frozen=True)
class LastBackup:
    at: datetime
    size: int  # bytes


@transaction.atomic
def record_backup(name: str, size: int, rows: int) -> None:
    """`size` in bytes."""
    note_backup(size)
    record(COMMAND, "made a backup", Subject("backup", name), f"{rows:,} rows, {size:,} bytes")


def note_backup(size: int) -> None:
    """Call when a backup of so many bytes is complete."""
    StoredSetting.objects.write(STORED, {"at": timezone.now().isoformat(), "size": size})


def last_backup() -> LastBackup | None:
    """None when no backup was made by `manage.py backup`."""
    stored = StoredSetting.objects.read(STORED)
    return LastBackup(datetime.fromisoformat(stored["at"]), int(stored["size"])) if stored else None
