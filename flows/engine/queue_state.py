"""How many runs wait, for what and for how long: what the System page shows of the engine.

Asked again and again, so that nothing here takes longer with a million runs: each statement follows an index to a
limit.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median

from django.db.models import QuerySet, Sum
from django.urls import reverse
from django.utils import timezone

from connections.foundry.errors import ErrorKind
from flows import engine
from flows.actions.registry import model_call_types
from flows.engine.claims import lost_runs
from flows.engine.deletion import runs_ended_before
from flows.models import ActionRun, Run, State
from flows.models.run_filters import ALL_BUT_SUCCEEDED
from flows.models.usage import Span, UsageFigures, hour_of
from foundryflow.system.registry import BoundedCount, EngineSource, QueueState, RefusedCalls, register_engine

MOST_WAITING = 10_000  # that are counted
MOST_FOR_QUOTA = 500
MOST_OLD = 100_000
SAMPLE = 300  # newest runs of a state that the median is made of
BEGUN = (State.RUNNING, State.WAITING, State.SUCCEEDED, State.FAILED)


def register() -> None:
    register_engine(EngineSource(queue_state, engine.is_open, runs_older_than, refused_since))


def queue_state() -> QueueState:
    since = [moment for runs in (queued_runs(), lost_runs()) if (moment := oldest_wait(runs))]
    typical, until = time_until_begun()
    return replace(
        waiting_state(),
        oldest_for=timezone.now() - min(since) if since else None,
        for_quota=runs_waiting_for_quota(),
        median=typical,
        until=until,
        address=reverse("runs:list"),
    )


def waiting_state() -> QueueState:
    """How many wait and where they are listed, and no more: open lists ask often.

    What waits is in the queue, or in the name of a process that is gone while nobody has taken it over.
    """
    in_queue, abandoned = (BoundedCount.of(runs.order_by(), MOST_WAITING) for runs in (queued_runs(), lost_runs()))
    state = ALL_BUT_SUCCEEDED if abandoned.number else State.QUEUED
    return QueueState(
        waiting=BoundedCount(in_queue.number + abandoned.number, in_queue.more or abandoned.more),
        waiting_address=f"{reverse('runs:list')}?state={state}&via=all",
    )


def queued_runs() -> QuerySet[Run]:
    return Run.objects.filter(state=State.QUEUED, parent=None)


def oldest_wait(runs: QuerySet[Run]) -> datetime | None:
    """Since when the oldest of these waits; None when there is none."""
    known = runs.select_related("worker").only("created_at", "started_at", "worker__beat_at")
    run = known.order_by("pk").first()
    return waits_since(run) if run else None


def waits_since(run: Run) -> datetime:
    """Since it was made or, when a process had begun it, since that fell silent or it last got on."""
    if run.started_at is None:
        return run.created_at
    if run.worker is not None:
        return run.worker.beat_at
    newest = run.actions.order_by("-order").only("ended_at", "started_at").first()
    return (newest and (newest.ended_at or newest.started_at)) or run.started_at


def runs_waiting_for_quota() -> BoundedCount:
    """Runs of which an action waits for a model, because of a limit or of what it was answered."""
    waiting = list(
        Run.objects.filter(state=State.WAITING).order_by("-pk").values_list("pk", flat=True)[:MOST_FOR_QUOTA]
    )
    calls = ActionRun.objects.filter(run__in=waiting, state=State.WAITING, type__in=model_call_types())
    number = calls.order_by().values("run").distinct().count()
    return BoundedCount(number, len(waiting) == MOST_FOR_QUOTA and number > 0)


def time_until_begun() -> tuple[float | None, datetime | None]:
    """Seconds from a run being asked for to its first action, at the median of today's newest; when the last began."""
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    began: list[tuple[datetime, float]] = []
    for state in BEGUN:
        newest = Run.objects.filter(state=state).order_by("-pk").values_list("created_at", "started_at", "parent")
        began += [
            (started, max(0.0, (started - created) / timedelta(seconds=1)))
            for created, started, parent in newest[:SAMPLE]
            if started and created >= today and parent is None
        ]
    if not began:
        return None, None
    return median(seconds for _, seconds in began), max(at for at, _ in began)


def runs_older_than(moment: datetime) -> BoundedCount:
    """Ended runs that a retention until this moment would erase."""
    return BoundedCount.of(runs_ended_before(moment), MOST_OLD)


def refused_since(moment: datetime) -> RefusedCalls:
    """Calls of models to destinations that are not allowed, from the hourly figures of usage."""
    refused = UsageFigures.objects.filter(
        span=Span.HOUR, begins__gte=hour_of(moment), series__error=ErrorKind.BLOCKED_DESTINATION
    )
    number = refused.aggregate(calls=Sum("calls"))["calls"] or 0
    last = refused.order_by("-begins").values_list("series__connection", flat=True).first() if number else ""
    return RefusedCalls(int(number), last or "")
