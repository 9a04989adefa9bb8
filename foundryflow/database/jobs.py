"""Jobs of an event loop, which share a transaction where somebody gathers them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import transaction

from foundryflow.database.threads import in_thread
from foundryflow.database.waiting import retry_while_away


class JobExecutor(Protocol):
    """Who writes for an event loop."""

    async def do(self, job: Callable[[], Any], patience: float = math.inf) -> Any: ...


_executors: WeakKeyDictionary[asyncio.AbstractEventLoop, JobExecutor] = WeakKeyDictionary()
# Seconds that a task waits for an absent database; a run sets it to infinity for itself.
patience: ContextVar[float | None] = ContextVar("patience", default=None)


def set_executor(executor: JobExecutor | None) -> None:
    """Whom `execute` asks on this event loop; nobody when None."""
    loop = asyncio.get_running_loop()
    if executor is None:
        _executors.pop(loop, None)
    else:
        _executors[loop] = executor


async def execute(job: Callable[[], Any]) -> Any:
    """A job in a transaction, together with all others of this event loop. Raises OperationalError when it is away."""
    allowed = patience.get()
    seconds = float(settings.DATABASE_WAIT) if allowed is None else allowed
    executor = _executors.get(asyncio.get_running_loop())
    if executor is not None:
        return await executor.do(job, seconds)
    return await in_thread(retry_while_away)(lambda: run_in_transaction(job), seconds)


def run_in_transaction(job: Callable[[], Any]) -> Any:
    """In a transaction of its own. An outcome may be an exception."""
    with transaction.atomic():
        outcome = job()
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
