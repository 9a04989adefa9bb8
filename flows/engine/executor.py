"""Executes runs in this process: feeds itself from the queue, keeps a pulse, stops what is to be stopped."""

from __future__ import annotations

import asyncio
import logging
import math
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError

from connections.clients import close_client
from flows.engine import claims
from flows.engine.journal import DatabaseJournal, Past, error_json
from flows.engine.live import hub
from flows.engine.records import StaleAttempt
from flows.engine.services import DatabaseServices
from flows.engine.writer import Writer
from flows.interpreter import runner
from flows.language.document import DocumentError
from flows.language.errors import ActionError, RunFailed
from flows.language.rendering import in_passing
from flows.language.values import displayed
from flows.models import Run, State
from foundryflow import database

log = logging.getLogger(__name__)

GLANCE = 0.4  # seconds between two looks for runs to stop
PRUNE_EVERY = 3_600.0  # seconds
LOOK_AT_QUEUE = 2.0  # seconds after which the queue is looked at without being told to
STAYS_FULL = 1.0  # seconds that a job waits here for a place, so that it does not make room for the next one at once
REFILL_EVERY = 1.0  # seconds, unless there is more to come
LOOK_FOR_SUSPECTS = 1.0  # seconds between two looks
MAKING_ROOM = 20.0  # seconds that a suspect waits for the actions that are going; after each time in vain twice as long
HANDS_OVER = 5.0  # seconds that an absent database is waited for once the process ends

# Whoever has many runs to come makes some of them here, a few at a time, and says whether it made any.
refills: list[Callable[[], bool]] = []


@dataclass
class Going:
    """A run that this process executes."""

    run: Run
    root: int  # the run that people started; for those of the flows it runs, too
    task: asyncio.Task[None]
    journal: DatabaseJournal

    @property
    def parent_path(self) -> str:
        """Of the action of the parent, without its try."""
        return self.run.parent_path.rpartition("~")[0]


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
        self._unseen: set[int] = set()  # in this process's name, but not here when it last looked
        self._on_trial: set[int] | None = None  # while suspects go, or are to go: only these may start an action
        self._given_up: set[int] = set()  # runs that go back into the queue
        self._look_at = 0.0  # time.monotonic(), for suspects
        self._trial_at = 0.0  # the same, when there is something else to do
        self._making_room = MAKING_ROOM
        self._full = False  # more may be waiting for a place
        self._refill_at = 0.0  # time.monotonic()
        self._returned = -math.inf  # time.monotonic() when the database was heard of again after a long silence

    # Life

    async def open(self, *, feeds: bool) -> None:
        """Begins to beat, and with `feeds` to take runs from the queue."""
        # The loop shares the interpreter with the thread that writes, and each waits so long for its turn. Shorter
        # turns cost more than they give: with 0.5 ms a run took a sixth more of the processor.
        sys.setswitchinterval(0.002)
        self.id = await self.writer.do(lambda: claims.enlist(self.kind))
        database.set_doer(self.writer)
        self._own.append(self.loop.create_task(self._pulse(sweeps=feeds), name="pulse"))
        if feeds:
            self._own.append(self.loop.create_task(self._feed(), name="feed"))
            self.wake()

    @property
    def parts(self) -> list[asyncio.Task[None]]:
        """What goes on until the executor is closed."""
        return list(self._own)

    async def close(self, grace: float = 0.0) -> None:
        """Lets what is going come to its next action, at most `grace` seconds; the rest goes back into the queue."""
        self._closing = True
        for journal in self._journals():
            journal.hold()
        await within(self._quiet(), grace)
        for journal in self._journals():
            journal.hand_over()
        self.writer.hurry(HANDS_OVER)
        await stopped([*self._own, *(going.task for going in self._going.values())])
        if self.id is not None:
            await self._dismiss(self.id)
            database.set_doer(None)
        await self.writer.close()
        await close_client()

    async def _dismiss(self, worker: UUID) -> None:
        try:
            await self.writer.do(lambda: claims.dismiss(worker))
        except (DatabaseError, InterfaceError) as error:
            if not database.is_away(error):
                raise
            log.warning("action=left_in_silence: others take its runs over in %.0f s", claims.LOST_AFTER)

    async def _quiet(self) -> None:
        while not self._is_quiet():  # noqa: ASYNC110 - many journals, one look
            await asyncio.sleep(0.02)

    def _is_quiet(self, root: int | None = None) -> bool:
        """Whether nothing is being executed, by this run and the flows it runs or by any."""
        units = [going for going in self._going.values() if root in (None, going.root)]
        inner: defaultdict[int | None, set[str]] = defaultdict(set)
        for going in units:
            inner[going.run.parent_id].add(going.parent_path)
        return all(going.journal.is_quiet(inner[going.run.pk]) for going in units)

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
            if time.monotonic() >= self._look_at:
                self._look_at = time.monotonic() + LOOK_FOR_SUSPECTS
                try:
                    await self._try_suspects()
                except Exception:
                    log.exception("action=trial_failed")

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
        free = (
            0 if self._full or self._closing or self._on_trial is not None else max(0, self.places - len(self._going))
        )
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
        above = self._going.get(run.parent_id) if run.parent_id else None
        root = above.root if above else run.pk
        if self._closing or (self._on_trial is not None and root not in self._on_trial):
            journal.hold()
        task = self.loop.create_task(self._execute(run, journal), name=f"run {run.pk}")
        self._going[run.pk] = Going(run, root, task, journal)
        task.add_done_callback(lambda done: self._ended(run.pk, done))
        return task

    def _ended(self, run_id: int, task: asyncio.Task[None]) -> None:
        if (going := self._going.get(run_id)) and going.task is task:
            del self._going[run_id]
        hub.forget(run_id)
        if run_id in self._given_up and not self._closing:
            self._given_up.discard(run_id)
            hub.changed(run_id)  # it goes on
        else:
            hub.ended(run_id)
        if self._full:
            self.wake()
        if not task.cancelled() and (error := task.exception()):
            log.error("action=run_lost run=%s error=%r", run_id, error)

    # Suspects

    async def _try_suspects(self) -> None:
        """Executes those that are due by themselves: what else is going finishes its action, and goes elsewhere."""
        idle = self._only_waits()
        if self._closing or (not idle and time.monotonic() < self._trial_at):
            return
        if not await self.writer.do(lambda: claims.begin_trial(self._name(), idle=idle)):
            return
        began, self._on_trial = time.monotonic(), set()
        for journal in self._journals():
            journal.hold()
        try:
            if await self._has_made_room():
                await self._hold_trial()
        finally:
            await self._end_trial()
        # Others get as much time as it took.
        self._trial_at = 2 * time.monotonic() - began
        self.wake()

    def _only_waits(self) -> bool:
        """Whether there is nothing to do; a run that has just begun is not quiet for long."""
        waiting = {going.root for going in self._going.values() if going.journal.waits}
        return self._is_quiet() and waiting >= {going.root for going in self._going.values()}

    async def _has_made_room(self) -> bool:
        until = time.monotonic() + self._making_room
        while not self._is_quiet():
            if time.monotonic() > until:
                self._making_room *= 2
                return False
            await self._give_up_held()
        self._making_room = MAKING_ROOM
        return True

    async def _hold_trial(self) -> None:
        """Until each suspect has got on, has ended, or has lived longer than it did before."""
        if self._closing:
            return
        trials: list[claims.Trial] = await self.writer.do(self._suspects_claimed)
        began = time.monotonic()
        self._on_trial = {trial.run.pk for trial in trials}
        self.begin([trial.run for trial in trials])

        def is_over(trial: claims.Trial) -> bool:
            going = self._going.get(trial.run.pk)
            return not going or not going.journal.suspected or time.monotonic() - began > trial.seconds

        while not self._closing and not all(map(is_over, trials)):
            await self._give_up_held()

    def _suspects_claimed(self) -> list[claims.Trial]:
        trials = claims.claim_suspects(self._name(), self.places)
        if trials:
            self.on_claimed([trial.run.pk for trial in trials])
        return trials

    async def _give_up_held(self) -> None:
        """Runs that came to their next action go back into the queue: others may have them, and no timeout passes."""
        held = {going.root for going in self._going.values() if going.journal.held}
        ready = {root for root in held if root not in (self._on_trial or ()) and self._is_quiet(root)}
        units = [going for going in self._going.values() if going.root in ready]
        for going in units:
            self._given_up.add(going.run.pk)
            going.journal.hand_over()
        await stopped([going.task for going in units if going.run.pk == going.root])
        await asyncio.sleep(0.05)

    async def _end_trial(self) -> None:
        # Before others may go on: a death from then on is one in company.
        while True:
            try:
                await self.writer.do(lambda: claims.end_trial(self._name()))
                break
            except (OperationalError, InterfaceError):
                log.warning("action=trial_not_ended")
                if self._closing:
                    break
        self._on_trial = None
        if not self._closing:
            for journal in self._journals():
                journal.let_go()

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
                    await self.writer.do(lambda: claims.beat(self._name()))
                    silence, beaten = time.monotonic() - beaten, time.monotonic()
                    if silence > 2 * claims.BEAT:
                        self._returned = beaten
                    if sweeps and self._may_judge():
                        await self._sweep()
            except Exception:
                log.exception("action=pulse_failed")

    def _may_judge(self) -> bool:
        """After an outage the others had no chance to beat either; they get the time that a silence may take."""
        return time.monotonic() - self._returned >= claims.LOST_AFTER

    async def _sweep(self) -> None:
        """Runs of processes that are gone, and of this one if it lost sight of them, go back into the queue."""
        unseen = self._unseen

        prunes = time.monotonic() - self._pruned > PRUNE_EVERY
        self._pruned = time.monotonic() if prunes else self._pruned

        def swept() -> tuple[list[int], set[int]]:
            claims.clear_away()
            if prunes:
                claims.prune()
            mine = claims.standing(self._name())
            missing = claims.requeue(mine.filter(pk__in=unseen), died=False)
            queued = [*claims.requeue(claims.lost_runs()), *missing]
            return queued, set(mine.values_list("pk", flat=True))

        queued, standing = await self.writer.do(swept)
        # A run that was claimed a moment ago is not there yet: who is missing twice is lost.
        self._unseen = standing - set(self._going)
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
        database.patience.set(math.inf)  # of this task: a run waits for the database as long as it takes
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
            if database.is_away(error):
                raise  # this process ends meanwhile: another one goes on with the run
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
        except Exception as error:
            if database.is_away(error):
                raise
            log.exception("action=run_broken run=%s", run.pk)
            return failure(
                "internal", f"The server could not go on: {type(error).__name__}.", "See the log of the server."
            )
        return {"state": State.SUCCEEDED, "output": await in_passing(displayed, output)}

    async def _stopped(self, run: Run) -> dict[str, Any]:
        given_up = self._closing or run.pk in self._given_up
        if given_up and (run.parent_id or await self.writer.do(lambda: claims.release(run))):
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
