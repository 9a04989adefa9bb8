"""Work with the database from a coroutine, and connections given back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from asgiref.sync import sync_to_async
from django.db import connections

from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import MAY_BE_AWAY, is_away
from foundryflow.database.waiting import COMMAND, LONGEST_PAUSE

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def giving_connection_back(work: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Gives the connection of the thread back afterwards: streams live long, and some threads nobody cleans up."""

    @wraps(work)
    def giving_back(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            return work(*args, **kwargs)
        finally:
            give_connections_back()

    return giving_back


def give_connections_back() -> None:
    """To the pool; a transaction that is open keeps it."""
    for each in connections.all(initialized_only=True):
        if not each.in_atomic_block:
            each.close()


def in_thread(work: Callable[Parameters, Result]) -> Callable[Parameters, Awaitable[Result]]:
    """Work with the database from a coroutine, which keeps no connection while it does something else."""
    return sync_to_async(giving_connection_back(work))


async def read_patiently(
    work: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """What a stream reads: somebody looks at what is there already, so that it may wait longer than a page."""

    @giving_connection_back
    def attempt() -> Result:
        return work(*args, **kwargs)

    until = time.monotonic() + COMMAND
    while True:
        try:
            return await sync_to_async(attempt)()
        except MAY_BE_AWAY as error:
            if not is_away(error) or time.monotonic() > until:
                raise
            note_away(error)
        await asyncio.sleep(LONGEST_PAUSE)
