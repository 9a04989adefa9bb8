"""Which actions of a run are going, which wait for their time, and which may not start."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from flows.interpreter.suspicion import is_inside, remaining_places


class ActionGate:
    """Actions of one run by their paths. `suspected` are places where it was when a process died with it."""

    def __init__(self, suspected: set[str]) -> None:
        self._suspected = suspected
        self._going: set[str] = set()
        self._waiting: set[str] = set()
        self._held: set[str] = set()
        self._open = asyncio.Event()
        self._open.set()

    def hold(self) -> None:
        """Lets no further action start."""
        self._open.clear()

    def let_go(self) -> None:
        """Lets actions start again."""
        self._open.set()

    async def admit(self, path: str) -> None:
        """Returns when the action may start."""
        if not self._open.is_set():
            self._held.add(path)
            try:
                await self._open.wait()
            finally:
                self._held.discard(path)
        self._going.add(path)
        self._waiting.discard(path)

    def let_wait(self, path: str) -> None:
        """The action waits for its time, for quota, or to be tried again."""
        self._waiting.add(path)

    def resume(self, path: str) -> bool:
        """The action goes on; whether it had waited."""
        had_waited = path in self._waiting
        self._waiting.discard(path)
        return had_waited

    def end(self, path: str, *, container: bool) -> bool:
        """The action has ended; whether this clears the last suspicion of the run.

        What ends has not killed its process, and what gets on has not either.
        """
        self._waiting.discard(path)
        self._going.discard(path)
        if not self._suspected:
            return False
        self._suspected = remaining_places(self._suspected, path, container=container)
        return not self._suspected

    @property
    def has_held(self) -> bool:
        """Whether an action may not start."""
        return bool(self._held)

    @property
    def has_waiting(self) -> bool:
        """Whether an action waits."""
        return bool(self._waiting)

    @property
    def is_suspected(self) -> bool:
        """Whether something that was going when a process died has not ended since."""
        return bool(self._suspected)

    def is_quiet(self, elsewhere: Collection[str] = ()) -> bool:
        """Whether nothing is being executed: all that is going waits for its time, is held, or goes `elsewhere`."""
        still = {*self._held, *self._waiting, *elsewhere}
        return all(path in still or any(is_inside(each, path) for each in still) for path in self._going)
