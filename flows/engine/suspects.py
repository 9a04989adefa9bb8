"""Which suspects go on trial: runs that may have killed their process, by themselves or with a few of their like."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from flows.engine.claims import claim_runs, free_places, full_flows, take_place
from flows.engine.deaths import is_well
from flows.engine.workers import ago, living_workers
from flows.interpreter import suspicion
from flows.models import Run, State, Suspect, Worker

PATIENCE = 5.0  # seconds that a suspect waits for a process that has nothing else to do


NOBODY_IS_WELL = 60.0  # seconds after which a process takes a suspect that has not lived long itself


SEARCHED = 500  # suspects among which are those that may go together


@dataclass(frozen=True)
class Trial:
    """A suspect that has been claimed, and how long it is left alone if it does not get on before."""

    run: Run
    seconds: float


@transaction.atomic(savepoint=False)
def begin_trial(worker: UUID, *, idle: bool) -> bool:
    """Whether this process is the one to execute suspects next, with nothing beside them; one that is `idle` before
    others. At most half of all processes do so, and one in any case.
    """
    if not due_suspects(worker, 1, 0.0 if idle else PATIENCE):
        return False
    processes = living_workers().exclude(kind="command line")
    if processes.exclude(pk=worker).exclude(trying_since=None).count() >= (processes.count() + 1) // 2:
        return False
    return bool(Worker.objects.filter(pk=worker).update(trying_since=timezone.now()))


@transaction.atomic(savepoint=False)
def claim_suspects(worker: UUID, most: int) -> list[Trial]:
    """Takes those that may go together. That they do is known from now on, should the process die."""
    suspects = {suspect.run_id: suspect for suspect in due_suspects(worker, most)}
    runs = claim_runs(worker, list(suspects), [State.QUEUED])
    Suspect.objects.filter(run__in=runs).update(tried_at=timezone.now(), tried_with=len(runs))
    return [Trial(run, suspicion.trial_seconds(suspects[run.pk].lived)) for run in runs]


def due_suspects(worker: UUID, most: int, waited: float = 0.0) -> list[Suspect]:
    """Suspects that may go together in this process; the one that has waited longest decides how many."""
    # Mostly there are none.
    due = Suspect.objects.filter(run__state=State.QUEUED, run__parent=None, not_before__lte=ago(waited))
    if not due.exists():
        return []
    process = Worker.objects.filter(pk=worker).first()
    if process is None or not is_well(process):
        due = due.filter(not_before__lte=ago(NOBODY_IS_WELL))
    free = free_places()
    chosen: list[Suspect] = []
    due = due.exclude(run__flow__in=full_flows(free)).select_related("run")
    for suspect in due.order_by("-run__priority", "not_before", "run_id")[:SEARCHED]:
        if len(chosen) == most:
            break
        fits = not chosen or suspect.company >= most
        if fits and take_place(free, suspect.run.flow_id):
            most = min(most, suspect.company)
            chosen.append(suspect)
    return chosen


@transaction.atomic(savepoint=False)
def end_trial(worker: UUID) -> None:
    """From now on others may go beside suspects that are still going."""
    Suspect.objects.filter(run__worker=worker).update(tried_with=None)
    Worker.objects.filter(pk=worker).update(trying_since=None)
