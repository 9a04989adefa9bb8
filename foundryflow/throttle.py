from __future__ import annotations

import time


class Throttle:
    """Lets something happen at most once in some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._due = seconds, 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._due:
            return False
        self._due = now + self._seconds
        return True
