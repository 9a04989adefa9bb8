"""That a key of a stored connection was sent, and answered: a seam, with its twin for no database."""

from __future__ import annotations

from typing import Protocol

from connections.foundry.values import Target


class KeyWatch(Protocol):
    def note_use(self, target: Target) -> None:
        """Its key is about to be sent."""
        ...

    def note_answer(self, target: Target) -> None:
        """A call with it was answered."""
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

    async def aclose(self) -> None:
        pass
