"""The tab of the steps of a run: a table in the order they began, with a time axis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from django.utils import timezone

from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.states import StateView, state_view
from flows.models import ActionRun, Run
from flows.runs.detail import element_id
from flows.runs.steps import StepsPage
from foundryflow.templatetags.ui import duration_ms, thousands

AXIS_WIDTH, SHORTEST_BAR = 300, 2  # px
DEEPEST_INDENT = 8
TELLING_STATES = ("failed", "warning", "waiting")  # of which a row says more than the word


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One step. There may be hundreds, so that what a row shows is text already."""

    record: ActionRun
    view: TypeView
    state: StateView
    key: str  # an id for the row that is safe in HTML and stable
    address: str
    indent: int
    iteration: str
    words: str
    duration: str
    tokens: str
    x: str
    width: str
    is_selected: bool


class Outline:
    """A page of steps."""

    def __init__(self, run: Run, record: ActionRun | None, params: Mapping[str, str]) -> None:
        """`record` is the action whose detail is open; `params` say in the address which steps to show."""
        path = record.path if record else ""
        self.page = StepsPage(run, params, path, centred=bool(params.get("action")) or run.state == "failed")
        self._start = run.started_at or run.created_at
        self.seconds = max(((run.ended_at or timezone.now()) - self._start).total_seconds(), 0.001)
        keep = self.page.keep
        self.rows = [self._row(record, path, keep) for record in self.page.window.rows]

    def _row(self, record: ActionRun, selected: str, keep: str) -> OutlineRow:
        state = state_view(record)
        x, width = self._bar(record)
        return OutlineRow(
            record=record,
            view=type_view(record.type),
            state=state,
            key=element_id(record.path),
            address=f"{keep}action={quote(record.path)}",
            indent=min(record.path.count("/"), DEEPEST_INDENT),
            iteration=iteration_of(record.path),
            words=words_of(state),
            duration=duration_ms(record.milliseconds),
            tokens=thousands((record.usage or {}).get("total_tokens")),
            x=f"{x:.1f}",
            width=f"{width:.1f}",
            is_selected=record.path == selected,
        )

    def _bar(self, record: ActionRun) -> tuple[float, float]:
        """Where the bar of a step begins on the axis, and how wide it is."""
        if record.started_at is None:
            return 0.0, 0
        began, ended = self._seconds_at(record.started_at), self._seconds_at(record.ended_at or timezone.now())
        x = max(0.0, min(began / self.seconds, 1.0)) * AXIS_WIDTH
        return x, max(SHORTEST_BAR, min((ended - began) / self.seconds * AXIS_WIDTH, AXIS_WIDTH - x))

    def _seconds_at(self, moment: datetime) -> float:
        return (moment - self._start).total_seconds()


def iteration_of(path: str) -> str:
    """The number of the iteration that a step directly belongs to, counted from 1: of `each[2]/chat` it is 3."""
    parts = path.split("/")
    number = parts[-2][parts[-2].find("[") + 1 : -1] if len(parts) > 1 and "[" in parts[-2] else ""
    return str(int(number) + 1) if number.isdecimal() else ""


def words_of(state: StateView) -> str:
    if state.name == "succeeded":
        return "Done"
    return state.words if state.name in TELLING_STATES else state.word
