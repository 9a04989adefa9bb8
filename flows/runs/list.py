"""The list of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from flows.actions.registry import model_call_types
from flows.flowchart.states import StateView, run_view
from flows.interpreter.suspicion import SUSPECT, sentence_of
from flows.models import ActionRun, Flow, Run
from flows.models.run_counts import visible_runs
from flows.models.search import FILTERS, MOST_COUNTED, PERIODS, STATES, Cursor, Filters, Search
from flows.runs.usage import usage_chart
from flows.runs.workers import workers_notice
from foundryflow.people import name_of

FIRST_EVENTS = 60  # of a run, in which the list looks for the connections that it names
LONGEST_REASON = 200  # characters
MOST_CHOICES = 100  # of a filter


def list_context(user: User, params: Mapping[str, str]) -> dict[str, Any]:
    """A page of the list. `before` and `after` say where it begins; `oldest` asks for the last one."""
    search = Search(Flow.objects.visible_to(user), Filters.of(params))
    before, after = Cursor.parse(params.get("before", "")), Cursor.parse(params.get("after", ""))
    found = search.page(before, after, oldest="oldest" in params)
    return {
        "rows": run_rows(found.runs),
        "found": found,
        "count": search.count(found),
        "most_counted": MOST_COUNTED,
        "all": visible_runs(user),
        "usage": usage_chart(),
        "params": params,
        "filtered": any(params.get(name) for name in FILTERS),
        "flows": Flow.objects.in_designer().order_by("name").values_list("slug", "name")[:MOST_CHOICES],
        "people": User.objects.order_by("username").values_list("username", flat=True)[:MOST_CHOICES],
        "workers": workers_notice(),
        "states": STATES,
        "periods": PERIODS.items(),
    }


@dataclass(frozen=True)
class RunRow:
    run: Run
    state: StateView
    reason: str  # why it ended as it did, or does not get on
    connection: str  # the names of all that it has used
    by: str

    @property
    def milliseconds(self) -> float | None:
        return milliseconds_of(self.run)

    @property
    def tokens(self) -> int:
        return self.run.all_prompt_tokens + self.run.all_completion_tokens


def run_rows(runs: Iterable[Run]) -> list[RunRow]:
    rows = list(runs)
    names = connections_of(rows)
    return [
        RunRow(run, run_view(run), reason_of(run), ", ".join(names.get(run.pk, ())), starter_of(run)) for run in rows
    ]


def connections_of(runs: Iterable[Run]) -> dict[int, list[str]]:
    """The names of the connections that each run has called first."""
    calls = ActionRun.objects.filter(
        run_id__in=[run.pk for run in runs], order__lte=FIRST_EVENTS, type__in=model_call_types()
    ).exclude(state="skipped")
    found = calls.order_by("run_id", "order").values_list("run_id", KeyTextTransform("connection", "facts"))
    names: dict[int, list[str]] = {}
    for run_id, name in found:
        if name and name not in names.setdefault(run_id, []):
            names[run_id].append(name)
    return names


def reason_of(run: Run) -> str:
    if run.state == "failed" and run.error:
        return str(run.error.get("message") or "")[:LONGEST_REASON]
    if run.state == "cancelled" and run.cancelled_by:
        return f"Stopped by {run.cancelled_by}"
    if run.crashes >= SUSPECT and not run.ended:
        return sentence_of(run.crashes, run.crash_path)[:LONGEST_REASON]
    return ""


def starter_of(run: Run) -> str:
    """Who has started a run, and by which way: "Ada, api"."""
    who = name_of(run.started_by)
    return f"{who}, {run.via}" if who else run.via.capitalize()


def milliseconds_of(run: Run) -> float | None:
    """How long a run took or has gone so far; None before it has begun."""
    if run.started_at is None:
        return None
    return ((run.ended_at or timezone.now()) - run.started_at).total_seconds() * 1000
