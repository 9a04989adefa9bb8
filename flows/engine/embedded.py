"""The engine inside the web process: every run is a task on its event loop."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from django.conf import settings
from django.utils import timezone

from connections.clients import close_client
from flows import runner
from flows.document import DocumentError
from flows.engine.live import hub
from flows.engine.writer import Writer
from flows.errors import ActionError, RunFailed
from flows.journal_db import DatabaseJournal, StaleAttempt, error_json
from flows.models import LIVE, Run, State
from flows.services_db import DatabaseServices
from flows.values import displayed

log = logging.getLogger(__name__)


class Engine:
    """Claims runs and executes them, at most `RUN_CONCURRENCY` at a time; more wait in the queue."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.writer = Writer()
        self._places = asyncio.Semaphore(settings.RUN_CONCURRENCY)
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def start(self, run_id: int) -> None:
        task = self.loop.create_task(self.execute(run_id), name=f"run {run_id}")
        self._tasks[run_id] = task
        task.add_done_callback(lambda done: self._ended(run_id, done))

    def _ended(self, run_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.pop(run_id, None)
        hub.forget(run_id)
        hub.changed(run_id)
        if not task.cancelled() and (error := task.exception()):
            log.error("action=run_lost run=%s error=%r", run_id, error)

    def cancel(self, run_id: int) -> None:
        if task := self._tasks.get(run_id):
            task.cancel()
        hub.changed(run_id)

    async def execute(self, run_id: int) -> None:
        """One run from claim to its last record."""
        async with self._places:
            try:
                run: Run | None = await self.writer.do(lambda: claim(run_id))
            except asyncio.CancelledError:
                # The claim may have been written all the same.
                await self.writer.do(lambda: end_cancelled(run_id))
                return
            if run is None:
                return
            hub.changed(run_id)
            await self._finish(run, **await self._outcome(run))

    async def _outcome(self, run: Run) -> dict[str, Any]:
        journal = DatabaseJournal(run, self.writer, hub)
        services = DatabaseServices(run.flow_id, self.writer)
        try:
            document = run.revision.parsed()
            async with asyncio.timeout(settings.RUN_DEADLINE):
                output = await runner.execute(document, run.real_inputs(), journal, services)
        except RunFailed as failed:
            where = {"path": failed.path, "action_id": failed.action_id}
            return {"state": State.FAILED, "error": {**error_json(failed.error), **where}}
        except DocumentError as broken:
            return failure("document", "The flow cannot be read.", "; ".join(broken.problems)[:2000])
        except TimeoutError:
            seconds = settings.RUN_DEADLINE
            return failure(
                "timeout",
                f"The run took longer than its deadline of {seconds} s.",
                "Raise FOUNDRYFLOW_RUN_DEADLINE.",
            )
        except asyncio.CancelledError:
            return INTERRUPTED if hub.closing else {"state": State.CANCELLED}
        except StaleAttempt:
            return {}
        except Exception as error:
            log.exception("action=run_broken run=%s", run.pk)
            return failure(
                "internal",
                f"The server could not go on: {type(error).__name__}.",
                "See the log of the server.",
            )
        return {"state": State.SUCCEEDED, "output": displayed(output)}

    async def _finish(self, run: Run, **outcome: Any) -> None:
        if outcome:
            await self.writer.do(lambda: run.finish(**outcome))
        hub.changed(run.pk)

    async def close(self) -> None:
        """Stops what still runs; each is recorded as interrupted."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.writer.close()
        await close_client()


def claim(run_id: int) -> Run | None:
    run = Run.objects.select_related("revision").filter(pk=run_id).first()
    return run if run and run.claim() else None


def end_cancelled(run_id: int) -> None:
    Run.objects.get(pk=run_id).finish(State.CANCELLED)


def failure(kind: str, message: str, hint: str) -> dict[str, Any]:
    return {"state": State.FAILED, "error": error_json(ActionError(kind, message, hint))}


INTERRUPTED = failure("interrupted", "The server stopped while this run was going.", "Run it again.")

_engine: Engine | None = None


async def open_engine() -> None:
    """Called once by the server: takes up what is queued and ends what a former process left unfinished."""
    global _engine
    _engine = Engine()
    hub.closing = False
    for run_id in await _engine.writer.do(take_over):
        _engine.start(run_id)


def take_over() -> list[int]:
    lost = Run.objects.filter(state__in=LIVE).exclude(state=State.QUEUED).exclude(via="command line")
    for run in lost:
        run.actions.filter(state__in=LIVE).update(state=State.CANCELLED, ended_at=timezone.now())
        run.finish(**INTERRUPTED)
    return list(Run.objects.filter(state=State.QUEUED).order_by("pk").values_list("pk", flat=True))


async def close_engine() -> None:
    global _engine
    hub.close()
    if _engine is not None:
        await _engine.close()
        _engine = None


def submit(run_id: int) -> None:
    """From any thread. Without an open engine the run stays queued until one opens."""
    if _engine is not None:
        _engine.loop.call_soon_threadsafe(_engine.start, run_id)


def cancel(run_id: int) -> None:
    """From any thread."""
    if _engine is not None:
        _engine.loop.call_soon_threadsafe(_engine.cancel, run_id)


async def run_here(run: Run) -> None:
    """Executes one run on the loop of the caller: the command line."""
    engine = Engine()
    try:
        await engine.execute(run.pk)
    finally:
        await engine.close()
