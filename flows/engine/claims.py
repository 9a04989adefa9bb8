"""Who has which run. Every change of hands is a conditional update and a row count."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from flows.document import DocumentError
from flows.errors import ActionError
from flows.journal_db import error_json, is_inside
from flows.models import Flow, Revision, Run, State, Worker
from flows.statements import fetched, locking, marks, stored, table

BEAT = 3.0  # seconds between two signs of life
LOST_AFTER = 12.0  # seconds of silence after which a process has lost its runs
MOST_CRASHES = 3  # of its process in a row, at the same action
SUSPECT = 2  # deaths after which a run goes alone
# Runs in one transaction. Small groups begin one behind the other, and so do their later calls: hundreds in step would
# make each other wait at every action. And other workers get their share.
TOGETHER = 16
PRUNED = 200  # runs in one transaction

GOING = (State.RUNNING, State.WAITING)


@dataclass(frozen=True)
class Claim:
    runs: list[Run]
    more: bool  # others may have a place at once
    waits: bool  # others may wait for one that ends


def enlist(kind: str) -> UUID:
    """A row for this process."""
    return Worker.objects.create(kind=kind, host=socket.gethostname()[:200], pid=os.getpid()).pk


def beat(worker: UUID) -> None:
    """Says that the process lives; a row that others have cleared away comes back."""
    if not Worker.objects.filter(pk=worker).update(beat_at=timezone.now()):
        Worker.objects.create(pk=worker, kind="returned", host=socket.gethostname()[:200], pid=os.getpid())


def dismiss(worker: UUID) -> None:
    Worker.objects.filter(pk=worker).delete()


@transaction.atomic(savepoint=False)
def claim_queued(worker: UUID, most: int) -> Claim:
    """Takes up to `most` runs from the queue, urgent ones first, within the limits of their flows."""
    free = places_left()
    most_now = min(most, TOGETHER)
    found = in_the_queue([flow for flow, left in free.items() if left <= 0], most_now)
    wanted: list[int] = []
    suspects = 0
    for run_id, flow_id, crashes in found:
        suspects += crashes >= SUSPECT
        # Of hundreds that wait, a flow that is limited may have a place for one.
        if free.get(flow_id, 1) > 0 and (crashes < SUSPECT or suspects == 1):
            wanted.append(run_id)
        if flow_id in free:
            free[flow_id] -= 1
    return Claim(
        taken(worker, wanted, [State.QUEUED]),
        more=len(found) == most_now < most,
        waits=len(wanted) == most or bool(free),
    )


def places_left() -> dict[int, int]:
    """Of the flows that allow only so many runs at a time. Locks them, so that no two processes count at once."""
    limited = dict(
        fetched(f"SELECT id, concurrency FROM {table(Flow)} WHERE concurrency IS NOT NULL ORDER BY id{locking()}")  # noqa: S608 - names of our own
    )
    if not limited:
        return {}
    going = (
        Run.objects.filter(flow_id__in=limited, state__in=GOING).order_by().values_list("flow_id").annotate(Count("pk"))
    )
    counted = dict(going)
    return {flow: most - counted.get(flow, 0) for flow, most in limited.items()}


def in_the_queue(full: Sequence[int], most: int) -> list[tuple[int, int, int]]:
    """Runs with their flow and their crashes, locked, without those of flows that have no place."""
    runs, going = table(Run), ", ".join(f"'{state}'" for state in GOING)
    elsewhere = f"AND flow_id NOT IN {marks(full)}" if full else ""
    # Runs that may have killed their process go one at a time, so that the next death blames the right one.
    one_goes = f"EXISTS (SELECT 1 FROM {runs} WHERE crashes >= {SUSPECT} AND state IN ({going}))"  # noqa: S608 - constants
    return fetched(
        f"SELECT id, flow_id, crashes FROM {runs} WHERE state = '{State.QUEUED}' AND parent_id IS NULL {elsewhere}"  # noqa: S608 - names of our own, values are bound
        f" AND (crashes < {SUSPECT} OR NOT {one_goes}) ORDER BY priority DESC, id LIMIT %s{locking('SKIP LOCKED')}",
        [*full, most],
    )


@transaction.atomic(savepoint=False)
def claim(worker: UUID, run_id: int, states: Sequence[str] = (State.QUEUED,)) -> list[Run]:
    """Takes one run, if it is in one of these states."""
    return taken(worker, [run_id], states)


def taken(worker: UUID, run_ids: Sequence[int], states: Sequence[str]) -> list[Run]:
    """Makes runs that are in one of these states this process's, in a new attempt; the urgent ones first."""
    if not run_ids:
        return []
    mine = stored(Run, {"state": State.RUNNING, "worker": worker, "started_at": timezone.now()})
    runs = list(
        Run.objects.raw(
            f"UPDATE {table(Run)} SET attempt = attempt + 1, state = %s, worker_id = %s,"  # noqa: S608 - names of our own, values are bound
            " started_at = COALESCE(started_at, %s)"
            f" WHERE id IN {marks(run_ids)} AND state IN {marks(states)} RETURNING *",
            [*mine, *run_ids, *map(str, states)],
        )
    )
    give_revisions(runs)
    return sorted(runs, key=lambda run: (-run.priority, run.pk))


def give_revisions(runs: Sequence[Run]) -> None:
    """Without their documents, which this process may have parsed before."""
    revisions = Revision.objects.without_documents({run.revision_id for run in runs})
    for revision in revisions.values():
        # Read here, where the database is; who executes the run says what is wrong with it.
        with suppress(DocumentError):
            revision.parsed()
    for run in runs:
        run.revision = revisions[run.revision_id]


def claimed_from_the_first(worker: UUID, runs: list[Run]) -> list[Run]:
    """The same as `taken` for runs that are not stored yet."""
    now = timezone.now()
    for run in runs:
        run.attempt, run.state, run.worker_id = run.attempt + 1, State.RUNNING, worker
        run.started_at = run.started_at or now
    return runs


def release(run: Run) -> bool:
    """Puts a run that this process gives up in good order back into the queue; false when it is to be stopped."""
    return bool(
        Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=GOING, cancelled_by="").update(
            state=State.QUEUED, worker=None, crash_path="", crashes=0
        )
    )


def heard_since() -> datetime:
    """Who has not been heard of since then counts as dead."""
    return timezone.now() - timedelta(seconds=LOST_AFTER)


def alive() -> QuerySet[Worker]:
    """Processes that execute runs."""
    return Worker.objects.filter(beat_at__gte=heard_since())


def lost_runs() -> QuerySet[Run]:
    """Runs whose process does not beat any more, or is unknown."""
    gone = Q(worker=None) | Q(worker__beat_at__lt=heard_since())
    return Run.objects.filter(gone, state__in=GOING, parent=None)


def runs_of(kind: str) -> QuerySet[Run]:
    return Run.objects.filter(Q(worker=None) | Q(worker__kind=kind), state__in=GOING, parent=None)


@transaction.atomic(savepoint=False)
def requeue(lost: QuerySet[Run]) -> list[int]:
    """Puts lost runs back into the queue; those that keep killing their process are failed. Gives the queued ones."""
    queued = []
    for run in lost.select_for_update(skip_locked=True, of=("self",)):
        if run.cancelled_by:
            run.kill()
            continue
        path = in_flight(run)
        crashes = run.crashes + 1 if path and path == run.crash_path else int(bool(path))
        if crashes >= MOST_CRASHES:
            fail_killer(run, path)
            continue
        changed = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=GOING).update(
            state=State.QUEUED, worker=None, crash_path=path, crashes=crashes
        )
        if changed:
            queued.append(run.pk)
    return queued


def in_flight(run: Run) -> str:
    """What was being executed when the process died, down into the flows it runs. Waits are innocent."""
    going = sorted(run.actions.filter(state=State.RUNNING).values_list("path", flat=True))
    leaves = [path for path in going if not any(is_inside(other, path) for other in going)]
    inside = [in_flight(child) for child in run.children.filter(state__in=GOING).order_by("pk")]
    return " > ".join([*leaves, *filter(None, inside)])[:500]


def fail_killer(run: Run, path: str) -> None:
    error = ActionError(
        "killed_worker",
        f"The process that ran it died {MOST_CRASHES} times at {path}.",
        "See the log of the server; the action may need more memory than there is.",
    )
    for child in run.children.filter(state__in=GOING):
        fail_killer(child, path)
    fail(run, error, path.split(" > ")[0])


def fail_unrecorded(run: Run, what: str) -> None:
    """Ends a run whose record the database refused: it would be refused wherever the run goes on."""
    fail(run, ActionError("unrecorded", f"The database refused a record of the run: {what}.", "See the log."), "")


def fail(run: Run, error: ActionError, path: str) -> None:
    if run.finish(State.FAILED, error={**error_json(error), "path": path}):
        run.actions.filter(state__in=GOING).update(
            state=State.FAILED, ended_at=timezone.now(), error=error_json(error), reason=""
        )


def cancelled(worker: UUID) -> list[int]:
    """Runs of this process that somebody wants stopped."""
    return list(
        Run.objects.filter(worker=worker, state__in=GOING).exclude(cancelled_by="").values_list("pk", flat=True)
    )


def standing(worker: UUID) -> QuerySet[Run]:
    """Runs that stand in this process's name."""
    return Run.objects.filter(worker=worker, state__in=GOING, parent=None)


def prune() -> int:
    """Deletes runs that ended longer ago than the retention; how many."""
    if not settings.RUN_RETENTION_DAYS:
        return 0
    old = timezone.now() - timedelta(days=settings.RUN_RETENTION_DAYS)
    ended = Run.objects.filter(ended_at__lt=old, parent=None)
    deleted = 0
    while batch := list(ended.values_list("pk", flat=True)[:PRUNED]):
        Run.objects.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted


def clear_away() -> None:
    """Forgets processes that have been silent for an hour."""
    Worker.objects.filter(beat_at__lt=timezone.now() - timedelta(hours=1), runs=None).delete()


def deadline_of(run: Run, most: float) -> float:
    """Seconds that the run may still take, all attempts together. Raises DocumentError."""
    allowed = run.revision.parsed().deadline or most
    spent = (timezone.now() - (run.started_at or timezone.now())).total_seconds()
    return max(0.0, min(allowed, most) - spent)
