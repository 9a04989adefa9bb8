"""The page of one run. Its regions are built here alone: the page includes them, the stream sends them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import QuerySet

from flows.flowchart.chart import flowchart_of_run
from flows.flowchart.states import run_view
from flows.language.document import DocumentError
from flows.models import ActionRun, LogEntry, Room, Run, State
from flows.runs import steps
from flows.runs.crashes import crash_notice
from flows.runs.detail import ActionDetail, detail_of, selected_record
from flows.runs.list import milliseconds_of
from flows.runs.outline import Outline
from flows.runs.paging import PagePlace, place_of, window_of
from flows.runs.values import value_view, value_views
from flows.runs.workers import workers_notice
from foundryflow.people import name_of
from foundryflow.regions import Region

MOST_LINES = 400  # of the log, on one page


class RunPage:
    """A run as the address shows it: `tab`, `action` (the path of the open one), and which steps or lines."""

    def __init__(self, run: Run, params: Mapping[str, str]) -> None:
        self.run, self.params = run, params
        self.action = params.get("action", "")  # empty: the one that matters most
        tab = params.get("tab", "")
        self.tab = tab if tab in TABS else "steps"

    @cached_property
    def record(self) -> ActionRun | None:
        return selected_record(self.run, self.action)

    @cached_property
    def detail(self) -> ActionDetail | None:
        return detail_of(self.run, self.record) if self.record else None

    @property
    def status_region(self) -> Region:
        run = self.run
        context = {
            "run": run,
            "flow": run.flow,
            "state": run_view(run),
            "crashes": crash_notice(run),
            "milliseconds": milliseconds_of(run),
            "way": way_of(run),
            "sources": sources_of(run),
            "can_retry": run.state in (State.FAILED, State.CANCELLED) and run.flow.room == Room.DESIGNER,
        }
        return Region("runs/_status.html", "run-status", context)

    @property
    def detail_region(self) -> Region:
        return Region("runs/_detail.html", "run-detail", {"run": self.run, "detail": self.detail})

    @property
    def tab_region(self) -> Region:
        """What the chosen tab shows."""
        return TABS[self.tab](self)

    @property
    def context(self) -> dict[str, Any]:
        """Everything the page is made of."""
        tab = self.tab_region
        parts = [self.status_region, tab, self.detail_region]
        shared = {name: value for part in parts for name, value in part.context.items()}
        return {
            **shared,
            "tab": self.tab,
            "tab_template": tab.template,
            "action": self.action,
            "lines": self.run.log.count(),
            "workers": workers_notice() if self.run.state == State.QUEUED else None,
            "stream_query": self.stream_query,
        }

    @property
    def stream_query(self) -> str:
        """What the stream is told of what this page shows, in order to go on from there."""
        detail = self.detail
        query = {
            "after": self.run.last_event,
            "action": self.action,
            "tab": self.tab,
            "path": detail.record.path if detail else "",
            "length": len(detail.text) if detail else 0,
        }
        return urlencode({**query, **{name: self.params[name] for name in steps.PARAMS if self.params.get(name)}})


def way_of(run: Run) -> str:
    """Who has started it, and how: "Ada, page"."""
    who = name_of(run.started_by)
    return f"{who}, {run.via}" if who else run.via


def sources_of(run: Run) -> list[tuple[str, int]]:
    """The run that started it and the one whose results it took over, each behind the words that lead to it."""
    found = ((" of", run.parent_id), (", from", run.origin_id))
    return [(words, pk) for words, pk in found if pk]


def outline_region(page: RunPage) -> Region:
    outline = Outline(page.run, page.record, page.params)
    return Region("runs/_outline.html", "run-outline", {"run": page.run, "outline": outline})


def flowchart_region(page: RunPage) -> Region:
    """The chart of what was executed; none where the document of the revision cannot be read."""
    context: dict[str, Any] = {"flow": page.run.flow, "chart": None}
    try:
        context |= flowchart_of_run(page.run)
    except DocumentError:
        return Region("runs/_no_chart.html", "flowchart", context)
    return Region("designer/_flowchart.html", "flowchart", context)


def values_region(page: RunPage) -> Region:
    run = page.run
    context = {"run": run, "inputs": value_views(run.inputs), "output": value_view(run.output)}
    return Region("runs/_values.html", "run-values", context)


def log_region(page: RunPage) -> Region:
    found: QuerySet[LogEntry] = page.run.log.all()
    place = place_of(page.params, PagePlace(newest=not page.run.ended))
    return Region("runs/_log.html", "run-log", {"run": page.run, "log": window_of(found, "event", place, MOST_LINES)})


TABS: dict[str, Callable[[RunPage], Region]] = {
    "steps": outline_region,
    "flowchart": flowchart_region,
    "values": values_region,
    "log": log_region,
}
