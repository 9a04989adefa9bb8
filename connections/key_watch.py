"""Keeps when each key of a stored connection was sent last, and how often a minute; a call costs no statement."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import F
from django.utils import timezone

from connections.answer_watch import AnswerWatch
from connections.foundry.told_limits import ToldLimits
from connections.foundry.values import Target
from connections.limit_watch import LimitWatch
from connections.models import Connection, KeySlot, KeyUse
from connections.throttled_writer import ThrottledWriter
from foundryflow.database.jobs import execute

log = logging.getLogger(__name__)

STORED_EVERY = 60.0  # seconds, for each key and process
KEPT = timedelta(days=2)  # uses by the minute

Place = tuple[str, int]  # name of the connection, number of the slot


@dataclass(frozen=True)
class Uses:
    """What has not been stored yet."""

    count: int
    last: datetime


class DatabaseKeyWatch:
    """The uses of one event loop. The first of a quiet key is stored at once, the others of a minute together."""

    def __init__(self, answers: AnswerWatch) -> None:
        self._answers, self._limits = answers, LimitWatch()
        self._uses = ThrottledWriter(STORED_EVERY, store)

    def note_use(self, target: Target) -> None:
        if not target.slot:
            return
        place = target.name, target.slot
        waiting = self._uses.waiting.get(place)
        self._uses.put(place, Uses(waiting.count + 1 if waiting else 1, timezone.now()))

    def note_answer(self, target: Target) -> None:
        if target.slot:
            self._answers.note_answer(target)

    def note_limits(self, target: Target, model: str, told: ToldLimits) -> None:
        if target.slot:
            self._limits.note_limits(target.endpoint.url, model, told)

    async def aclose(self) -> None:
        await self._limits.aclose()
        await self._uses.aclose()


async def store(place: Place, uses: Uses) -> None:
    try:
        await execute(lambda: store_uses(place, uses))
    except (DatabaseError, InterfaceError):
        # The figure of a minute is not worth a call; the next minute says that the key is used.
        log.warning("action=key_use_not_stored connection=%s", place[0])


def store_uses(place: Place, uses: Uses) -> None:
    name, number = place
    connection = Connection.objects.filter(name=name).only("pk").first()
    if connection is None:
        return
    slot, _ = KeySlot.objects.get_or_create(connection=connection, number=number)
    later = KeySlot.objects.filter(pk=slot.pk).exclude(last_used_at__gt=uses.last)
    later.update(last_used_at=uses.last)
    minute = uses.last.replace(second=0, microsecond=0)
    row, _ = KeyUse.objects.get_or_create(slot=slot, minute=minute)
    KeyUse.objects.filter(pk=row.pk).update(calls=F("calls") + uses.count)
    KeyUse.objects.filter(slot=slot, minute__lt=minute - KEPT).delete()
