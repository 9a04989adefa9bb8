"""What a connection may use, and who keeps count. Pure: time comes in as a parameter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connections.foundry.values import Limits

MINUTE, DAY = 60.0, 86_400.0  # seconds
LEASE = 30.0  # seconds after which a call that nobody renews does not count as going any more
SOON = 0.3  # seconds until somebody who waits for a free call looks again


@dataclass(frozen=True, slots=True)
class CallUse:
    """One call: `tokens` are those reserved, later those used."""

    id: str
    began: float  # seconds since the epoch
    tokens: int
    going_until: float  # the call counts as going until then


@dataclass(frozen=True, slots=True)
class LimitReached:
    """Why a call cannot begin now, and when it is worth asking again."""

    reason: str
    until: float
    daily: bool = False
    is_known: bool = True  # whether the call can begin then; else others have to end first


def limit_reached(limits: Limits, uses: list[CallUse], today: int, wanted: int, now: float) -> LimitReached | None:
    """What stands in the way of a call that wants so many tokens; `uses` are those of the last minute or going.

    A window slides: a call counts for sixty seconds from its beginning, so no minute ever holds more than the limit.
    """
    if limits.tokens_a_day is not None and today >= limits.tokens_a_day:
        end = (now // DAY + 1) * DAY
        return LimitReached(f"{today:,} of {limits.tokens_a_day:,} tokens of the day are used", end, daily=True)
    going = [use for use in uses if use.going_until > now]
    if limits.calls is not None and len(going) >= limits.calls:
        return LimitReached(f"{len(going)} of {limits.calls} calls are going", now + SOON, is_known=False)
    recent = sorted((use for use in uses if use.began > now - MINUTE), key=lambda use: use.began)
    if limits.requests is not None and len(recent) >= limits.requests:
        leaves = recent[len(recent) - limits.requests]
        return LimitReached(f"{limits.requests:,} requests a minute are used", leaves.began + MINUTE)
    if limits.tokens is not None:
        # One call alone may want more than a minute has; it goes when nothing else does.
        over = sum(use.tokens for use in recent) + min(wanted, limits.tokens) - limits.tokens
        for use in recent:
            if over <= 0:
                break
            over -= use.tokens
            if over <= 0:
                return LimitReached(f"{limits.tokens:,} tokens a minute are used", use.began + MINUTE)
    return None


class Ledger(Protocol):
    """Keeps count of a connection's calls, for every process that shares it."""

    async def begin(self, account: str, limits: Limits, wanted: int) -> str | LimitReached:
        """The id of a call that may begin, or what stands in the way."""

    async def renew(self, id: str) -> None:
        """Says that the call is still going."""

    async def end(self, id: str, tokens: int) -> None:
        """Books what it used."""
