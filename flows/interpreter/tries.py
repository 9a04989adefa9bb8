"""How often an action is tried, and how long one try may take."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from flows.actions.base import Result
from flows.language.document import Retry
from flows.language.errors import ActionError

# Kinds of failures that may pass by themselves.
TRANSIENT = ("timeout", "connect", "dns", "rate_limit", "server", "truncated", "protocol")
LONGEST_DELAY = 3_600.0  # seconds


class Tries:
    """The tries of one action in one execution."""

    def __init__(self, retry: Retry | None, timeout: float | None) -> None:
        self._retry, self._timeout = retry, timeout
        self.number = 1

    @asynccontextmanager
    async def within_timeout(self) -> AsyncIterator[None]:
        """Raises ActionError of kind timeout when a try takes too long."""
        limit = asyncio.timeout(self._timeout)
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
        self.number += 1
        return min(delay, LONGEST_DELAY)

    def reason_to_wait(self, error: ActionError) -> str:
        most = self._retry.attempts if self._retry else 1
        return f"Try {self.number} of {most} after: {error.message}"

    def annotate_error(self, error: ActionError) -> ActionError:
        if self.number > 1:
            error.facts["tries"] = self.number
        return error

    def annotate_result(self, result: Result) -> Result:
        if self.number == 1:
            return result
        return dataclasses.replace(result, facts={**result.facts, "tries": self.number})
