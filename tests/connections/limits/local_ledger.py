"""The twin of the ledger in the database: counts what one process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count

from connections.foundry.values import Limits
from connections.limits.rules import DAY, LEASE, MINUTE, CallUse, LimitReached, limit_reached


class LocalLedger:
    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._uses: dict[str, dict[str, CallUse]] = {}
        self._days: dict[tuple[str, float], int] = {}
        self._ids = count(1)

    async def begin(self, name: str, limits: Limits, wanted: int) -> str | LimitReached:
        now, uses = self._clock(), self._uses.setdefault(name, {})
        for use in list(uses.values()):
            if use.began < now - MINUTE and use.going_until < now:
                del uses[use.id]
        reason = limit_reached(limits, list(uses.values()), self._days.get((name, now // DAY), 0), wanted, now)
        if reason is not None:
            return reason
        id = str(next(self._ids))
        uses[id] = CallUse(id, now, wanted, now + LEASE)
        return id

    def _account_of(self, id: str) -> str:
        return next(account for account, uses in self._uses.items() if id in uses)

    async def renew(self, id: str) -> None:
        uses = self._uses[self._account_of(id)]
        uses[id] = CallUse(id, uses[id].began, uses[id].tokens, self._clock() + LEASE)

    async def end(self, id: str, tokens: int) -> None:
        name, now = self._account_of(id), self._clock()
        self._uses[name][id] = CallUse(id, self._uses[name][id].began, tokens, now)
        self._days[name, now // DAY] = self._days.get((name, now // DAY), 0) + tokens
