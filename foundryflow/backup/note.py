"""What an installation remembers of the backups that were made of it."""

from __future__ import annotations

from django.db import transaction

from foundryflow.audit.record import COMMAND, Subject, record
from foundryflow.system.last_backup import note_backup


@transaction.atomic
def record_backup(name: str, size: int, rows: int) -> None:
    """`size` in bytes."""
    note_backup(size)
    record(COMMAND, "made a backup", Subject("backup", name), f"{rows:,} rows, {size:,} bytes")
