"""The page of one run. Its regions are built here alone: the page includes them, the stream sends them again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from flows.flowchart.chart import flowchart_of_run
from flows.language.document import DocumentError
from flows.models import ActionRun, Run
from flows.runs import steps
from flows.runs.action_detail import ActionDetail, selected_record
from flows.runs.iterations import IterationsPage
from flows.runs.log_lines import count_words, log_context
from flows.runs.loops import LoopCounts, find_loop, loops_of
from flows.runs.outline import Outline
from flows.runs.status import status_region
from flows.runs.value_place import ValuePlace
from flows.runs.values import value_view, value_views
from flows.runs.workers_notice import workers_notice
from foundryflow.regions import Region
from foundryflow.roles import Permissions

LARGE = ("inputs", "output", "pins", "revision__document")  # of a run: read by what shows them
PARAMS = (*steps.PARAMS, "loop", "reason", "sort", "page", "iteration", "part", "at")  # of an address, for its stream


@dataclass(frozen=True)
class DetailTab:
    """A part of the detail: the page that has it open, and where the part alone comes from."""

    name: str
    label: str
    page_address: str
    part_address: str
    is_open: bool


class RunPage:
    """A run as the address shows it: `tab`, `action` (the path of the open one), and which steps or lines."""

    def __init__(self, run: Run, params: Mapping[str, str], may: Permissions) -> None:
        self.run, self.params, self.may = run, params, may
        self.action = params.get("action", "")  # empty: the one that matters most
        self.tab = self._tab(params.get("tab", ""))

    def _tab(self, name: str) -> str:
        """That of the address; else the iterations of a long loop where some have failed, unless the address asks for
        steps."""
        if name in TABS and (name != "iterations" or self.loops):
            return name
        asks_for_steps = self.action or any(name in self.params for name in steps.PARAMS)
        tells_most = bool(self.loops) and self.loops[0].is_long and self.loops[0].failed > 0
        return "iterations" if not name and tells_most and not asks_for_steps else "steps"

    @cached_property
    def loops(self) -> list[LoopCounts]:
        return loops_of(self.run)

    @cached_property
    def iterations(self) -> IterationsPage | None:
        """What the tab of the iterations shows; None on others."""
        loop = find_loop(self.run, self.params.get("loop", ""), self.loops) if self.tab == "iterations" else None
        return IterationsPage(self.run, self.loops, loop, self.params) if loop else None

    @cached_property
    def record(self) -> ActionRun | None:
        if self.iterations:
            return self.iterations.detail.record if self.iterations.detail else None
        return selected_record(self.run, self.action)

    @cached_property
    def detail(self) -> ActionDetail | None:
        return ActionDetail(self.run, self.record, self.params.get("part", "")) if self.record else None

    @property
    def detail_tabs(self) -> list[DetailTab]:
        if self.detail is None:
            return []
        kept = {name: self.params[name] for name in PARAMS if self.params.get(name)} | {"tab": self.tab}
        if self.iterations and self.iterations.detail:
            kept["iteration"] = str(self.iterations.detail.number)
        else:
            kept["action"] = self.detail.record.path
        region = reverse("runs:detail", args=[self.run.pk])
        tabs = []
        for name, label in self.detail.tabs.items():
            query = urlencode({**kept, "part": name})
            is_open = name == self.detail.tab
            tabs.append(DetailTab(name, label, f"?{query}", f"{region}?{query}", is_open))
        return tabs

    @property
    def status_region(self) -> Region:
        return status_region(self.run, self.may, self.loops)

    @property
    def detail_region(self) -> Region:
        iteration = self.iterations.detail if self.iterations else None
        context = {
            "run": self.run,
            "may": self.may,
            "detail": self.detail,
            "detail_tabs": self.detail_tabs,
            "iteration": iteration,
        }
        return Region("runs/_detail.html", "run-detail", context)

    @property
    def tabs_region(self) -> Region:
        context = {
            "run": self.run,
            "tab": self.tab,
            "action": self.action,
            "loop": self.loops[0] if self.loops else None,
            "lines": count_words(self.run),
        }
        return Region("runs/_tabs.html", "run-tabs", context)

    @property
    def tab_region(self) -> Region:
        """What the chosen tab shows."""
        return TABS[self.tab](self)

    @property
    def context(self) -> dict[str, Any]:
        """Everything the page is made of."""
        tab = self.tab_region
        parts = [self.status_region, self.tabs_region, tab, self.detail_region]
        shared = {name: value for part in parts for name, value in part.context.items()}
        return {
            **shared,
            "tab_template": tab.template,
            "workers": workers_notice() if not self.run.ended else None,
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
            "length": detail.length if detail else 0,
        }
        shown = self.iterations.window.query if self.iterations else {}
        return urlencode({**query, **{name: self.params[name] for name in PARAMS if self.params.get(name)}, **shown})


def outline_region(page: RunPage) -> Region:
    outline = Outline(page.run, page.record, page.params)
    return Region("runs/_outline.html", "run-outline", {"run": page.run, "outline": outline})


def iterations_region(page: RunPage) -> Region:
    context = {"run": page.run, "may": page.may, "page": page.iterations}
    return Region("runs/_iterations.html", "run-iterations", context)


def flowchart_region(page: RunPage) -> Region:
    """The chart of what was executed; none where the document of the revision cannot be read."""
    context: dict[str, Any] = {"flow": page.run.flow, "chart": None}
    try:
        context |= flowchart_of_run(page.run, page.params.get("at", ""))
    except DocumentError:
        return Region("runs/_no_chart.html", "flowchart", context)
    return Region("designer/_flowchart.html", "flowchart", context)


def values_region(page: RunPage) -> Region:
    run = page.run
    run.refresh_from_db(fields=["inputs", "output"])
    inputs = value_views(run.inputs, run.pk, "input")
    context = {"run": run, "inputs": inputs, "output": value_view(run.output, ValuePlace(run.pk, "output"))}
    return Region("runs/_values.html", "run-values", context)


def log_region(page: RunPage) -> Region:
    return Region("runs/_log.html", "run-log", log_context(page.run, page.params))


TABS: dict[str, Callable[[RunPage], Region]] = {
    "steps": outline_region,
    "iterations": iterations_region,
    "flowchart": flowchart_region,
    "values": values_region,
    "log": log_region,
}
