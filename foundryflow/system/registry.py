"""What the System page shows of an app. The ground knows none; who executes runs registers here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet


@dataclass(frozen=True)
class BoundedCount:
    """A number that was not counted beyond a limit: it is `number`, or larger when there are `more`."""

    number: int = 0
    more: bool = False

    @classmethod
    def of(cls, rows: QuerySet[Any], most: int) -> BoundedCount:
        number = rows.values("pk")[: most + 1].count()
        return cls(min(number, most), number > most)

    def __str__(self) -> str:
        return f"{'more than ' if self.more else ''}{self.number:,}"

    def words(self, one: str, several: str = "") -> str:
        """Such as "1 run", "3 runs", "more than 10,000 runs"."""
        return f"{self} {one if self.number == 1 and not self.more else several or f'{one}s'}"


@dataclass(frozen=True)
class QueueState:
    """What waits to be executed, and how long it took lately until something was begun."""

    waiting: BoundedCount = BoundedCount()
    oldest_for: timedelta | None = None
    for_quota: BoundedCount = BoundedCount()
    median: float | None = None  # seconds until a run of today was begun
    until: datetime | None = None  # when the last of them was
    address: str = ""  # of the list of runs
    waiting_address: str = ""  # of those that wait


@dataclass(frozen=True)
class RefusedCalls:
    """Calls to destinations that are not allowed."""

    number: int = 0
    last: str = ""  # connection or host that was to be called; empty when there was none


@dataclass(frozen=True)
class EngineSource:
    """What executes the runs."""

    queue: Callable[[], QueueState]
    is_open: Callable[[], bool]  # whether the engine goes on in this process
    runs_older_than: Callable[[datetime], BoundedCount]
    refused_since: Callable[[datetime], RefusedCalls]  # in runs


_engines = [EngineSource(QueueState, lambda: False, lambda moment: BoundedCount(), lambda moment: RefusedCalls())]


def register_engine(engine: EngineSource) -> None:
    _engines[:] = [engine]


def engine() -> EngineSource:
    """Whoever has registered, else one that executes nothing."""
    return _engines[0]
