"""The engine on PostgreSQL: web processes put runs into the queue, workers on any machine execute them.

Procrastinate carries the news that there is something to do, in the transaction that creates the run. A worker that
hears of one run takes as many as it has places for, a group in one statement, and clears away the jobs of those it
took: Procrastinate hands out jobs one query at a time.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from contextlib import suppress

from django.conf import settings
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.types import JSONDict

from flows import tasks
from flows.engine import notices
from flows.engine.executor import Executor, stopped
from flows.engine.live import hub
from flows.engine.writer import Writer
from flows.models import Run

INTERACTIVE, SUBMITTED = "interactive", "submitted"  # queues
PAUSE = 0.004  # seconds between two transactions of a process that has much to write
POLLING = 5.0  # seconds after which Procrastinate looks without being told to

_listening: list[asyncio.Task[None]] = []
_writer: Writer | None = None


def submit(runs: Sequence[Run]) -> None:
    """Puts a job beside each run, in the transaction that is open."""
    for priority in {run.priority for run in runs}:
        queue = INTERACTIVE if priority > 0 else SUBMITTED
        jobs: list[JSONDict] = [{"run_id": run.pk} for run in runs if run.priority == priority]
        tasks.execute.configure(queue=queue, priority=priority).batch_defer(*jobs)


def clear_jobs(runs: list[int]) -> None:
    """The jobs of runs that are taken have nothing to tell any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = %s"
            " AND (args->>'run_id')::bigint = ANY(%s)",
            [tasks.execute.name, runs],
        )


async def open_engine() -> None:
    """A web process only listens."""
    global _writer
    hub.closing = False
    _writer = Writer(PAUSE)
    _listening.append(asyncio.get_running_loop().create_task(notices.listen(hub), name="listener"))


async def close_engine() -> None:
    global _writer
    hub.close()
    if _writer is not None:
        closing, _writer = _writer, None
        await closing.close()
    await stopped(_listening)
    _listening.clear()


def writer() -> Writer | None:
    return _writer


async def work(concurrency: int) -> None:
    """A worker, until it gets SIGTERM or SIGINT; then running actions may finish, and the rest is handed over.

    The second signal ends it at once, and other workers take over.
    """
    cancel_on_signal()
    announcer = notices.Announcer()
    hub.relay = announcer
    executor = Executor("worker", concurrency, PAUSE)
    executor.on_claimed = clear_jobs
    sending = asyncio.get_running_loop().create_task(announcer.send(), name="announcer")
    with suppress(asyncio.CancelledError):
        try:
            await executor.open(feeds=True)
            tasks.look_at_queue = executor.look_at_queue
            await hear_of_jobs()
        finally:
            await executor.close(settings.WORKER_GRACE)
    await asyncio.sleep(2 * notices.TOGETHER)
    await stopped([sending])


def cancel_on_signal() -> None:
    """From now on: runs may be taken before Procrastinate listens to signals."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if task is not None:
            task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


async def hear_of_jobs() -> None:
    with app.replace_connector(app.connector.get_worker_connector()) as worker_app:  # type: ignore[attr-defined]
        async with worker_app.open_async():
            await worker_app.run_worker_async(
                concurrency=1,
                delete_jobs="always",
                fetch_job_polling_interval=POLLING,
                shutdown_graceful_timeout=5,
                install_signal_handlers=False,
            )
