"""429 in all its forms: rates that are really counted, and headers that are sensible, odd or missing."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from email.utils import formatdate

from connections.simulator.fixed_refusals import TEMPORARY, TOO_MANY
from connections.simulator.refusals import SimulatedRefusal, error_refusal

MINUTE = 60  # seconds


def plain_headers() -> dict[str, str]:
    return {"retry-after-ms": "100", "retry-after": "1"}


def dated_headers() -> dict[str, str]:
    # Rounded up: the format knows whole seconds, and a date in the past asks for nothing.
    return {"retry-after": formatdate(math.ceil(time.time()) + 1, usegmt=True)}


# Deployment, with or without a number -> its headers. The text of each says one second.
RETRIES: dict[str, Callable[[], dict[str, str]]] = {
    "retry-date": dated_headers,
    "retry-text": dict,
    "retry-ms-only": lambda: {"retry-after-ms": "100"},
    "retry-s-only": lambda: {"retry-after": "1"},
    "retry-garbage": lambda: {"retry-after": "soon", "retry-after-ms": "-"},
    "retry-zero": lambda: {"retry-after": "0", "retry-after-ms": "0"},
    "retry-limits": lambda: {"x-ratelimit-remaining-requests": "-1", "x-ratelimit-reset-requests": "0"},
}


def retry_of(deployment: str) -> tuple[str, int] | None:
    """The form, and how often it is met: retry-date once, retry-date-3 three times."""
    found = re.fullmatch(r"(retry-[a-z-]*[a-z])(?:-(\d+))?", deployment)
    return (found[1], int(found[2] or 1)) if found and found[1] in RETRIES else None


def temporary_refusal(status: int, headers: dict[str, str]) -> SimulatedRefusal:
    code, message = TEMPORARY.get(status, (str(status), "The service is not available."))
    return SimulatedRefusal(status, error_refusal(status, code, message).body, headers)


class RateLimiter:
    """Requests per minute, enforced in slices of a second as the service does: a burst is refused at once.

    Refused calls count too. Below 60 a minute a slice is long enough for one request.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = max(per_minute, 1)
        self._clock = clock
        self._slice = max(1.0, MINUTE / self._per_minute)
        self._room = max(1, int(self._per_minute * self._slice / MINUTE))
        self._began = clock()
        self._used = 0

    def take(self) -> tuple[dict[str, str], SimulatedRefusal | None]:
        """The headers of the answer, and the refusal when there is no room."""
        now = self._clock()
        if now - self._began >= self._slice:
            self._began += (now - self._began) // self._slice * self._slice
            self._used = 0
        self._used += 1
        left = self._began + self._slice - now
        headers = {
            "x-ratelimit-limit-requests": str(self._per_minute),
            "x-ratelimit-remaining-requests": str(max(self._room - self._used, 0)),
            "x-ratelimit-reset-requests": str(math.ceil(left)),
        }
        if self._used <= self._room:
            return headers, None
        wait = {"retry-after-ms": str(math.ceil(left * 1000)), "retry-after": str(math.ceil(left))}
        message = f"{TOO_MANY} Please retry after {wait['retry-after']} seconds."
        return headers, SimulatedRefusal(429, error_refusal(429, "429", message).body, {**headers, **wait})
