"""Says every few seconds that this process lives, beside whatever its event loop does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from uuid import UUID, uuid4

from foundryflow.database import errors
from foundryflow.database.absence_log import note_away
from foundryflow.database.jobs import execute
from foundryflow.system import disk, processes

log = logging.getLogger(__name__)

EVERY = 5.0  # seconds


class Heartbeat:
    """Of one process. `runs` counts what it executes at the moment."""

    def __init__(self, kind: str, runs: Callable[[], int] = lambda: 0, process: UUID | None = None) -> None:
        self._kind, self._runs, self._process = kind, runs, process or uuid4()

    async def beat(self) -> None:
        """Until it is cancelled. A process that cannot write is not heard; nothing else happens."""
        while True:
            try:
                await execute(self.tell)
            except Exception as error:
                if errors.is_away(error):
                    note_away(error)
                else:
                    log.exception("action=heartbeat_failed")
            await asyncio.sleep(EVERY)

    def tell(self) -> None:
        processes.tell(self._process, self._kind, self._runs())
        disk.note_size()

    def note_stop(self) -> None:
        processes.note_stop(self._process)
