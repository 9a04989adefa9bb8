"""Which key of a stored connection is sent at the moment, and that it was: a seam, with its twin for no database."""

from __future__ import annotations

from typing import Protocol

from connections.foundry.values import Target


class KeyWatch(Protocol):
    async def renew(self, target: Target) -> Target:
        """The target with the key that is in use now, for a call that has waited."""
        ...

    def note_use(self, target: Target) -> None:
        """Its key is about to be sent."""
        ...

    async def aclose(self) -> None:
        """Keeps what was noted."""
        ...


class UnwatchedKeys:
    """Every target keeps its key."""

    async def renew(self, target: Target) -> Target:
        return target

    def note_use(self, target: Target) -> None:
        pass

    async def aclose(self) -> None:
        pass
