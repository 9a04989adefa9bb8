"""The list of runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.contrib.auth.models import User
from django.db.models.fields.json import KeyTextTransform

from flows.actions.registry import model_call_types
from flows.flowchart.states import StateView, run_view, state_view_of
from flows.interpreter.suspicion import SUSPECT, sentence_of
from flows.models import LIVE, ActionRun, Flow, Run, State
from flows.models.run_counts import visible_runs
from flows.models.run_filters import FILTERS, ORIGINS, Filters
from flows.models.search import MOST_COUNTED, MOST_READ, Cursor, Search
from flows.runs.filters import menus_of
from flows.runs.token_chart import usage_chart
from flows.runs.workers_notice import workers_notice
from foundryflow.filter_menus import Address
from foundryflow.names import name_of
from foundryflow.regions import Region
from foundryflow.templatetags.ui import token_count

FIRST_EVENTS = 60  # of a run, in which the list looks for the connections that it names
LONGEST_REASON = 200  # characters
MOST_EXPORTED = 50_000  # runs of a file


def list_context(user: User, params: Mapping[str, str]) -> dict[str, Any]:
    """Everything the page is made of."""
    parts = list_regions(user, params)
    shared = {name: value for part in parts for name, value in part.context.items()}
    return {**shared, "usage": usage_chart(), "workers": workers_notice()}


def list_regions(user: User, params: Mapping[str, str]) -> list[Region]:
    """What filters change: the menus, how many runs there are, and the runs. Whoever only looks for news (`since`)
    keeps the menus, which may be open."""
    address = Address(params, FILTERS)
    filtered = any(params.get(name) for name in FILTERS)
    menus = menus_of(user, address)
    chosen = {"menus": menus, "kept": address.kept("q"), "set_filters": sum(bool(menu.label) for menu in menus)}
    found = found_regions(user, address, {"filtered": filtered})
    if params.get("since"):
        return found
    return [
        Region("runs/_filters.html", "runs-filters", {**chosen, "filtered": filtered}),
        Region("runs/_actions.html", "runs-actions", {"export": address.query(), "most_exported": MOST_EXPORTED}),
        *found,
    ]


def found_regions(user: User, address: Address, shared: dict[str, Any]) -> list[Region]:
    """`before` and `after` say where the page begins; `oldest` asks for the last one, `since` for the first one as it
    was when that run was the newest."""
    params, search = address.params, Search(Flow.objects.visible_to(user), Filters.of(address.params))
    before, after, since = (Cursor.parse(params.get(name, "")) for name in ("before", "after", "since"))
    first_page = not (before or after or "oldest" in params)
    if first_page and since:
        found = replace(search.page(since.behind), newer=None)
        fresh = fresh_words(*search.newer_than(since))
    else:
        found, fresh = search.page(before, after, oldest="oldest" in params), ""
    newest = since or (Cursor.of(found.runs[0]) if found.runs else None)
    listed = {
        "rows": run_rows(found.runs),
        "found": found,
        "fresh": fresh,
        "first_page": address.query(),
        "poll": address.query(since=str(newest)) if newest and first_page else "",
        "most_read": MOST_READ,
        "can_compare": bool(params.get("flow")) and len(found.runs) > 1,
    }
    counted = {"count": search.count(found), "most_counted": MOST_COUNTED, "all": visible_runs(user)}
    return [
        Region("runs/_count.html", "runs-count", {**counted, **shared}),
        Region("runs/_found.html", "runs-found", {**listed, **shared}),
    ]


def fresh_words(count: int, more: bool) -> str:
    """ "3 new runs"; empty when there is none."""
    return f"{'More than ' if more else ''}{count} new run{'' if count == 1 else 's'}" if count else ""


@dataclass(frozen=True)
class RunRow:
    run: Run
    state: StateView
    reason: str  # why it ended as it did, what it does, or why it does not get on
    connection: str  # the names of all that it has used
    by: str

    @property
    def tokens(self) -> str:
        return token_count(self.run.tokens)


@dataclass
class Calls:
    """What the first calls of models of a run say."""

    connections: list[str] = field(default_factory=list)
    warning: str = ""


def run_rows(runs: Iterable[Run]) -> list[RunRow]:
    rows = list(runs)
    calls, doing = calls_of(rows), actions_going(rows)
    return [run_row(run, calls.get(run.pk, Calls()), doing.get(run.pk, "")) for run in rows]


def run_row(run: Run, calls: Calls, doing: str) -> RunRow:
    warning = calls.warning if run.state == State.SUCCEEDED else ""
    state = state_view_of("warning") if warning else run_view(run)
    return RunRow(run, state, reason_of(run) or warning or doing, ", ".join(calls.connections), starter_of(run))


def calls_of(runs: Iterable[Run]) -> dict[int, Calls]:
    """The connections that each run has called first, and what was wrong with an answer."""
    called = ActionRun.objects.filter(
        run_id__in=[run.pk for run in runs], order__lte=FIRST_EVENTS, type__in=model_call_types()
    ).exclude(state=State.SKIPPED)
    found: dict[int, Calls] = {}
    rows = called.order_by("run_id", "order").values_list("run_id", KeyTextTransform("connection", "facts"), "warning")
    for run_id, name, warning in rows:
        calls = found.setdefault(run_id, Calls())
        calls.warning = calls.warning or warning
        if name and name not in calls.connections:
            calls.connections.append(name)
    return found


def actions_going(runs: Iterable[Run]) -> dict[int, str]:
    """What each run that goes does, in words: "Condense: 429"."""
    live = [run.pk for run in runs if run.state in LIVE]
    going = ActionRun.objects.filter(run_id__in=live, state__in=LIVE).order_by("run_id", "order")
    return {
        run_id: f"{title}: {reason}" if reason else title
        for run_id, title, reason in going.values_list("run_id", "title", "reason")
    }


def reason_of(run: Run) -> str:
    if run.state == "failed" and run.error:
        return str(run.error.get("message") or "")[:LONGEST_REASON]
    if run.state == "cancelled" and run.cancelled_by:
        return f"Stopped by {run.cancelled_by}"
    if run.crashes >= SUSPECT and not run.ended:
        return sentence_of(run.crashes, run.crash_path)[:LONGEST_REASON]
    return ""


def starter_of(run: Run) -> str:
    """Who has started a run, and by which way: "Ada, run page"."""
    who, way = name_of(run.started_by), ORIGINS.get(run.via) or run.via.capitalize()
    return f"{who}, {way if way.isupper() else way.lower()}" if who else way
