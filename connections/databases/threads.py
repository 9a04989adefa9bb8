"""Threads for drivers that block, apart from those of everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

MOST = 20  # queries at the same time, of all connections
GRACE = 5.0  # seconds that a cancelled one gets to end

T = TypeVar("T")


class DriverThreads:
    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(MOST, thread_name_prefix="database")

    async def run(self, work: Callable[[], T], cancel: Callable[[], object]) -> T:
        """What `work` gives. Whoever waits and is cancelled calls `cancel`, and goes on when the work has ended."""
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not future.cancel():
                cancel()
                with suppress(Exception):
                    await asyncio.wait_for(asyncio.shield(future), GRACE)
            raise

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
