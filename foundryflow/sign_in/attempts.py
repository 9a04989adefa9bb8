"""Counts what went wrong, so that nobody guesses in a row: exactly, in every process, on the database.

An attempt is stored before it is judged. Others of the same kind that are under way count until they are judged, so
that many at once are no more than many in a row.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from foundryflow.models import Attempt

LONGEST = timedelta(hours=1)  # that an attempt is kept
UNJUDGED = timedelta(seconds=30)  # after which an attempt is taken for one whose process died
MOST_WAITING = 20  # attempts of one kind that wait for those before them
PATIENCE = 10.0  # seconds that one waits
PAUSE = 0.05  # seconds until it looks again
LOCK = 0x466F756E6472  # of PostgreSQL, while an attempt is stored


@dataclass(frozen=True)
class Limit:
    """At most so many wrong attempts with this key in so many seconds."""

    key: str
    most: int
    seconds: int

    def locked_until(self) -> datetime | None:
        """When the next attempt is open; None when it is open now."""
        window = timedelta(seconds=self.seconds)
        wrong = Attempt.objects.filter(key=self.key, wrong=True, at__gt=timezone.now() - window).order_by("-at")
        oldest: datetime | None = wrong.values_list("at", flat=True)[self.most - 1 : self.most].first()
        return oldest + window if oldest else None

    def places_taken(self, before: int) -> int:
        """How many places are gone: to wrong attempts, and to those that came before and are not judged."""
        now = timezone.now()
        wrong = Q(wrong=True, at__gt=now - timedelta(seconds=self.seconds))
        # In one statement: an attempt may be judged meanwhile.
        unjudged = Q(wrong=False, at__gt=now - UNJUDGED, pk__lt=before)
        return Attempt.objects.filter(wrong | unjudged, key=self.key).count()


class TooMany(Exception):
    """The attempt is not judged."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class PendingAttempt:
    """An attempt that may be judged. Say how it went."""

    def __init__(self, limits: Sequence[Limit], rows: Sequence[Attempt]) -> None:
        self._limits = limits
        self._rows = [row.pk for row in rows]

    def fail(self) -> datetime | None:
        """It was wrong. When the next one is open, if that was the last for now."""
        Attempt.objects.filter(pk__in=self._rows).update(wrong=True)
        Attempt.objects.filter(at__lt=timezone.now() - LONGEST).delete()
        return locked_until(self._limits)

    def withdraw(self) -> None:
        """It was right, and does not count; what went wrong before does."""
        Attempt.objects.filter(pk__in=self._rows).delete()

    def await_those_before(self) -> None:
        """Raises TooMany when a limit is reached, or when it takes too long to find out."""
        until = time.monotonic() + PATIENCE
        while True:
            if locked := locked_until(self._limits):
                raise TooMany(locked)
            taken = [(limit.places_taken(row), limit) for limit, row in zip(self._limits, self._rows, strict=True)]
            if all(number < limit.most for number, limit in taken):
                return
            crowded = any(number >= limit.most + MOST_WAITING for number, limit in taken)
            if crowded or time.monotonic() > until:
                raise TooMany(timezone.now() + timedelta(seconds=1))
            time.sleep(PAUSE)


def begin_attempt(limits: Sequence[Limit]) -> PendingAttempt:
    """Raises TooMany. Not in a transaction: others have to see it."""
    if locked := locked_until(limits):
        raise TooMany(locked)
    with transaction.atomic():
        if connection.vendor == "postgresql":  # so that the numbers of the rows are in the order of their commits
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        rows = Attempt.objects.bulk_create(Attempt(key=limit.key) for limit in limits)
    counted = PendingAttempt(limits, rows)
    try:
        counted.await_those_before()
    except TooMany:
        counted.withdraw()
        raise
    return counted


def locked_until(limits: Sequence[Limit]) -> datetime | None:
    return max(filter(None, (limit.locked_until() for limit in limits)), default=None)
