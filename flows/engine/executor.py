"""Executes runs in this process: feeds itself from the queue, keeps a pulse, stops what is to be stopped."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, OperationalError

from connections.clients import close_client
from flows import runner
from flows.document import DocumentError
from flows.engine import claims
from flows.engine.live import hub
from flows.engine.writer import Writer
from flows.errors import ActionError, RunFailed
from flows.evaluation import in_passing
from flows.journal_db import DatabaseJournal, Past, error_json
from flows.models import Run, State
from flows.records import StaleAttempt
from flows.services_db import DatabaseServices
from flows.values import displayed

log = logging.getLogger(__name__)

GLANCE = 0.4  # seconds between two looks for runs to stop
PRUNE_EVERY = 3_600.0  # seconds
LOOK_AT_QUEUE = 2.0  # seconds after which the queue is looked at without being told to
STAYS_FULL = 1.0  # seconds that a job waits here for a place, so that it does not make room for the next one at once
REFILL_EVERY = 1.0  # seconds, unless there is more to come

# Whoever has many runs to come makes some of them here, a few at a time, and says whether it made any.
refills: list[Callable[[], bool]] = []


@dataclass
class Going:
    """A run that this process executes."""

    task: asyncio.Task[None]
    journal: DatabaseJournal


class Executor:
    """Belongs to one event loop. Executes at most `places` runs at a time; more wait in the queue."""

    def __init__(self, kind: str, places: int, pause: float = 0.0) -> None:
        self.loop = asyncio.get_running_loop()
        self.kind, self.places = kind, places
        self.writer = Writer(pause)
        self.lookups: dict[str, asyncio.Future[Any]] = {}
        self.queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.id: UUID | None = None
        self.on_claimed: Callable[[list[int]], None] = lambda runs: None  # in the transaction of the claim
        self._going: dict[int, Going] = {}
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()  # set once the queue has been looked at after it was made
        self._own: list[asyncio.Task[None]] = []
        self._closing = False
        self._pruned = time.monotonic()
        self._suspects: set[int] = set()  # in this process's name, but not seen here when it last looked
        self._full = False  # more may be waiting for a place
        self._refill_at = 0.0  # time.monotonic()

    # Life

    async def open(self, *, feeds: bool) -> None:
        """Begins to beat, and with `feeds` to take runs from the queue."""
        # The loop shares the interpreter with the thread that writes; by default it would wait 5 ms for each turn.
        sys.setswitchinterval(0.0005)
        self.id = await self.writer.do(lambda: claims.enlist(self.kind))
        self._own.append(self.loop.create_task(self._pulse(sweeps=feeds), name="pulse"))
        if feeds:
            self._own.append(self.loop.create_task(self._feed(), name="feed"))
            self.wake()

    async def close(self, grace: float = 0.0) -> None:
        """Lets what is going come to its next action, at most `grace` seconds; the rest goes back into the queue."""
        self._closing = True
        for journal in self._journals():
            journal.hold()
        await within(self._quiet(), grace)
        for journal in self._journals():
            journal.hand_over()
        await stopped([*self._own, *(going.task for going in self._going.values())])
        if self.id is not None:
            worker = self.id
            await self.writer.do(lambda: claims.dismiss(worker))
        await self.writer.close()
        await close_client()

    async def _quiet(self) -> None:
        while not all(journal.quiet for journal in self._journals()):  # noqa: ASYNC110 - many journals, one look
            await asyncio.sleep(0.02)

    def _journals(self) -> list[DatabaseJournal]:
        return [going.journal for going in self._going.values()]

    # The queue

    def wake(self) -> None:
        """There is something in the queue, or a place has become free."""
        self._wanted.set()

    async def look_at_queue(self) -> None:
        """Returns once the queue has been looked at, or this process has had no place for a while."""
        self.wake()
        await within(self._looked.wait(), STAYS_FULL)

    async def _feed(self) -> None:
        while True:
            await within(self._wanted.wait(), LOOK_AT_QUEUE)
            self._wanted.clear()
            free = self.places - len(self._going)
            self._full = free <= 0
            if not self._full:
                looked, self._looked = self._looked, asyncio.Event()
                try:
                    await self._take(free)
                except Exception:
                    log.exception("action=claim_failed")
                looked.set()
            if time.monotonic() >= self._refill_at:
                await self._refill()

    async def _refill(self) -> None:
        self._refill_at = time.monotonic() + REFILL_EVERY
        for refill in refills:
            try:
                made = await self.writer.do(refill)
            except Exception:
                log.exception("action=refill_failed")
                continue
            if made:
                self._refill_at = 0.0
                self.wake()

    async def _take(self, free: int) -> None:
        claim: claims.Claim = await self.writer.do(lambda: self._claimed(free))
        self.begin(claim.runs)
        if claim.more:
            self.wake()

    def claim_unstored(self, runs: Sequence[Run]) -> list[Run]:
        """Of runs that are about to be stored, those that have a place here at once; `begin` them when they are."""
        free = 0 if self._full or self._closing else max(0, self.places - len(self._going))
        return claims.claimed_from_the_first(self._name(), [run for run in runs if run.flow.concurrency is None][:free])

    def begin(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._begin(run)

    def _claimed(self, free: int) -> claims.Claim:
        claim = claims.claim_queued(self._name(), free)
        self._full = claim.waits
        if claim.runs:
            self.on_claimed([run.pk for run in claim.runs])
        return claim

    def _name(self) -> UUID:
        if self.id is None:
            raise RuntimeError("The executor is not open.")
        return self.id

    def _begin(self, run: Run) -> asyncio.Task[None]:
        journal = DatabaseJournal(run, self.writer, hub)
        if self._closing:
            journal.hold()
        task = self.loop.create_task(self._execute(run, journal), name=f"run {run.pk}")
        self._going[run.pk] = Going(task, journal)
        task.add_done_callback(lambda done: self._ended(run.pk, done))
        return task

    def _ended(self, run_id: int, task: asyncio.Task[None]) -> None:
        if (going := self._going.get(run_id)) and going.task is task:
            del self._going[run_id]
        hub.forget(run_id)
        hub.ended(run_id)
        if self._full:
            self.wake()
        if not task.cancelled() and (error := task.exception()):
            log.error("action=run_lost run=%s error=%r", run_id, error)

    # The pulse

    async def _pulse(self, *, sweeps: bool) -> None:
        beaten = time.monotonic()
        while True:
            await asyncio.sleep(GLANCE)
            try:
                if self._going:
                    for run_id in await self.writer.do(lambda: claims.cancelled(self._name())):
                        self.cancel(run_id)
                if time.monotonic() - beaten >= claims.BEAT:
                    beaten = time.monotonic()
                    await self.writer.do(lambda: claims.beat(self._name()))
                    if sweeps:
                        await self._sweep()
            except Exception:
                log.exception("action=pulse_failed")

    async def _sweep(self) -> None:
        """Runs of processes that are gone, and of this one if it lost sight of them, go back into the queue."""
        suspects = self._suspects

        prunes = time.monotonic() - self._pruned > PRUNE_EVERY
        self._pruned = time.monotonic() if prunes else self._pruned

        def swept() -> tuple[list[int], set[int]]:
            claims.clear_away()
            if prunes:
                claims.prune()
            mine = claims.standing(self._name())
            queued = [*claims.requeue(claims.lost_runs()), *claims.requeue(mine.filter(pk__in=suspects))]
            return queued, set(mine.values_list("pk", flat=True))

        queued, standing = await self.writer.do(swept)
        # A run that was claimed a moment ago is not there yet: who is missing twice is lost.
        self._suspects = standing - set(self._going)
        await self.requeued(queued)

    async def requeued(self, runs: list[int]) -> None:
        if runs:
            log.warning("action=taken_over runs=%s", runs)
            self.wake()

    # Stopping

    def cancel(self, run_id: int) -> None:
        if going := self._going.get(run_id):
            going.task.cancel()
        hub.changed(run_id)

    # Executing

    async def execute_only(self, run_id: int) -> None:
        """Executes one run without feeding from the queue, or waits for the process that was faster."""
        await self.open(feeds=False)
        for run in await self.writer.do(lambda: claims.claim(self._name(), run_id)):
            await self._begin(run)
        while not await self.writer.do(lambda: Run.objects.get(pk=run_id).ended):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(GLANCE)

    async def execute_child(self, run_id: int) -> None:
        """Executes a run for an action of another run, in the place of that one. Stops it when it is cancelled."""
        states = (State.QUEUED, *claims.GOING)
        for run in await self.writer.do(lambda: claims.claim(self._name(), run_id, states)):
            task = self._begin(run)
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                await stopped([task])
                raise

    async def _execute(self, run: Run, journal: DatabaseJournal) -> None:
        hub.changed(run.pk)
        if run.attempt > 1 or run.origin_id:
            journal.remember(await self.writer.do(lambda: Past.of(run)))
        outcome = await self._outcome(run, journal)
        if not outcome:
            return
        try:
            await journal.end(**outcome)
        except StaleAttempt:
            return
        except DatabaseError as error:
            if isinstance(error, OperationalError):
                raise  # the database is away: another process goes on with the run
            log.exception("action=record_refused run=%s", run.pk)
            refused = type(error).__name__
            await self.writer.do(lambda: claims.fail_unrecorded(run, refused))

    async def _outcome(self, run: Run, journal: DatabaseJournal) -> dict[str, Any]:
        """How the run ended; nothing when it is not this process that says so."""
        services = DatabaseServices(run, self)
        try:
            document = run.revision.parsed()
            async with asyncio.timeout(claims.deadline_of(run, settings.RUN_DEADLINE)):
                output = await runner.execute(document, run.real_inputs(), journal, services)
        except RunFailed as failed:
            where = {"path": failed.path, "action_id": failed.action_id}
            return {"state": State.FAILED, "error": {**error_json(failed.error), **where}}
        except DocumentError as broken:
            return failure("document", "The flow cannot be read.", "; ".join(broken.problems)[:2000])
        except TimeoutError:
            return failure(
                "timeout",
                "The run took longer than its deadline.",
                "Raise the deadline of the flow, or FOUNDRYFLOW_RUN_DEADLINE.",
            )
        except asyncio.CancelledError:
            return await self._stopped(run)
        except StaleAttempt:
            return {}
        except OperationalError:
            raise
        except Exception as error:
            log.exception("action=run_broken run=%s", run.pk)
            return failure(
                "internal", f"The server could not go on: {type(error).__name__}.", "See the log of the server."
            )
        return {"state": State.SUCCEEDED, "output": await in_passing(displayed, output)}

    async def _stopped(self, run: Run) -> dict[str, Any]:
        if self._closing and (run.parent_id or await self.writer.do(lambda: claims.release(run))):
            return {}
        return {"state": State.CANCELLED}


async def stopped(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def within(waiting: Awaitable[object], seconds: float) -> None:
    try:
        # Not wait_for: on Python 3.11 it forgets a cancellation that comes together with what is waited for.
        async with asyncio.timeout(seconds):
            await waiting
    except TimeoutError:
        return


def failure(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"state": State.FAILED, "error": error_json(ActionError(kind, message, hint))}
