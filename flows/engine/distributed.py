"""The engine on PostgreSQL: web processes put runs into the queue, workers on any machine execute them.

Procrastinate carries the news that there is something to do, in the transaction that creates the run. A worker that
hears of one run takes as many as it has places for, a group in one statement, and clears away the jobs of those it
took: Procrastinate hands out jobs one query at a time.

A database that is away ends nothing: each part connects again as long as the process was not told to stop. Whatever
else ends one of them ends the process, with an error.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import connection
from procrastinate.contrib.django import app
from procrastinate.contrib.django.utils import connector_params
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.types import JSONDict
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from flows.engine import postgres_notices, tasks
from flows.engine.executor import Executor
from flows.engine.live import hub
from flows.engine.loop_tasks import cancel_tasks
from flows.engine.writer import DatabaseWriter
from flows.models import Run
from foundryflow.database import errors, jobs
from foundryflow.system.heartbeat import Heartbeat
from foundryflow.system.processes import WEB

log = logging.getLogger(__name__)

INTERACTIVE, SUBMITTED = "interactive", "submitted"  # queues
PAUSE = 0.004  # seconds between two transactions of a process that has much to write
POLLING = 5.0  # seconds after which Procrastinate looks without being told to
# Connections of a worker: of Procrastinate beside the one it listens on, and of everything that is written.
LINES, POOL = 2, 2
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds before Procrastinate starts again
WELL = 30.0  # seconds after which it counts as having worked


class PartEnded(Exception):
    """Something that goes on until the process is told to stop has ended by itself."""


_listening: list[asyncio.Task[None]] = []
_writer: DatabaseWriter | None = None
_heartbeat: Heartbeat | None = None


def submit(runs: Sequence[Run]) -> None:
    """Puts a job beside each run, in the transaction that is open. Raises DatabaseError."""
    for priority in {run.priority for run in runs}:
        queue = INTERACTIVE if priority > 0 else SUBMITTED
        jobs: list[JSONDict] = [{"run_id": run.pk} for run in runs if run.priority == priority]
        # Procrastinate wraps errors of the driver; everybody here knows those of Django.
        with connection.wrap_database_errors, unwrap_errors():
            tasks.execute.configure(queue=queue, priority=priority).batch_defer(*jobs)


@contextmanager
def unwrap_errors() -> Iterator[None]:
    try:
        yield
    except ConnectorException as error:
        raise (error.__cause__ or error) from None


def delete_jobs(runs: list[int]) -> None:
    """The jobs of runs that are taken have nothing to tell any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM procrastinate_jobs WHERE status = 'todo' AND task_name = %s"
            " AND (args->>'run_id')::bigint = ANY(%s)",
            [tasks.execute.name, runs],
        )


async def open_engine() -> None:
    """A web process only listens."""
    global _writer, _heartbeat
    hub.closing = False
    heartbeat = Heartbeat(WEB)
    _writer = DatabaseWriter(PAUSE)
    jobs.set_executor(_writer)
    loop = asyncio.get_running_loop()
    _listening.append(loop.create_task(postgres_notices.listen(hub), name="listener"))
    _listening.append(loop.create_task(heartbeat.beat(), name="heartbeat"))
    _heartbeat = heartbeat


async def close_engine() -> None:
    global _writer, _heartbeat
    hub.close()
    jobs.set_executor(None)
    await cancel_tasks(_listening)
    _listening.clear()
    if _writer is not None:
        closing, _writer = _writer, None
        closing.hurry(0)
        if _heartbeat is not None:
            await note_stop(closing, _heartbeat)
        await closing.close()
    _heartbeat = None


async def note_stop(writer: DatabaseWriter, heartbeat: Heartbeat) -> None:
    try:
        await writer.do(heartbeat.note_stop)
    except errors.MAY_BE_AWAY as error:
        if not errors.is_away(error):
            raise


def is_open() -> bool:
    """Whether this web process listens to what workers tell."""
    return bool(_listening) and not any(task.done() for task in _listening)


async def work(concurrency: int) -> None:
    """A worker, until it gets SIGTERM or SIGINT; then running actions may finish, and the rest is handed over.

    The second signal ends it at once, and other workers take over.
    """
    cancel_on_signal()
    connection.pool.resize(1, POOL)  # type: ignore[attr-defined]  # PostgreSQL's
    announcer = postgres_notices.Announcer()
    hub.relay = announcer
    executor = Executor("worker", concurrency, PAUSE)
    executor.places.on_claimed = delete_jobs
    sending = asyncio.get_running_loop().create_task(announcer.send(), name="announcer")
    with suppress(asyncio.CancelledError):
        try:
            await executor.open(feeds=True)
            tasks.look_at_queue = executor.look_at_queue
            await wait_for_first_end(sending, *executor.tasks, asyncio.create_task(listen_for_jobs(), name="jobs"))
        finally:
            await executor.close(settings.WORKER_GRACE)
    await asyncio.sleep(2 * postgres_notices.TOGETHER)
    await cancel_tasks([sending])


async def wait_for_first_end(*parts: asyncio.Task[None]) -> None:
    """Until it is cancelled. None of the parts ends by itself: whichever does takes the worker with it."""
    try:
        ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        part = ended.pop()
        error = part.exception()
        log.error("action=worker_part_ended part=%s", part.get_name(), exc_info=error)
        raise PartEnded(f"The worker cannot go on: its part {part.get_name()!r} ended. See the log.") from error
    finally:
        await cancel_tasks([part for part in parts if part.get_name() == "jobs"])


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


async def listen_for_jobs() -> None:
    """Until it is cancelled. Procrastinate's worker returns when it loses the database; then another one starts."""
    pause = FIRST_PAUSE
    while True:
        began = time.monotonic()
        try:
            await listen_while_connected()
        except (ConnectorException, PoolTimeout, OSError) as error:
            log.warning("action=jobs_unheard error=%r", error.__cause__ or error)
        if time.monotonic() - began > WELL:
            pause = FIRST_PAUSE
        await asyncio.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


async def listen_while_connected() -> None:
    parameters = connector_params()
    pool = AsyncConnectionPool(
        kwargs=parameters,
        min_size=1,
        max_size=LINES,
        open=False,
        check=AsyncConnectionPool.check_connection,
        timeout=settings.DATABASE_WAIT,
        reconnect_timeout=settings.DATABASE_WAIT,
    )
    connector = PsycopgConnector(kwargs=parameters)
    try:
        await pool.open(wait=True, timeout=settings.DATABASE_WAIT)
        await connector.open_async(pool)
        with app.replace_connector(connector) as worker_app:
            await worker_app.run_worker_async(
                concurrency=1,
                delete_jobs="always",
                fetch_job_polling_interval=POLLING,
                shutdown_graceful_timeout=5,
                install_signal_handlers=False,
            )
    finally:
        await pool.close()
