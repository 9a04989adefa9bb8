"""Hands runs to the engine. Whoever starts, stops or awaits a run talks to this package and to nothing behind it.

The database chooses the engine: embedded on SQLite, distributed on PostgreSQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from flows.engine import embedded
from flows.engine.live import hub
from flows.engine.writer import SharedCall
from flows.models import LIVE, Checkpoint, Run, RunFile, State
from flows.models.raw_sql import insert
from flows.models.run import ENDS
from foundryflow.database import errors, jobs

if settings.POSTGRESQL:
    from flows.engine import distributed

Argument = TypeVar("Argument")
Result = TypeVar("Result")
URGENT = 10  # priority of a run that somebody waits for
LOOK = 1.0  # seconds after which the state is read without being told to


def submit(*runs: Run) -> None:
    """Call in the transaction that creates the runs; returns at once."""
    if settings.POSTGRESQL:
        distributed.submit(runs)
    elif runs:
        transaction.on_commit(embedded.wake)


def store_and_submit(runs: Sequence[Run]) -> None:
    """The same for runs that are not stored yet."""
    if not settings.POSTGRESQL:
        embedded.claim_unstored(runs)
    insert(runs, keyed=True)
    for run in runs:
        if run.new_files:
            RunFile.objects.store_files(run.pk, run.new_files)
            run.new_files = ()
    submit(*(run for run in runs if run.state == State.QUEUED))


def submit_all(runs: Sequence[Run]) -> None:
    """The same for many runs: a job only says that there is something to do, so that one is enough."""
    if runs:
        submit(runs[0])


async def run_job(job: Callable[[], Result]) -> Result:
    """A database job in a transaction, on the loop of the server together with all others of the process.

    Raises OperationalError when the database is away for longer than somebody who asks waits.
    """
    done: Result = await jobs.execute(job)
    return done


async def run_shared_job(work: Callable[[Sequence[Argument]], Sequence[Result]], argument: Argument) -> Result:
    """The same, where one call of `work` serves everybody who asks at the same time: an outcome for each argument."""
    done: Result = await jobs.execute(SharedCall(work, argument))
    return done


def cancel(run: Run, *, by: str) -> bool:
    """Stops the run wherever it is; asked a second time, ends it at once. False when it had ended already."""
    stopped = (bool(run.cancelled_by) and run.kill()) or run.request_cancel(by=by)
    embedded.cancel(run.pk)
    return stopped


def cancel_all(runs: QuerySet[Run], *, by: str) -> None:
    """Stops all of them in a few statements: queued ones end at once, the others wherever they are."""
    live = runs.filter(state__in=LIVE)
    live.filter(cancelled_by="").update(cancelled_by=by[:150])
    queued = live.filter(state=State.QUEUED)
    Checkpoint.objects.filter(run__in=queued, sealed__isnull=False).delete()
    RunFile.objects.filter(run__in=queued).delete()
    queued.update(**ENDS, state=State.CANCELLED, ended_at=timezone.now())
    going = list(live.values_list("pk", flat=True))

    def stop_here() -> None:
        for run_id in going:
            embedded.cancel(run_id)

    transaction.on_commit(stop_here)


def is_open() -> bool:
    """Whether this process executes runs or, where workers do, follows them."""
    return distributed.is_open() if settings.POSTGRESQL else embedded.is_open()


async def open_engine() -> None:
    await (distributed.open_engine() if settings.POSTGRESQL else embedded.open_engine())


async def close_engine() -> None:
    await (distributed.close_engine() if settings.POSTGRESQL else embedded.close_engine())


async def wait_for_end(run_id: int, timeout: float) -> bool:  # noqa: ASYNC109 - how long to watch, not a limit on work
    """Waits until the run has ended, at most `timeout` seconds. On the loop of the server."""
    until = time.monotonic() + timeout
    with hub.subscribe(run_id) as subscription:
        while not subscription.ended:
            look = min(until, time.monotonic() + LOOK)
            while not subscription.ended and await subscription.wait_for_change(max(0, look - time.monotonic())):
                pass
            if not subscription.ended and await is_known_to_have_ended(run_id):
                return True
            if time.monotonic() >= until:
                return subscription.ended
    return True


async def is_known_to_have_ended(run_id: int) -> bool:
    """While the database is away nobody knows."""
    try:
        return await run_shared_job(have_ended, run_id)
    except errors.MAY_BE_AWAY as error:
        if not errors.is_away(error):
            raise
        return False


def have_ended(run_ids: Sequence[int]) -> list[bool]:
    ended = set(Run.objects.filter(pk__in=run_ids, ended_at__isnull=False).values_list("pk", flat=True))
    return [run_id in ended for run_id in run_ids]
