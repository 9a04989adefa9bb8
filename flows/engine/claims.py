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
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from flows.engine.deaths import BEAT, GOING, blame, death_of, forget_going, is_well
from flows.engine.journal import error_json
from flows.interpreter import suspicion
from flows.interpreter.suspicion import SUSPECT
from flows.language.document import DocumentError
from flows.language.errors import ActionError
from flows.models import LIVE, Flow, Revision, Run, State, Suspect, Worker
from flows.models.raw import fetched, locking, marks, stored, table

__all__ = ["BEAT", "GOING"]

LOST_AFTER = 12.0  # seconds of silence after which a process has lost its runs
PATIENCE = 5.0  # seconds that a suspect waits for a process that has nothing else to do
NOBODY_IS_WELL = 60.0  # seconds after which a process takes a suspect that has not lived long itself
# Runs in one transaction. Small groups begin one behind the other, and so do their later calls: hundreds in step would
# make each other wait at every action. And other workers get their share.
TOGETHER = 16
PRUNED = 200  # runs in one transaction
SEARCHED = 500  # suspects among which are those that may go together


@dataclass(frozen=True)
class Claim:
    runs: list[Run]
    more: bool  # others may have a place at once
    waits: bool  # others may wait for one that ends


@dataclass(frozen=True)
class Trial:
    """A suspect that has been claimed, and how long it is left alone if it does not get on before."""

    run: Run
    seconds: float


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
    """Takes up to `most` runs from the queue, urgent ones first, within the limits of their flows. No suspects."""
    free = places_left()
    most_now = min(most, TOGETHER)
    found = in_the_queue(full_of(free), most_now)
    # Of hundreds that wait, a flow that is limited may have a place for one.
    wanted = [run_id for run_id, flow_id in found if takes_place(free, flow_id)]
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


def full_of(free: dict[int, int]) -> list[int]:
    return [flow for flow, left in free.items() if left <= 0]


def takes_place(free: dict[int, int], flow: int) -> bool:
    """Whether the flow has a place for another run, which is counted by this."""
    if flow not in free:
        return True
    free[flow] -= 1
    return free[flow] >= 0


def in_the_queue(full: Sequence[int], most: int) -> list[tuple[int, int]]:
    """Runs with their flow, locked, without suspects and those of flows that have no place."""
    elsewhere = f"AND flow_id NOT IN {marks(full)}" if full else ""
    return fetched(
        f"SELECT id, flow_id FROM {table(Run)} WHERE state = '{State.QUEUED}' AND parent_id IS NULL"  # noqa: S608 - names of our own, values are bound
        f" AND crashes < {SUSPECT} {elsewhere} ORDER BY priority DESC, id LIMIT %s{locking('SKIP LOCKED')}",
        [*full, most],
    )


# Suspects


@transaction.atomic(savepoint=False)
def begin_trial(worker: UUID, *, idle: bool) -> bool:
    """Whether this process is the one to execute suspects next, with nothing beside them; one that is `idle` before
    others. At most half of all processes do so, and one in any case.
    """
    if not suspects_due(worker, 1, 0.0 if idle else PATIENCE):
        return False
    processes = alive().exclude(kind="command line")
    if processes.exclude(pk=worker).exclude(trying_since=None).count() >= (processes.count() + 1) // 2:
        return False
    return bool(Worker.objects.filter(pk=worker).update(trying_since=timezone.now()))


@transaction.atomic(savepoint=False)
def claim_suspects(worker: UUID, most: int) -> list[Trial]:
    """Takes those that may go together. That they do is known from now on, should the process die."""
    suspects = {suspect.run_id: suspect for suspect in suspects_due(worker, most)}
    runs = taken(worker, list(suspects), [State.QUEUED])
    Suspect.objects.filter(run__in=runs).update(tried_at=timezone.now(), tried_with=len(runs))
    return [Trial(run, suspicion.trial_of(suspects[run.pk].lived)) for run in runs]


def suspects_due(worker: UUID, most: int, waited: float = 0.0) -> list[Suspect]:
    """Suspects that may go together in this process; the one that has waited longest decides how many."""
    # Mostly there are none.
    due = Suspect.objects.filter(run__state=State.QUEUED, run__parent=None, not_before__lte=ago(waited))
    if not due.exists():
        return []
    process = Worker.objects.filter(pk=worker).first()
    if process is None or not is_well(process):
        due = due.filter(not_before__lte=ago(NOBODY_IS_WELL))
    free = places_left()
    chosen: list[Suspect] = []
    due = due.exclude(run__flow__in=full_of(free)).select_related("run")
    for suspect in due.order_by("-run__priority", "not_before", "run_id")[:SEARCHED]:
        if len(chosen) == most:
            break
        fits = not chosen or suspect.company >= most
        if fits and takes_place(free, suspect.run.flow_id):
            most = min(most, suspect.company)
            chosen.append(suspect)
    return chosen


@transaction.atomic(savepoint=False)
def end_trial(worker: UUID) -> None:
    """From now on others may go beside suspects that are still going."""
    Suspect.objects.filter(run__worker=worker).update(tried_with=None)
    Worker.objects.filter(pk=worker).update(trying_since=None)


def ago(seconds: float) -> datetime:
    return timezone.now() - timedelta(seconds=seconds)


# Changes of hands


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
    mine = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=GOING, cancelled_by="")
    released = mine.update(state=State.QUEUED, worker=None)
    if released:
        forget_going([run.pk])
    return bool(released)


def heard_since() -> datetime:
    """Who has not been heard of since then counts as dead."""
    return ago(LOST_AFTER)


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
def requeue(lost: QuerySet[Run], *, died: bool = True) -> list[int]:
    """Puts lost runs back into the queue, and gives them; those that are proven to kill their process are failed.

    Unless the process `died`, nothing is to be blamed.
    """
    # Locked, so that one process judges all that were going.
    gone = Worker.objects.filter(pk__in=lost.values("worker")).order_by("pk")
    gone = gone.select_for_update(skip_locked=True, no_key=True)
    deaths = {worker.pk: death_of(worker) for worker in gone} if died else {}
    if died:
        Worker.objects.filter(pk__in=deaths).update(trying_since=None)
        lost = lost.filter(Q(worker=None) | Q(worker__in=deaths))
    queued: list[int] = []
    begun: list[int] = []
    for run in lost.order_by("pk").select_for_update(skip_locked=True, of=("self",)):
        if run.cancelled_by:
            run.kill()
            continue
        death = deaths.get(run.worker_id)
        suspect = blame(run, death) if death else None
        if suspect and suspicion.is_proven(suspect.alone, suspect.proven):
            fail_killer(run, suspect)
            continue
        changed = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=GOING).update(
            state=State.QUEUED,
            worker=None,
            crash_path=run.crash_path,
            crashes=run.crashes,
            last_event=F("last_event") + 1,
        )
        if changed:
            begun += death.units[run.pk] if death else [run.pk]
            queued.append(run.pk)
    forget_going(begun)
    return queued


def fail_killer(run: Run, suspect: Suspect) -> None:
    Run.objects.filter(pk=run.pk).update(crash_path=run.crash_path, crashes=run.crashes)
    error = ActionError(
        "killed_worker",
        suspicion.sentence_of(run.crashes, run.crash_path, suspect.alone),
        "See the log of the server; the action may need more memory than there is.",
    )
    place, _, inner = run.crash_path.split("\n")[0].partition(" > ")
    for child in run.children.filter(state__in=LIVE):
        fail(child, error, inner.partition(" > ")[0])
    fail(run, error, place)


def fail_unrecorded(run: Run, what: str) -> None:
    """Ends a run whose record the database refused: it would be refused wherever the run goes on."""
    fail(run, ActionError("unrecorded", f"The database refused a record of the run: {what}.", "See the log."), "")


def fail(run: Run, error: ActionError, path: str) -> None:
    if run.finish(State.FAILED, error={**error_json(error), "path": path}):
        run.actions.filter(state__in=LIVE).update(
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
    # By the time they began, for which there is an index: nothing ends before it has begun.
    ended = Run.objects.filter(created_at__lt=old, ended_at__lt=old, parent=None).order_by("created_at", "pk")
    deleted = 0
    while batch := list(ended.values_list("pk", flat=True)[:PRUNED]):
        Run.objects.filter(pk__in=batch).delete()
        deleted += len(batch)
    return deleted


def clear_away() -> None:
    """Forgets processes that have been silent for an hour."""
    Worker.objects.filter(beat_at__lt=ago(3_600), runs=None).delete()


def deadline_of(run: Run, most: float) -> float:
    """Seconds that the run may still take, all attempts together. Raises DocumentError."""
    allowed = run.revision.parsed().deadline or most
    spent = (timezone.now() - (run.started_at or timezone.now())).total_seconds()
    return max(0.0, min(allowed, most) - spent)
