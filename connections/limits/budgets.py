"""What a connection or a customer may spend in a day or a month, and who keeps count. Pure: time is a parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from connections.foundry.values import ModelAnswer, ModelRequest, WhenReached

WARN_AT = 0.8  # of a budget
DAY, MONTH = "day", "month"


@dataclass(frozen=True, slots=True)
class BudgetReached:
    """Why a call cannot begin now, and when it is worth asking again.

    While calls that are going may use what is left, a budget is not spent: whoever wants more waits for them.
    """

    reason: str
    until: float  # seconds since the epoch
    is_spent: bool = False
    when_spent: WhenReached = WhenReached.WAIT
    spill_over_to: str = ""  # name of a connection
    of_customer: bool = False
    details: Mapping[str, Any] = field(default_factory=dict)  # whose budget it is, used and limit


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was set aside for a call: its id, and how much of which account."""

    id: str
    amounts: Mapping[int, int]


class BudgetLedger(Protocol):
    """Keeps count of what is spent, for every process that shares it."""

    async def has_budget(self, connection: str, customer: str) -> bool:
        """Whether anything holds such a call."""

    async def begin(self, connection: str, customer: str, request: ModelRequest) -> Reservation | BudgetReached:
        """Sets aside what the call may use, of all budgets that hold it, or says what stands in the way."""

    async def renew(self, reservation: Reservation) -> None:
        """Says that the call is still going."""

    async def end(self, reservation: Reservation, request: ModelRequest, answer: ModelAnswer | None) -> None:
        """Books what it used; without an answer, what was set aside."""

    async def give_back(self, reservation: Reservation, request: ModelRequest) -> None:
        """Books nothing."""


def has_room(limit: int, used: int, reserved: int, wanted: int) -> bool:
    """Whether a call may begin: as long as what is going fits with it, and what is left goes to one call alone.

    So a budget is exceeded at most by what the calls that go use beyond their estimates, or by the last one.
    """
    return used < limit and (reserved == 0 or used + reserved + wanted <= limit)


def period_at(period: str, now: float) -> tuple[datetime, datetime]:
    """The beginning of the day or month of that moment, by UTC, and that of the next."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == DAY:
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=32)).replace(day=1)
