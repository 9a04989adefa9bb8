"""A try of an action that did not succeed, and after which another one follows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class RefusedTry:
    """Which one it was (from 1) of how many, and why. `at` is seconds since the epoch."""

    number: int
    most: int
    kind: str
    message: str
    at: float
    status: int | None = None

    def to_json(self, until: float) -> dict[str, Any]:
        """As it is kept: `until` is when the next one begins."""
        return {**asdict(self), "until": until}
