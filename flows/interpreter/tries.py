"""How often an action is tried, and how long one try may take."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from flows.actions.base import Result
from flows.actions.refused_try import RefusedTry
from flows.language.errors import ActionError
from flows.language.nodes import Retry

# Kinds of failures that may pass by themselves.
TRANSIENT = ("timeout", "connect", "dns", "rate_limit", "server", "truncated", "protocol")
LONGEST_DELAY = 3_600.0  # seconds
ADDED_UP = ("throttled", "waited_ms")  # facts that are of all tries together


class Tries:
    """The tries of one action in one execution."""

    def __init__(self, retry: Retry | None, timeout: float | None) -> None:
        self._retry, self._timeout = retry, timeout
        self.number = 1
        self.facts: dict[str, Any] = {}  # known of the try that goes, however it ends
        self._before: Counter[str] = Counter()  # of the tries before, what adds up
        self._usage: Counter[str] = Counter()

    @asynccontextmanager
    async def within_timeout(self) -> AsyncIterator[None]:
        """Raises ActionError of kind timeout when a try takes too long."""
        limit, self.facts = asyncio.timeout(self._timeout), {}
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise ActionError(
                "timeout",
                f"The action took longer than its timeout of {self._timeout:g} s.",
                "Raise the timeout in the property panel.",
            ) from None

    def delay_after(self, error: ActionError) -> float | None:
        """Seconds until the next try, which is counted by this; None when there is none."""
        if self._retry is None or self.number >= self._retry.attempts:
            return None
        if error.kind not in (self._retry.on or (TRANSIENT if error.may_repeat else ())):
            return None
        delay: float = self._retry.delay * self._retry.backoff ** (self.number - 1)
        delay = min(delay, LONGEST_DELAY)
        self.number += 1
        self._before.update({name: error.facts.get(name) or 0 for name in ADDED_UP})
        self._before.update(waited_ms=round(delay * 1_000), throttled=int(error.status == 429))
        self._usage.update(error.facts.get("usage") or {})
        return delay

    @property
    def _most(self) -> int:
        return self._retry.attempts if self._retry else 1

    def reason_to_wait(self, error: ActionError) -> str:
        return f"Try {self.number} of {self._most} after: {error.message}"

    def refused_try(self, error: ActionError, at: float) -> RefusedTry:
        """The try before the one that is counted already."""
        return RefusedTry(self.number - 1, self._most, error.kind, error.message, at, error.status)

    def annotate_error(self, error: ActionError) -> ActionError:
        if self.number > 1:
            error.facts.update(self._all_tries(error.facts))
            if usage := self._all_usage(error.facts.get("usage")):
                error.facts["usage"] = usage
        return error

    def annotate_result(self, result: Result) -> Result:
        if self.number == 1:
            return result
        facts = {**result.facts, **self._all_tries(result.facts)}
        return dataclasses.replace(result, facts=facts, usage=self._all_usage(result.usage))

    def _all_tries(self, facts: Mapping[str, Any]) -> dict[str, int]:
        added = {name: count + (facts.get(name) or 0) for name, count in self._before.items()}
        return {"tries": self.number, **{name: count for name, count in added.items() if count}}

    def _all_usage(self, usage: Mapping[str, int] | None) -> Mapping[str, int] | None:
        """Tokens of tries that were answered, but not as they should have been, are spent, too."""
        return dict(self._usage + Counter(usage or {})) if self._usage else usage
