"""Everything that the System page tells, read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from foundryflow.audit.refusals import blocked_destinations
from foundryflow.system import disk
from foundryflow.system.key_counts import KeyState, key_state
from foundryflow.system.last_backup import LastBackup, last_backup
from foundryflow.system.processes import KnownProcess, known_processes
from foundryflow.system.readiness import recently_missing_migrations
from foundryflow.system.registry import QueueState, RefusedCalls, engine

MOST_REFUSED = 1_000  # entries of the audit log that are counted


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
    refused: RefusedCalls  # today


def take_snapshot() -> SystemSnapshot:
    return SystemSnapshot(
        at=timezone.now(),
        processes=known_processes(),
        queue=engine().queue(),
        keys=key_state(),
        missing_migrations=recently_missing_migrations(),
        database_size=disk.database_size(),
        growth=disk.growth_per_day(),
        volume=disk.volume(),
        backup=last_backup(),
        refused=refused_today(),
    )


def refused_today() -> RefusedCalls:
    """Calls in runs, and tests of connections, which are in the audit log."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    calls, entries = engine().refused_since(midnight), blocked_destinations().filter(at__gte=midnight)
    tests = list(entries.order_by("-at", "-id").values_list("subject", "count")[:MOST_REFUSED])
    last = calls.last or (tests[0][0] if tests else "")
    return RefusedCalls(calls.number + sum(count for _, count in tests), last)
