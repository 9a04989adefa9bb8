"""Ending tasks of an event loop, and waiting for something no longer than that."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable


async def cancel_tasks(tasks: list[asyncio.Task[None]]) -> None:
    """Returns once all of them have ended, however they do."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def wait_at_most(seconds: float, waiting: Awaitable[object]) -> None:
    """Returns when it has come, or after so many seconds."""
    try:
        # Not wait_for: on Python 3.11 it forgets a cancellation that comes together with what is waited for.
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return
