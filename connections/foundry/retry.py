"""When again, if at all. Pure: it neither sleeps nor knows a clock but the one it is given."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from connections.foundry.errors import ErrorKind, FoundryError

KINDS = {ErrorKind.RATE_LIMIT, ErrorKind.SERVER, ErrorKind.CONNECT, ErrorKind.TIMEOUT}


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
        if attempt >= self.attempts or error.kind not in KINDS:
            return None
        asked = asked_for(headers, error.raw, now)
        if asked is not None and asked > self.longest:
            return None
        backoff = min(self.most, self.first * 2 ** (attempt - 1))
        delay = asked if asked is not None else random.uniform(0, backoff)  # noqa: S311 - jitter, no secret
        return None if spent + delay > self.deadline else delay


def asked_for(headers: Mapping[str, str], text: str, now: float) -> float | None:
    """What the service asks to wait: retry-after-ms, over retry-after, over a date, over its words."""
    for name, unit in (("retry-after-ms", 0.001), ("x-ms-retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", value):
            return float(value) * unit
        if value and name == "retry-after":
            try:
                return max(0.0, parsedate_to_datetime(value).timestamp() - now)
            except (ValueError, TypeError):
                continue
    found = re.search(r"(?:retry after|try again in) (\d+(?:\.\d+)?) ?s", text, re.IGNORECASE)
    return float(found[1]) if found else None
