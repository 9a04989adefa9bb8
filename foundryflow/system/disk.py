"""How large the database is and becomes, and how much room is left."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils import timezone

from foundryflow.database.sqlite_file import sqlite_file
from foundryflow.models import StoredSetting

STORED = "sizes of the database"  # bytes by day, as each day began
DAYS = 14  # that are remembered
NEARLY_FULL = 0.9
NOTED_EVERY = 600.0  # seconds

_noted_at = -NOTED_EVERY  # time.monotonic()


@dataclass(frozen=True)
class Volume:
    """Where files are written."""

    path: Path
    total: int  # bytes
    free: int

    @property
    def is_nearly_full(self) -> bool:
        return self.total > 0 and 1 - self.free / self.total > NEARLY_FULL

    @property
    def percent_used(self) -> int:
        return round(100 * (1 - self.free / self.total)) if self.total else 0


def database_size() -> int:
    """Bytes, of PostgreSQL or of the SQLite file with what belongs to it."""
    if settings.POSTGRESQL:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    file = str(connection.settings_dict["NAME"])
    return sum(size_of(Path(file + ending)) for ending in ("", "-wal"))


def size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0


def note_size() -> None:
    """Remembers how large the database is, once a day."""
    global _noted_at
    if time.monotonic() - _noted_at < NOTED_EVERY:
        return
    sizes, today = StoredSetting.objects.read(STORED) or {}, timezone.localdate().isoformat()
    if today not in sizes:
        newest = dict(sorted({**sizes, today: database_size()}.items())[-DAYS:])
        StoredSetting.objects.write(STORED, newest)
    _noted_at = time.monotonic()


def growth_per_day() -> int | None:
    """Bytes, on average over the days that are remembered; None when there are not two."""
    sizes = {date.fromisoformat(day): int(size) for day, size in (StoredSetting.objects.read(STORED) or {}).items()}
    if not sizes:
        return None
    first, last = min(sizes), max(sizes)
    days = (last - first) / timedelta(days=1)
    return round((sizes[last] - sizes[first]) / days) if days else None


def volume() -> Volume | None:
    """The one with the SQLite file; of PostgreSQL, which may be anywhere, the one that this server stands on."""
    place = settings.BASE_DIR if settings.POSTGRESQL else sqlite_file().resolve().parent
    try:
        found = shutil.disk_usage(place)
    except OSError:
        return None
    return Volume(Path(place), found.total, found.free)
