"""Writes what changes often now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class ThrottledWriter(Generic[Key, Value]):
    """Of one event loop: the first value of a quiet key is written at once, then what waits at the end of each while.

    One write of a key at a time, and one that has begun ends: also when this is closed, which writes what waits.
    `write` raises nothing.
    """

    def __init__(self, every: float, write: Callable[[Key, Value], Awaitable[None]]) -> None:
        self._every, self._write = every, write  # seconds between two writes of a key
        self.waiting: dict[Key, Value] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def put(self, key: Key, value: Value) -> None:
        """Takes the place of what waits for this key."""
        self.waiting[key] = value
        if key not in self._tasks:
            self._tasks[key] = asyncio.get_running_loop().create_task(self._write_while_put(key))

    async def aclose(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        await asyncio.gather(*self._writing)
        for key in list(self.waiting):
            await self._write_waiting(key)

    async def _write_while_put(self, key: Key) -> None:
        while key in self.waiting:
            await self._write_waiting(key)
            await asyncio.sleep(self._every)
        del self._tasks[key]

    async def _write_waiting(self, key: Key) -> None:
        writing = asyncio.ensure_future(self._write(key, self.waiting.pop(key)))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.shield(writing)
