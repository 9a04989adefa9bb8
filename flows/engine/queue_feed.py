"""Takes runs from the queue as long as the process has places for them, and makes those that are still to come."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from flows.engine import claims
from flows.engine.loop_tasks import wait_at_most
from flows.engine.run_places import RunPlaces
from flows.models import Run

log = logging.getLogger(__name__)

LOOK_AT_QUEUE = 2.0  # seconds after which the queue is looked at without being told to
STAYS_FULL = 1.0  # seconds that a job waits here for a place, so that it does not make room for the next one at once
MAKE_EVERY = 1.0  # seconds, unless there is more to come

# Whoever has many runs to come makes some of them here, a few at a time, and says whether it made any.
run_sources: list[Callable[[], bool]] = []


class QueueFeed:
    """Begins runs that it has claimed, as many as there are places."""

    def __init__(self, places: RunPlaces) -> None:
        self._places = places
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()  # set once the queue has been looked at after it was made
        self._is_full = False  # more may be waiting for a place
        self._make_at = 0.0  # time.monotonic()

    def wake(self) -> None:
        """There is something in the queue, or a place has become free."""
        self._wanted.set()

    def free_place(self) -> None:
        """A run has ended, for which others may be waiting."""
        if self._is_full:
            self.wake()

    async def look(self) -> None:
        """Returns once the queue has been looked at, or this process has had no place for a while."""
        self.wake()
        await wait_at_most(STAYS_FULL, self._looked.wait())

    async def wait(self) -> None:
        """Returns when the queue is to be looked at."""
        await wait_at_most(LOOK_AT_QUEUE, self._wanted.wait())
        self._wanted.clear()

    async def fill_places(self) -> None:
        """Begins as many runs as there are places for."""
        free = self._places.free
        self._is_full = not free
        if self._is_full:
            return
        looked, self._looked = self._looked, asyncio.Event()
        try:
            claim: claims.Claim = await self._places.writer.do(lambda: self._claim(free))
            self._places.begin(claim.runs)
            if claim.has_more:
                self.wake()
        except Exception:
            log.exception("action=claim_failed")
        looked.set()

    def _claim(self, free: int) -> claims.Claim:
        claim = claims.claim_queued(self._places.worker, free)
        self._is_full = claim.others_wait
        if claim.runs:
            self._places.on_claimed([run.pk for run in claim.runs])
        return claim

    def claim_unstored(self, runs: Sequence[Run]) -> list[Run]:
        """Of runs that are about to be stored, those that have a place here at once; they begin when they are."""
        has_place = not self._is_full and self._places.active.takes_more
        free = self._places.free if has_place else 0
        return claims.claim_unstored(self._places.worker, [run for run in runs if run.flow.concurrency is None][:free])

    async def make_runs(self) -> None:
        """Makes some of the runs that are still to come, when it is time for that."""
        if time.monotonic() < self._make_at:
            return
        self._make_at = time.monotonic() + MAKE_EVERY
        for make_some in run_sources:
            try:
                made = await self._places.writer.do(make_some)
            except Exception:
                log.exception("action=refill_failed")
                continue
            if made:
                self._make_at = 0.0
                self.wake()
