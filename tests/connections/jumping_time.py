"""An event loop on which nobody waits: when all do, time jumps to the end of the next wait."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any


class JumpingSelector(selectors.DefaultSelector):
    now = 1_000_000.0  # seconds

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:  # nothing of this loop is waited for
            return super().select()
        self.now += max(0.0, timeout)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def now() -> float:
    """The time of the loop that is running."""
    return asyncio.get_running_loop().time()


def run(job: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(job)
