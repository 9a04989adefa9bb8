"""The one thread of a process that writes: one transaction for all jobs that came in meanwhile (group commit).

While a transaction is being written, the jobs of all runs and requests of the process gather for the next one; each
waits for its own. This keeps a commit per finished action affordable. What many ask alike is one job for all of them.
When the database is away for a while (locked, full, restarting), everybody waits, each as long as its patience; jobs
are repeated as a whole, so they must not depend on a former try.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, OperationalError, connection, transaction

from flows.models import sql
from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import is_away
from foundryflow.database.waiting import COMMAND, FIRST_PAUSE, LONGEST_PAUSE

Work = Callable[[Sequence[Any]], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class SharedCall:
    """A job that is done for many in one go: `work` takes the arguments of all, and gives an outcome for each."""

    work: Work
    argument: Any

    def __call__(self) -> Any:
        """Where there is nobody to share with."""
        return self.work([self.argument])[0]


Job = Callable[[], Any] | SharedCall
BUSY_FOR = 1_000  # ms that SQLite waits for another process inside one try; in between others may give up
MOST_JOBS = 500  # of one transaction, so that nobody waits for long


@dataclass(slots=True)
class PendingJob:
    make_job: Callable[[], Job]  # called on the loop when the transaction begins for the first time
    until: float = math.inf  # time.monotonic() until which an absent database is waited for
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    job: Job | None = None

    def get_job(self) -> Job:
        if self.job is None:
            self.job = self.make_job()
        return self.job


class DatabaseWriter:
    """Runs database jobs in order. Belongs to one event loop.

    `pause` are seconds between two transactions while there is much to write: fewer and larger ones spare the
    processor round trips. Whoever comes alone does not wait.
    """

    def __init__(self, pause: float = 0.0) -> None:
        self._pause = pause
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._pending: list[PendingJob] = []
        self._writing: asyncio.Task[None] | None = None
        self._latest = math.inf  # time.monotonic() until which anybody waits

    def put(self, prepare: Callable[[], Job], patience: float = math.inf) -> asyncio.Future[Any]:
        """Queues a job, made when its transaction begins; the future is done once that is committed.

        While the database is away the job is repeated for `patience` seconds; then the future has the error, and
        nothing of the job is stored.
        """
        pending = PendingJob(prepare, time.monotonic() + patience)
        self._pending.append(pending)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        return pending.done

    async def do(self, job: Job, patience: float = math.inf) -> Any:
        # Shielded: a cancelled run must not take back what it has put in the queue.
        return await asyncio.shield(self.put(lambda: job, patience))

    def hurry(self, patience: float) -> None:
        """From now on nobody waits longer than that for an absent database."""
        self._latest = time.monotonic() + patience

    async def _write(self) -> None:
        pause = FIRST_PAUSE
        while self._pending:
            batch, self._pending = self._pending[:MOST_JOBS], self._pending[MOST_JOBS:]
            away = await self._write_batch(batch)
            if away is not None:
                self._give_up(away)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if self._pause and self._pending:
                await asyncio.sleep(self._pause)
        self._writing = None

    async def _write_batch(self, batch: list[PendingJob]) -> Exception | None:
        """Writes the batch; gives the error when the database was away, and what it kept from being done waits on."""
        attempt = JobTransaction([pending.get_job() for pending in batch])
        pause = FIRST_PAUSE
        while True:
            outcomes = await asyncio.get_running_loop().run_in_executor(self._thread, attempt.run)
            if not attempt.is_doubtful:
                break
            # The answer to COMMIT was lost: before anything else, what became of it.
            self._give_up(outcomes[0])
            for pending in filter(self._has_waited_enough, batch):
                resolve(pending.done, outcomes[0])
            if all(pending.done.done() for pending in batch):
                doubt: Exception = outcomes[0]
                return doubt
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        away, again = None, []
        for pending, outcome in zip(batch, outcomes, strict=True):
            if is_away(outcome):
                away = outcome
                again.append(pending)
            else:
                resolve(pending.done, outcome)
        self._pending[:0] = again
        return away

    def _give_up(self, error: Exception) -> None:
        """Tells those who have waited long enough."""
        waiting: list[PendingJob] = []
        for pending in self._pending:
            if self._has_waited_enough(pending):
                resolve(pending.done, error)
            else:
                waiting.append(pending)
        self._pending = waiting

    def _has_waited_enough(self, pending: PendingJob) -> bool:
        return time.monotonic() > min(pending.until, self._latest)

    async def close(self) -> None:
        while self._writing is not None:
            await self._writing
        await asyncio.get_running_loop().run_in_executor(self._thread, close_connection)
        self._thread.shutdown()


class JobTransaction:
    """Jobs that are written in one transaction; if one of them fails, each in its own, so that it fails alone.

    When the connection ends while it commits, nobody knows whether it did. PostgreSQL tells afterwards, by the number
    of the transaction; a job that is committed must not be repeated, and one that is not must not be lost.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._number: int | None = None  # of the transaction, while its end is unknown
        self._outcomes: list[Any] = []

    @property
    def is_doubtful(self) -> bool:
        return self._number is not None

    def run(self) -> list[Any]:
        """In the thread of the writer: an outcome for each job, which may be an exception."""
        try:
            if self._number is not None:
                return self._resolve_doubt(self._number)
            return self._run_together(self._jobs)
        except Exception as error:
            if is_away(error):
                note_away(error)
                # Kept open from one transaction to the next; the next try gets another one.
                connection.close()
                return [error] * len(self._jobs)
            self._number = None
            if len(self._jobs) == 1:
                return [error]
        return self._run_each_alone()

    def _run_together(self, jobs: Sequence[Job]) -> list[Any]:
        connect()
        with transaction.atomic():
            self._outcomes = do_all(jobs)
            self._number = sql.transaction_number()
        self._number = None
        return self._outcomes

    def _resolve_doubt(self, number: int) -> list[Any]:
        """What became of a transaction whose COMMIT was not answered. Raises OperationalError while nobody knows."""
        try:
            state = sql.transaction_state(number)
        except DataError:  # in the future: another server took over, which never heard of it
            state = "aborted"
        if state == "in progress":
            raise OperationalError("The former transaction has not ended.")
        self._number = None
        return self._outcomes if state == "committed" else self._run_together(self._jobs)

    def _run_each_alone(self) -> list[Any]:
        outcomes: list[Any] = []
        for job in self._jobs:
            one = JobTransaction([job])
            outcomes += one.run()
            until = time.monotonic() + COMMAND
            while one.is_doubtful and time.monotonic() < until:
                time.sleep(FIRST_PAUSE)
                outcomes[-1:] = one.run()
            if is_away(outcomes[-1]):
                # For the others, too: each of them would wait for it.
                return [*outcomes, *[outcomes[-1]] * (len(self._jobs) - len(outcomes))]
        return outcomes


def connect() -> None:
    """Before a transaction: a new connection to SQLite does not wait long for other processes, the writer does."""
    if connection.connection is None and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA busy_timeout = {BUSY_FOR}")


def close_connection() -> None:
    # Looked up here: a connection belongs to the thread that asks for it.
    connection.close()


def do_all(jobs: Sequence[Job]) -> list[Any]:
    """In the order they came, but those that are alike with the first of them. An outcome may be an exception."""
    alike: dict[Work, dict[int, Any]] = defaultdict(dict)  # arguments by the place of their job
    for at, job in enumerate(jobs):
        if isinstance(job, SharedCall):
            alike[job.work][at] = job.argument
    outcomes: dict[int, Any] = {}
    for at, job in enumerate(jobs):
        if not isinstance(job, SharedCall):
            outcomes[at] = job()
        elif at not in outcomes:
            same = alike[job.work]
            outcomes.update(zip(same, job.work(list(same.values())), strict=True))
    return [outcomes[at] for at in range(len(jobs))]


def resolve(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
