"""Group commit: one thread, one database connection, one transaction for all that came in meanwhile.

While a transaction is being written, the jobs of all runs of the process gather for the next one; each waits
for its own. This keeps a commit per finished action affordable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from django.db import close_old_connections, connection, transaction

Job = Callable[[], Any]


@dataclass(slots=True)
class Pending:
    job: Job
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Writer:
    """Runs database jobs in order. Belongs to one event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._pending: list[Pending] = []
        self._writing: asyncio.Task[None] | None = None

    def put(self, job: Job) -> asyncio.Future[Any]:
        """Queues a job; the future is done once its transaction is committed."""
        pending = Pending(job)
        self._pending.append(pending)
        if self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write())
        return pending.done

    async def do(self, job: Job) -> Any:
        # Shielded: a cancelled run must not take back what it has put in the queue.
        return await asyncio.shield(self.put(job))

    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            batch, self._pending = self._pending, []
            outcomes = await loop.run_in_executor(self._thread, write, [pending.job for pending in batch])
            for pending, outcome in zip(batch, outcomes, strict=True):
                settle(pending.done, outcome)
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
    close_old_connections()
    try:
        with transaction.atomic():
            return [job() for job in jobs]
    except Exception as error:
        return [error] if len(jobs) == 1 else [alone(job) for job in jobs]


def alone(job: Job) -> Any:
    try:
        with transaction.atomic():
            return job()
    except Exception as error:
        return error


def settle(done: asyncio.Future[Any], outcome: Any) -> None:
    if done.done():
        return
    if isinstance(outcome, Exception):
        done.set_exception(outcome)
    else:
        done.set_result(outcome)
