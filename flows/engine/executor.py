"""Executes runs in this process, each as a task of one event loop.

Beside the runs it lets three things go on: the feed takes runs from the queue, trials execute suspects by themselves,
and the pulse says that the process lives and stops what is to be stopped.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.db import DatabaseError, InterfaceError

from connections.clients import close_client
from flows.engine import budget_webhook, claims, workers
from flows.engine.active_runs import ActiveRun, ActiveRuns
from flows.engine.deletion import delete_forever
from flows.engine.execution import RunExecution
from flows.engine.journal import DatabaseJournal
from flows.engine.live import hub
from flows.engine.loop_tasks import cancel_tasks, wait_at_most
from flows.engine.pulse import GLANCE, Pulse, log_takeover
from flows.engine.queue_feed import QueueFeed
from flows.engine.run_places import RunPlaces
from flows.engine.trials import Trials
from flows.engine.writer import DatabaseWriter
from flows.models import EXECUTING, Run, State
from foundryflow.database import errors, jobs
from foundryflow.system.heartbeat import Heartbeat
from foundryflow.system.processes import WEB

log = logging.getLogger(__name__)

HEARD_AS = {"server": WEB}  # the web process of SQLite executes runs, too
HANDS_OVER = 5.0  # seconds that an absent database is waited for once the process ends


class Executor:
    """Belongs to one event loop. Executes at most `places` runs at a time; more wait in the queue."""

    def __init__(self, kind: str, places: int, pause: float = 0.0) -> None:
        self.loop = asyncio.get_running_loop()
        self.worker, self.kind = uuid4(), kind
        self.writer = DatabaseWriter(pause)
        self.lookups: dict[str, asyncio.Future[Any]] = {}
        self.queues: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.active = ActiveRuns()
        self.places = RunPlaces(self.worker, self.writer, self.active, places, self.begin)
        self._feed, self._trials = QueueFeed(self.places), Trials(self.places)
        self._pulse = Pulse(self.worker, self.writer, self.active, self.cancel, self.wake)
        self._heartbeat = Heartbeat(HEARD_AS.get(kind, kind), lambda: len(self.active), self.worker)
        self._tasks: list[asyncio.Task[None]] = []

    # Life

    async def open(self, *, feeds: bool) -> None:
        """Begins to beat, and with `feeds` to take runs from the queue."""
        # The loop shares the interpreter with the thread that writes, and each waits so long for its turn. Shorter
        # turns cost more than they give: with 0.5 ms a run took about a tenth more of the processor.
        sys.setswitchinterval(0.002)
        await self.writer.do(lambda: workers.register_worker(self.kind, self.worker))
        jobs.set_executor(self.writer)
        self._tasks.append(self.loop.create_task(self._pulse.beat(sweeps=feeds), name="pulse"))
        if feeds:
            self._tasks.append(self.loop.create_task(self._feed_forever(), name="feed"))
            self._tasks.append(self.loop.create_task(delete_forever(self.writer), name="deletion"))
            self._tasks.append(self.loop.create_task(self._heartbeat.beat(), name="heartbeat"))
            self.wake()

    @property
    def tasks(self) -> list[asyncio.Task[None]]:
        """What goes on until the executor is closed."""
        return list(self._tasks)

    async def close(self, grace: float = 0.0) -> None:
        """Lets what is going come to its next action, at most `grace` seconds; the rest goes back into the queue."""
        self.active.is_closing = True
        self.active.hold()
        await wait_at_most(grace, self._wait_until_quiet())
        self.active.hand_over()
        self.writer.hurry(HANDS_OVER)
        await cancel_tasks([*self._tasks, *(active.task for active in self.active)])
        if self._tasks:  # it was opened
            await self._remove_worker()
            jobs.set_executor(None)
        await self.writer.close()
        await budget_webhook.finish()
        await close_client()

    async def _remove_worker(self) -> None:
        def remove() -> None:
            workers.remove_worker(self.worker)
            self._heartbeat.note_stop()

        try:
            await self.writer.do(remove)
        except (DatabaseError, InterfaceError) as error:
            if not errors.is_away(error):
                raise
            log.warning("action=left_in_silence: others take its runs over in %.0f s", workers.LOST_AFTER)

    async def _wait_until_quiet(self) -> None:
        while not self.active.is_quiet():  # noqa: ASYNC110 - many journals, one look
            await asyncio.sleep(0.02)

    # The queue

    def wake(self) -> None:
        """There is something in the queue, or a place has become free."""
        self._feed.wake()

    async def look_at_queue(self) -> None:
        """Returns once the queue has been looked at, or this process has had no place for a while."""
        await self._feed.look()

    def note_takeover(self, runs: list[int]) -> None:
        """Runs of a process that is gone are in the queue again."""
        log_takeover(runs)
        self.wake()

    def claim_unstored(self, runs: Sequence[Run]) -> list[Run]:
        """Of runs that are about to be stored, those that have a place here at once; `begin` them when they are."""
        return self._feed.claim_unstored(runs)

    async def _feed_forever(self) -> None:
        while True:
            await self._feed.wait()
            await self._feed.fill_places()
            await self._feed.make_runs()
            if await self._trials.hold_if_due():
                self.wake()

    # Runs

    def begin(self, runs: Sequence[Run]) -> None:
        for run in runs:
            self._begin(run)

    def _begin(self, run: Run) -> asyncio.Task[None]:
        journal = DatabaseJournal(run, self.writer, hub)
        root = self.active.root_of(run)
        if not self.active.may_start(root):
            journal.gate.hold()
        execution = RunExecution(run, journal, self, self.active)
        task = self.loop.create_task(execution.execute(), name=f"run {run.pk}")
        self.active.add(ActiveRun(run, root, task, journal))
        task.add_done_callback(lambda done: self._end(run.pk, done))
        return task

    def _end(self, run_id: int, task: asyncio.Task[None]) -> None:
        self.active.remove(run_id, task)
        hub.forget(run_id)
        if run_id in self.active.given_up and not self.active.is_closing:
            self.active.given_up.discard(run_id)
            hub.publish_change(run_id)  # it goes on
        else:
            hub.publish_end(run_id)
        self._feed.free_place()
        if not task.cancelled() and (error := task.exception()):
            log.error("action=run_lost run=%s error=%r", run_id, error)

    def cancel(self, run_id: int) -> None:
        """Stops a run, if it is executed here."""
        if active := self.active.get(run_id):
            active.task.cancel()
        hub.publish_change(run_id)

    async def execute_only(self, run_id: int) -> None:
        """Executes one run without feeding from the queue, or waits for the process that was faster."""
        await self.open(feeds=False)
        for run in await self.writer.do(lambda: claims.claim(self.worker, run_id)):
            await self._begin(run)
        while not await self.writer.do(lambda: Run.objects.get(pk=run_id).ended):  # noqa: ASYNC110 - it is elsewhere
            await asyncio.sleep(GLANCE)

    async def execute_child(self, run_id: int) -> None:
        """Executes a run for an action of another run, in the place of that one. Stops it when it is cancelled."""
        states = (State.QUEUED, *EXECUTING)
        for run in await self.writer.do(lambda: claims.claim(self.worker, run_id, states)):
            task = self._begin(run)
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                await cancel_tasks([task])
                raise
