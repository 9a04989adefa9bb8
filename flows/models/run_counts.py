"""How often flows have run, and what their runs have taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Case, F, IntegerField, OuterRef, Subquery, Sum, Value, When

from flows.models.figures import HourlyFigures
from flows.models.flow import Flow
from flows.models.run import Run
from flows.models.triggers import live_run_figures

LARGE = ("inputs", "secret_inputs", "pins", "output")  # columns of a run that lists do not show
HOUR = 3_600  # seconds
EVER = 0  # the hour under which figures hold the sum of all
ENDED_RUNS = F("succeeded") + F("failed") + F("cancelled")


def hour_number(at: datetime) -> int:
    return int(at.timestamp()) // HOUR


def first_hour(at: datetime) -> int:
    """The first hour that began at this moment or later: where days do not begin at the full hour, so do theirs."""
    return -(-int(at.timestamp()) // HOUR)


def hours_since(at: datetime) -> Any:
    return HourlyFigures.objects.filter(hour__gte=first_hour(at)).exclude(hour=EVER).order_by()


def tokens_by_hour(since: datetime) -> dict[int, tuple[int, int]]:
    """Prompt and completion tokens of runs by the number of the hour they were started in, those that go included."""
    found: dict[int, tuple[int, int]] = {}
    counted = hours_since(since).values_list("hour")
    for hour, prompt, completion in counted.annotate(Sum("prompt_tokens"), Sum("completion_tokens")):
        found[hour] = (int(prompt), int(completion))
    for _, hour, _, prompt, completion in live_run_figures():
        if hour >= hour_number(since):
            before = found.get(hour, (0, 0))
            found[hour] = (before[0] + prompt, before[1] + completion)
    return found


def runs_in_all(flows: Collection[int]) -> Counter[int]:
    """Runs there are, by flow."""
    ended = HourlyFigures.objects.filter(flow__in=flows, hour=EVER).order_by().values_list("flow")
    found = Counter({flow: int(count) for flow, count in ended.annotate(count=Sum(ENDED_RUNS))})
    for flow, _, count, _, _ in live_run_figures():
        if flow in flows:
            found[flow] += count
    return found


def runs_by_day(flows: Collection[int], days: Sequence[datetime]) -> dict[int, Counter[int]]:
    """Runs by flow and the place of their day in `days`, the beginnings of days from the newest to the oldest."""
    found: dict[int, Counter[int]] = {flow: Counter() for flow in flows}
    begins = [first_hour(day) for day in days]
    places = [When(hour__gte=hour, then=Value(at)) for at, hour in enumerate(begins)]
    day = Case(*places, output_field=IntegerField())
    ended = hours_since(days[-1]).filter(flow__in=flows).annotate(day=day).values_list("flow", "day")
    for flow, at, count in ended.annotate(count=Sum(ENDED_RUNS)):
        found[flow][at] += int(count)
    for flow, hour, count, _, _ in live_run_figures():
        if flow in found and hour >= begins[-1]:
            found[flow][next(at for at, begin in enumerate(begins) if hour >= begin)] += count
    return found


def newest_runs(flows: Collection[int]) -> dict[int, Run]:
    """The newest run of each flow."""
    # An interval of one flow, ordered by flow: only the index of flows has this order. For `flow =` PostgreSQL may go
    # through all runs by number instead, and meets those of a flow that has not run for long at the very end.
    of_flow = Run.objects.filter(flow__gte=OuterRef("pk"), flow__lte=OuterRef("pk")).order_by("flow_id", "-pk")
    newest = Flow.objects.filter(pk__in=flows).order_by().values_list(Subquery(of_flow.values("pk")[:1]))
    return {run.flow_id: run for run in Run.objects.filter(pk__in=[pk for (pk,) in newest if pk]).defer(*LARGE)}


def visible_runs(user: User) -> int:
    """How many runs the person may see."""
    flows = Flow.objects.visible_to(user).values("pk")
    ended = HourlyFigures.objects.filter(flow__in=flows, hour=EVER).aggregate(count=Sum(ENDED_RUNS))["count"]
    live = live_run_figures()
    visible = set(flows.filter(pk__in={flow for flow, *_ in live}).values_list("pk", flat=True)) if live else set()
    return int(ended or 0) + sum(count for flow, _, count, _, _ in live if flow in visible)
