"""Group commit: one thread, one database connection, one transaction for all that came in meanwhile.

While a transaction is being written, the jobs of all runs and requests of the process gather for the next one; each
waits for its own. This keeps a commit per finished action affordable. What many ask alike is one job for all of them.
When the database is away for a while (locked, full, restarting), everybody waits; jobs are repeated as a whole, so
they must not depend on a former try.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import InterfaceError, OperationalError, connection, transaction

log = logging.getLogger(__name__)

Work = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Alike:
    """A job that is done for many in one go: `work` takes the arguments of all, and gives an outcome for each."""

    work: Work
    argument: Any


Job = Callable[[], Any] | Alike
PATIENCE = 60.0  # seconds that an absent database is waited for
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds
MOST_JOBS = 500  # of one transaction, so that nobody waits for long


@dataclass(slots=True)
class Pending:
    prepare: Callable[[], Job]  # called on the loop when the transaction begins
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writer:
    """Runs database jobs in order. Belongs to one event loop.

    `pause` are seconds between two transactions while there is much to write: fewer and larger ones spare the
    processor round trips. Whoever comes alone does not wait.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._pending: list[Pending] = []
        self._writing: asyncio.Task[None] | None = None

    def put(self, prepare: Callable[[], Job]) -> asyncio.Future[Any]:
        """Queues a job, made when its transaction begins; the future is done once that is committed."""
        pending = Pending(prepare)
        self._pending.append(pending)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        return pending.done

    async def do(self, job: Job) -> Any:
        # Shielded: a cancelled run must not take back what it has put in the queue.
        return await asyncio.shield(self.put(lambda: job))

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending[:MOST_JOBS], self._pending[MOST_JOBS:]
            jobs = [pending.prepare() for pending in batch]
            outcomes = await loop.run_in_executor(self._thread, write, jobs)
            for pending, outcome in zip(batch, outcomes, strict=True):
                settle(pending.done, outcome)
            if self._pause and self._pending:
                await asyncio.sleep(self._pause)
        self._writing = None

    async def close(self) -> None:
        while self._writing is not None:
            await self._writing
        await asyncio.get_running_loop().run_in_executor(self._thread, close_connection)
        self._thread.shutdown()


def close_connection() -> None:
    # Looked up here: a connection belongs to the thread that asks for it.
    connection.close()


def write(jobs: list[Job]) -> list[Any]:
    """All jobs in one transaction; if one fails, each in its own, so that it fails alone."""
    try:
        return patiently(lambda: together(jobs))
    except Exception as error:
        return [error] if len(jobs) == 1 else [alone(job) for job in jobs]


def together(jobs: Sequence[Job]) -> list[Any]:
    """In the order they came, but those that are alike with the first of them. An outcome may be an exception."""
    alike: dict[Work, dict[int, Any]] = defaultdict(dict)  # arguments by the place of their job
    for at, job in enumerate(jobs):
        if isinstance(job, Alike):
            alike[job.work][at] = job.argument
    outcomes: dict[int, Any] = {}
    with transaction.atomic():
        for at, job in enumerate(jobs):
            if not isinstance(job, Alike):
                outcomes[at] = job()
            elif at not in outcomes:
                same = alike[job.work]
                outcomes.update(zip(same, job.work(list(same.values())), strict=True))
    return [outcomes[at] for at in range(len(jobs))]


def alone(job: Job) -> Any:
    try:
        return patiently(lambda: together([job]))[0]
    except Exception as error:
        return error


def patiently(attempt: Callable[[], list[Any]]) -> list[Any]:
    """Tries again while the database is away."""
    until, pause = time.monotonic() + PATIENCE, FIRST_PAUSE
    while True:
        try:
            return attempt()
        except (OperationalError, InterfaceError) as error:
            if connection.in_atomic_block or time.monotonic() + pause > until:
                raise
            log.warning("action=database_away error=%s", type(error).__name__)
            # Kept open from one transaction to the next; the next try gets another one.
            connection.close()
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
