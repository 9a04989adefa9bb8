"""When again, if at all. Pure: it neither sleeps nor knows a clock but the one it is given."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from connections.foundry.errors import ErrorKind, FoundryError

RETRIED_KINDS = {ErrorKind.RATE_LIMIT, ErrorKind.SERVER, ErrorKind.CONNECT, ErrorKind.TIMEOUT}
JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Seconds. `longest` bounds one wait: a service that asks for more is not waited for."""

    attempts: int = 4
    first: float = 0.5
    most: float = 8.0
    longest: float = 120.0
    deadline: float = 300.0

    def delay(
        self, attempt: int, error: FoundryError, headers: Mapping[str, str], now: float, spent: float
    ) -> float | None:
        """Seconds until the next attempt (`attempt` counts those made), or None to give up."""
        if (
            attempt >= self.attempts_after(error)
            or error.kind not in RETRIED_KINDS
            or headers.get("x-should-retry") == "false"
        ):
            return None
        asked = requested_delay(headers, error.raw, now)
        if asked is not None and asked > self.longest:
            return None
        backoff = min(self.most, self.first * 2 ** (attempt - 1))
        delay = asked if asked is not None else JITTER.uniform(0, backoff)
        return None if spent + delay > self.deadline else delay

    def attempts_after(self, error: FoundryError) -> int:
        """How many there are in all after this error."""
        # 424: a model behind the service failed; that passes at once or not soon.
        return min(2, self.attempts) if error.status == 424 else self.attempts


def requested_delay(headers: Mapping[str, str], text: str, now: float) -> float | None:
    """Seconds the service asks to wait: retry-after-ms, over retry-after, over a date, over its words.

    None when it asks for nothing, or for nothing that makes sense: then our own backoff counts.
    """
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        seconds = float(value) * unit if re.fullmatch(r"\d+(\.\d+)?", value) else seconds_until(value, now)
        if seconds > 0:
            return seconds
    found = re.search(r"(?:retry after|try again in) (\d+(?:\.\d+)?) ?s", text, re.IGNORECASE)
    return float(found[1]) or None if found else None


def seconds_until(date: str, now: float) -> float:
    """Seconds until an HTTP date; 0 for what is none."""
    try:
        return parsedate_to_datetime(date).timestamp() - now if date else 0
    except (ValueError, TypeError, OverflowError):
        return 0
