"""The engine inside the web process: every run is a task on its event loop."""

from __future__ import annotations

import os
from collections.abc import Sequence

from django.conf import settings
from django.db import transaction

from flows.engine import claims
from flows.engine.executor import Executor
from flows.engine.live import hub
from flows.models import Run
from foundryflow.database.sqlite_file import lock_beside, sqlite_file

GRACE = 3.0  # seconds that running actions get when the server stops

COMMAND_LINE = "command line"  # a process that executes one run and takes none from the queue

_executor: Executor | None = None
_lock: int | None = None


async def open_engine() -> None:
    """Called once by the server: goes on with what a former process left, and takes up what is queued."""
    global _executor
    hub.closing = False
    executor = Executor("server", settings.RUN_CONCURRENCY)
    if lock_database_file():
        # Nobody else serves this database, so whatever a server was executing is free at once.
        executor.note_takeover(await executor.writer.do(lambda: claims.requeue(claims.runs_of_kind("server"))))
    await executor.open(feeds=True)
    _executor = executor


async def close_engine() -> None:
    global _executor, _lock
    hub.close()
    if _executor is not None:
        executor, _executor = _executor, None
        await executor.close(GRACE)
    if _lock is not None:
        os.close(_lock)
        _lock = None


def lock_database_file() -> bool:
    """Whether this process holds the lock beside the database file. The system frees it with the process."""
    global _lock
    if _lock is not None or not sqlite_file().is_file():
        return False
    try:
        _lock = lock_beside(sqlite_file())
    except OSError:
        return False
    return True


def is_open() -> bool:
    return _executor is not None


def wake() -> None:
    """From any thread. Without an open engine runs stay queued until one opens."""
    if _executor is not None:
        _executor.loop.call_soon_threadsafe(_executor.wake)


def claim_unstored(runs: Sequence[Run]) -> None:
    """Spares runs the way through the queue, as far as there are places: they begin when the transaction commits."""
    executor = _executor
    if executor is not None and (taken := executor.claim_unstored(runs)):
        transaction.on_commit(lambda: executor.loop.call_soon_threadsafe(executor.begin, taken))


def cancel(run_id: int) -> None:
    """From any thread. A run of another process is stopped by the look it takes at the database."""
    if _executor is not None:
        _executor.loop.call_soon_threadsafe(_executor.cancel, run_id)


async def run_here(run: Run) -> None:
    """Executes one run on the loop of the caller: the command line."""
    executor = Executor(COMMAND_LINE, 1)
    try:
        await executor.execute_only(run.pk)
    finally:
        await executor.close()
