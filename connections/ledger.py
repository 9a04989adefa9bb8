"""The count of a connection's calls in the database, shared by every process."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from connections.foundry.values import Limits
from connections.limits.rules import DAY, LEASE, MINUTE, CallUse, LimitReached, limit_reached
from connections.models import ConnectionCall, ConnectionDay, LimitAccount

IDLE_DAYS, MOST_DELETED = 3, 100
RunJob = Callable[[Callable[[], Any]], Awaitable[Any]]  # executes a job in a transaction


class DatabaseLedger:
    """Every question is one short transaction that holds the row of the account."""

    def __init__(self, do: RunJob, clock: Callable[[], float] = time.time) -> None:
        self._do, self._clock = do, clock

    async def begin(self, account: str, limits: Limits, wanted: int) -> str | LimitReached:
        answer: str | LimitReached = await self._do(lambda: begin_call(account, limits, wanted, self._clock()))
        return answer

    async def renew(self, id: str) -> None:
        until = self._clock() + LEASE
        await self._do(lambda: ConnectionCall.objects.filter(pk=id).update(going_until=until))

    async def end(self, id: str, tokens: int) -> None:
        await self._do(lambda: end_call(id, tokens, self._clock()))


def begin_call(name: str, limits: Limits, wanted: int, now: float) -> str | LimitReached:
    account = lock_account(name)
    calls = ConnectionCall.objects.filter(account=account)
    calls.filter(began__lt=now - MINUTE, going_until__lt=now).delete()
    uses = [CallUse(str(call.pk), call.began, call.tokens, call.going_until) for call in calls]
    reason = limit_reached(limits, uses, tokens_today(account, now), wanted, now)
    if reason is not None:
        return reason
    made = ConnectionCall.objects.create(account=account, began=now, tokens=wanted, going_until=now + LEASE)
    return str(made.pk)


def lock_account(name: str) -> LimitAccount:
    """The account, which nobody else counts in until the transaction ends."""
    accounts = LimitAccount.objects.select_for_update()
    found = accounts.filter(name=name).first()
    if found is None:
        delete_idle_accounts()
        LimitAccount.objects.bulk_create([LimitAccount(name=name)], ignore_conflicts=True)
        found = accounts.get(name=name)
    return found


def delete_idle_accounts() -> None:
    """Some of those that nothing was counted in for days: customers come and go."""
    recent = ConnectionDay.objects.filter(account=OuterRef("pk"), day__gt=timezone.now() - timedelta(days=IDLE_DAYS))
    idle = LimitAccount.objects.filter(~Exists(recent), ~Exists(ConnectionCall.objects.filter(account=OuterRef("pk"))))
    LimitAccount.objects.filter(pk__in=list(idle.values_list("pk", flat=True)[:MOST_DELETED])).delete()


def end_call(id: str, tokens: int, now: float) -> None:
    call = ConnectionCall.objects.filter(pk=id).first()
    if call is None:
        return
    ConnectionCall.objects.filter(pk=id).update(going_until=now, tokens=tokens)
    if tokens:
        day, _ = ConnectionDay.objects.get_or_create(account_id=call.account_id, day=day_of(now))
        ConnectionDay.objects.filter(pk=day.pk).update(tokens=F("tokens") + tokens)


def tokens_today(account: LimitAccount, now: float) -> int:
    """Tokens that were used by it today."""
    found = ConnectionDay.objects.filter(account=account, day=day_of(now)).values_list("tokens", flat=True)
    return found.first() or 0


def day_of(now: float) -> Any:
    return datetime.fromtimestamp(now // DAY * DAY, UTC).date()
