"""That a key of a stored connection was sent and answered, and the limits that were told: a seam, with its twin."""

from __future__ import annotations

from typing import Protocol

from connections.foundry.told_limits import ToldLimits
from connections.foundry.values import Target


class KeyWatch(Protocol):
    def note_use(self, target: Target) -> None:
        """Its key is about to be sent."""
        ...

    def note_answer(self, target: Target) -> None:
        """A call with it was answered."""
        ...

    def note_limits(self, target: Target, model: str, told: ToldLimits) -> None:
        """An answer told how many calls and tokens are left."""
        ...

    async def aclose(self) -> None:
        """Keeps what was noted."""
        ...


class UnwatchedKeys:
    """Nobody asks when a key was sent."""

    def note_use(self, target: Target) -> None:
        pass

    def note_answer(self, target: Target) -> None:
        pass

    def note_limits(self, target: Target, model: str, told: ToldLimits) -> None:
        pass

    async def aclose(self) -> None:
        pass
