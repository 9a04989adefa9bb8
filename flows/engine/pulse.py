"""The pulse of a process: it says that it lives, stops what is to be stopped, and takes over the runs of the dead."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from uuid import UUID

from flows.engine import claims, workers
from flows.engine.active_runs import ActiveRuns
from flows.engine.writer import DatabaseWriter

log = logging.getLogger(__name__)

GLANCE = 0.4  # seconds between two looks for runs to stop


class Pulse:
    """`cancel` stops a run of this process; `wake` is called when runs of the dead are in the queue again."""

    def __init__(
        self,
        worker: UUID,
        writer: DatabaseWriter,
        active: ActiveRuns,
        cancel: Callable[[int], None],
        wake: Callable[[], None],
    ) -> None:
        self._worker, self._writer, self._active, self._cancel, self._wake = worker, writer, active, cancel, wake
        self._unseen: set[int] = set()  # in this process's name, but not here when it last looked
        self._returned_at = -math.inf  # time.monotonic() when the database was heard of again after a long silence

    async def beat(self, *, sweeps: bool) -> None:
        """Until it is cancelled. With `sweeps` the process takes over runs of the dead."""
        beaten_at = time.monotonic()
        while True:
            await asyncio.sleep(GLANCE)
            try:
                await self._cancel_runs()
                if time.monotonic() - beaten_at >= workers.BEAT:
                    await self._writer.do(lambda: workers.beat(self._worker))
                    silence, beaten_at = time.monotonic() - beaten_at, time.monotonic()
                    if silence > 2 * workers.BEAT:
                        self._returned_at = beaten_at
                    if sweeps and self._may_judge():
                        await self._sweep()
            except Exception:
                log.exception("action=pulse_failed")

    async def _cancel_runs(self) -> None:
        if self._active:
            for run_id in await self._writer.do(lambda: claims.runs_to_cancel(self._worker)):
                self._cancel(run_id)

    def _may_judge(self) -> bool:
        """After an outage the others had no chance to beat either; they get the time that a silence may take."""
        return time.monotonic() - self._returned_at >= workers.LOST_AFTER

    async def _sweep(self) -> None:
        """Runs of processes that are gone, and of this one if it lost sight of them, go back into the queue."""
        unseen = self._unseen

        def sweep() -> tuple[list[int], set[int]]:
            workers.delete_silent_workers()
            mine = claims.runs_of_worker(self._worker)
            missing = claims.requeue(mine.filter(pk__in=unseen), died=False)
            queued = [*claims.requeue(claims.lost_runs()), *missing]
            return queued, set(mine.values_list("pk", flat=True))

        queued, mine = await self._writer.do(sweep)
        # A run that was claimed a moment ago is not there yet: who is missing twice is lost.
        self._unseen = {run_id for run_id in mine if run_id not in self._active}
        if queued:
            log_takeover(queued)
            self._wake()


def log_takeover(runs: list[int]) -> None:
    if runs:
        log.warning("action=taken_over runs=%s", runs)
