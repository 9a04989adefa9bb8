"""The count of a connection's calls in the database, shared by every process."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from django.db.models import F

from connections.foundry.values import Limits
from connections.limits.rules import DAY, LEASE, MINUTE, CallUse, LimitReached, limit_reached
from connections.models import Connection, ConnectionCall, ConnectionDay

RunJob = Callable[[Callable[[], Any]], Awaitable[Any]]  # executes a job in a transaction


class DatabaseLedger:
    """Every question is one short transaction that holds the row of the connection."""

    def __init__(self, do: RunJob, clock: Callable[[], float] = time.time) -> None:
        self._do, self._clock = do, clock

    async def begin(self, name: str, limits: Limits, wanted: int) -> str | LimitReached:
        answer: str | LimitReached = await self._do(lambda: begin_call(name, limits, wanted, self._clock()))
        return answer

    async def renew(self, name: str, id: str) -> None:
        until = self._clock() + LEASE
        await self._do(lambda: ConnectionCall.objects.filter(pk=id).update(going_until=until))

    async def end(self, name: str, id: str, tokens: int) -> None:
        await self._do(lambda: end_call(name, id, tokens, self._clock()))


def begin_call(name: str, limits: Limits, wanted: int, now: float) -> str | LimitReached:
    connection = Connection.objects.select_for_update().only("pk").filter(name=name).first()
    if connection is None:
        return str(uuid.uuid4())  # deleted meanwhile: nothing to count
    calls = ConnectionCall.objects.filter(connection=connection)
    calls.filter(began__lt=now - MINUTE, going_until__lt=now).delete()
    uses = [CallUse(str(call.pk), call.began, call.tokens, call.going_until) for call in calls]
    reason = limit_reached(limits, uses, tokens_today(connection.pk, now), wanted, now)
    if reason is not None:
        return reason
    made = ConnectionCall.objects.create(connection=connection, began=now, tokens=wanted, going_until=now + LEASE)
    return str(made.pk)


def end_call(name: str, id: str, tokens: int, now: float) -> None:
    if not ConnectionCall.objects.filter(pk=id).update(going_until=now, tokens=tokens) or not tokens:
        return
    connection = Connection.objects.filter(name=name).values_list("pk", flat=True).first()
    if connection is not None:
        day, _ = ConnectionDay.objects.get_or_create(connection_id=connection, day=day_of(now))
        ConnectionDay.objects.filter(pk=day.pk).update(tokens=F("tokens") + tokens)


def tokens_today(connection: int, now: float) -> int:
    """Tokens that a connection has used today."""
    found = ConnectionDay.objects.filter(connection_id=connection, day=day_of(now)).values_list("tokens", flat=True)
    return found.first() or 0


def day_of(now: float) -> Any:
    return datetime.fromtimestamp(now // DAY * DAY, UTC).date()
