"""Work that many calls ask for and that is done once, a moment later, on the loop of the server."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class SharedWork:
    """Does its work as soon as somebody asks for it, but not within `pause` seconds of the last time: those who ask
    until then share the next one. Never twice at the same time.

    What fails is told to the log: nobody waits for it.
    """

    def __init__(self, work: Callable[[], Awaitable[None]], pause: float) -> None:
        self._work, self._pause = work, pause
        self._loop: asyncio.AbstractEventLoop | None = None  # that will do it
        self._begun = -math.inf  # when it did it last, by the clock of loops
        self._tasks: set[asyncio.Task[None]] = set()  # kept here, since the loop itself does not

    def ask(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            loop.call_at(max(loop.time(), self._begun + self._pause), self._begin, loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        if any(task.get_loop() is loop for task in self._tasks):  # the database is slow, or away
            loop.call_later(self._pause, self._begin, loop)
            return
        self._loop, self._begun = None, loop.time()
        task = loop.create_task(self._finish())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _finish(self) -> None:
        try:
            await self._work()
        except Exception as error:
            log.warning("action=write_later_failed error=%s", type(error).__name__)
