"""Everything that the System page tells, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from foundryflow.models import AuditEntry
from foundryflow.system import disk
from foundryflow.system.key_counts import KeyState, key_state
from foundryflow.system.last_backup import LastBackup, last_backup
from foundryflow.system.processes import KnownProcess, known_processes
from foundryflow.system.readiness import recently_missing_migrations
from foundryflow.system.registry import BoundedCount, QueueState, queue_state

MOST_REFUSED = 1_000  # entries that are counted
DESTINATION = "destination"  # in the data of an entry: what was to be called


@dataclass(frozen=True)
class Refused:
    """Calls to destinations that were refused today."""

    count: BoundedCount
    last: str  # destination; empty when there was none


@dataclass(frozen=True)
class SystemSnapshot:
    at: datetime
    processes: list[KnownProcess]
    queue: QueueState
    keys: KeyState
    missing_migrations: int
    database_size: int  # bytes
    growth: int | None  # bytes a day
    volume: disk.Volume | None
    backup: LastBackup | None
    refused: Refused


def take_snapshot() -> SystemSnapshot:
    return SystemSnapshot(
        at=timezone.now(),
        processes=known_processes(),
        queue=queue_state(),
        keys=key_state(),
        missing_migrations=recently_missing_migrations(),
        database_size=disk.database_size(),
        growth=disk.growth_per_day(),
        volume=disk.volume(),
        backup=last_backup(),
        refused=refused_today(),
    )


def refused_today() -> Refused:
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    entries = AuditEntry.objects.filter(at__gte=midnight, kind=DESTINATION, is_refused=True).order_by("-at", "-id")
    found = list(entries.values_list("subject", "count")[: MOST_REFUSED + 1])
    number = sum(count for _, count in found[:MOST_REFUSED])
    return Refused(BoundedCount(number, len(found) > MOST_REFUSED), found[0][0] if found else "")
