"""Which process has which run: claims from the queue, and runs that go back to it. Each is a conditional update."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from flows.engine.deaths import Death, blame, death_of, reset_running_actions
from flows.engine.journal import error_json
from flows.engine.workers import silence_limit
from flows.interpreter import suspicion
from flows.language.document import DocumentError
from flows.language.errors import ActionError
from flows.models import EXECUTING, LIVE, Revision, Run, State, Suspect, Worker, sql
from foundryflow.system.processes import note_handed_on

# Runs in one transaction. Small groups begin one behind the other, and so do their later calls: hundreds in step would
# make each other wait at every action. And other workers get their share.
TOGETHER = 16


@dataclass(frozen=True)
class Claim:
    runs: list[Run]
    has_more: bool  # others may have a place at once
    others_wait: bool  # others may wait for one that ends


@transaction.atomic(savepoint=False)
def claim_queued(worker: UUID, most: int) -> Claim:
    """Takes up to `most` runs from the queue, urgent ones first, within the limits of their flows. No suspects."""
    free = free_places()
    most_now = min(most, TOGETHER)
    found = sql.lock_queued_runs(full_flows(free), most_now)
    # Of hundreds that wait, a flow that is limited may have a place for one.
    with_place = [run_id for run_id, flow_id in found if take_place(free, flow_id)]
    return Claim(
        claim_runs(worker, with_place, [State.QUEUED]),
        has_more=len(found) == most_now < most,
        others_wait=len(with_place) == most or bool(free),
    )


def free_places() -> dict[int, int]:
    """Of the flows that allow only so many runs at a time. Locks them, so that no two processes count at once."""
    limited = sql.lock_limited_flows()
    if not limited:
        return {}
    going = (
        Run.objects.filter(flow_id__in=limited, state__in=EXECUTING)
        .order_by()
        .values_list("flow_id")
        .annotate(Count("pk"))
    )
    counted = dict(going)
    return {flow: most - counted.get(flow, 0) for flow, most in limited.items()}


def full_flows(free: dict[int, int]) -> list[int]:
    return [flow for flow, left in free.items() if left <= 0]


def take_place(free: dict[int, int], flow: int) -> bool:
    """Whether the flow has a place for another run, which is counted by this."""
    if flow not in free:
        return True
    free[flow] -= 1
    return free[flow] >= 0


# Changes of hands


@transaction.atomic(savepoint=False)
def claim(worker: UUID, run_id: int, states: Sequence[str] = (State.QUEUED,)) -> list[Run]:
    """Takes one run, if it is in one of these states."""
    return claim_runs(worker, [run_id], states)


def claim_runs(worker: UUID, run_ids: Sequence[int], states: Sequence[str]) -> list[Run]:
    """Makes runs that are in one of these states this process's, in a new attempt; the urgent ones first."""
    if not run_ids:
        return []
    runs = sql.claim_runs(worker, run_ids, states)
    attach_revisions(runs)
    return sorted(runs, key=lambda run: (-run.priority, run.pk))


def attach_revisions(runs: Sequence[Run]) -> None:
    """Without their documents, which this process may have parsed before."""
    revisions = Revision.objects.without_documents({run.revision_id for run in runs})
    for revision in revisions.values():
        # Read here, where the database is; who executes the run says what is wrong with it.
        with suppress(DocumentError):
            revision.parsed()
    for run in runs:
        run.revision = revisions[run.revision_id]


def claim_unstored(worker: UUID, runs: list[Run]) -> list[Run]:
    """The same as `claim_runs` for runs that are not stored yet."""
    now = timezone.now()
    for run in runs:
        run.attempt, run.state, run.worker_id = run.attempt + 1, State.RUNNING, worker
        run.started_at = run.started_at or now
    return runs


def release(run: Run) -> bool:
    """Puts a run that this process gives up in good order back into the queue; false when it is to be stopped."""
    mine = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=EXECUTING, cancelled_by="")
    released = mine.update(state=State.QUEUED, worker=None)
    if released:
        reset_running_actions([run.pk])
    return bool(released)


def lost_runs() -> QuerySet[Run]:
    """Runs whose process does not beat any more, or is unknown."""
    gone = Q(worker=None) | Q(worker__beat_at__lt=silence_limit())
    return Run.objects.filter(gone, state__in=EXECUTING, parent=None)


def runs_of_kind(kind: str) -> QuerySet[Run]:
    return Run.objects.filter(Q(worker=None) | Q(worker__kind=kind), state__in=EXECUTING, parent=None)


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
    handed_on = Counter[UUID | None]()
    for run in lost.order_by("pk").select_for_update(skip_locked=True, of=("self",)):
        death = deaths.get(run.worker_id) if run.worker_id else None
        if requeue_run(run, death):
            begun += death.units[run.pk] if death else [run.pk]
            queued.append(run.pk)
            handed_on[run.worker_id if death else None] += 1
    for worker, runs in handed_on.items():
        if worker is not None:
            note_handed_on(worker, runs)
    reset_running_actions(begun)
    return queued


def requeue_run(run: Run, death: Death | None) -> bool:
    """Whether the run is in the queue again; else it has ended."""
    if run.cancelled_by:
        run.kill()
        return False
    suspect = blame(run, death) if death else None
    if suspect and suspicion.is_proven(suspect.alone, suspect.proven):
        fail_killer(run, suspect)
        return False
    blamed = {"crash_path": run.crash_path, "crashes": run.crashes}
    mine = Run.objects.filter(pk=run.pk, attempt=run.attempt, state__in=EXECUTING)
    return bool(mine.update(state=State.QUEUED, worker=None, last_event=F("last_event") + 1, **blamed))


def fail_killer(run: Run, suspect: Suspect) -> None:
    Run.objects.filter(pk=run.pk).update(crash_path=run.crash_path, crashes=run.crashes)
    error = ActionError(
        "killed_worker",
        suspicion.sentence_of(run.crashes, run.crash_path, suspect.alone),
        "See the log of the server; the action may need more memory than there is.",
    )
    place, _, inner = run.crash_path.split("\n")[0].partition(" > ")
    for child in run.children.filter(state__in=LIVE):
        fail_run(child, error, inner.partition(" > ")[0])
    fail_run(run, error, place)


def fail_unrecorded(run: Run, what: str) -> None:
    """Ends a run whose record the database refused: it would be refused wherever the run goes on."""
    fail_run(run, ActionError("unrecorded", f"The database refused a record of the run: {what}.", "See the log."), "")


def fail_run(run: Run, error: ActionError, path: str) -> None:
    if run.finish(State.FAILED, error={**error_json(error), "path": path}):
        run.actions.filter(state__in=LIVE).update(
            state=State.FAILED, ended_at=timezone.now(), error=error_json(error), reason=""
        )


def runs_to_cancel(worker: UUID) -> list[int]:
    """Runs of this process that somebody wants stopped."""
    return list(
        Run.objects.filter(worker=worker, state__in=EXECUTING).exclude(cancelled_by="").values_list("pk", flat=True)
    )


def runs_of_worker(worker: UUID) -> QuerySet[Run]:
    """Runs that stand in this process's name."""
    return Run.objects.filter(worker=worker, state__in=EXECUTING, parent=None)


def seconds_left(run: Run, most: float) -> float:
    """Seconds that the run may still take, all attempts together. Raises DocumentError."""
    allowed = run.revision.parsed().deadline or most
    spent = (timezone.now() - (run.started_at or timezone.now())).total_seconds()
    return max(0.0, min(allowed, most) - spent)
