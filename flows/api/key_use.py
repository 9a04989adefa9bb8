"""When keys were last used, and how often today: counted in memory, written at most once a second.

What was counted in the last second is lost when the process is killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Case, F, When
from django.utils import timezone

from flows import engine
from flows.api.shared_work import SharedWork
from foundryflow.models import ApiKey

PAUSE = 1.0  # seconds between two writes


@dataclass
class CountedCalls:
    """Calls since the last write, and how the last of them ended."""

    calls: int
    at: datetime
    is_refused: bool = False


_uses: dict[int, CountedCalls] = {}


def note_use(key: ApiKey) -> None:
    """Of a call that came with the key, before it is known whether it is refused."""
    now, use = timezone.now(), _uses.get(key.pk)
    if use is None:
        _uses[key.pk] = CountedCalls(1, now)
    else:
        use.calls, use.at, use.is_refused = use.calls + 1, now, False
    writing.ask()


def note_refused_use(key: ApiKey) -> None:
    """That the call which was noted last is refused; it may be written already."""
    _uses.setdefault(key.pk, CountedCalls(0, timezone.now())).is_refused = True
    writing.ask()


async def write_uses() -> None:
    uses = dict(_uses)
    _uses.clear()
    if uses:
        await engine.run_job(lambda: store_uses(uses))


def store_uses(uses: Mapping[int, CountedCalls]) -> None:
    today = timezone.localdate()
    for pk, use in sorted(uses.items()):  # in one order, so that processes do not wait for each other in a circle
        ApiKey.objects.filter(pk=pk).update(
            last_used_at=use.at,
            is_last_use_refused=use.is_refused,
            calls_on=today,
            calls=Case(When(calls_on=today, then=F("calls") + use.calls), default=use.calls),
        )


writing = SharedWork(write_uses, PAUSE)
