"""The tab of the steps of a run: a table as the flow nests them, with a time axis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from urllib.parse import quote

from django.db.models import TextField
from django.db.models.functions import Cast, Left

from flows.actions.registry import container_types, model_call_types
from flows.flowchart.chart import TypeView, is_container, type_view
from flows.flowchart.states import StateView, state_view_of
from flows.interpreter.runner import title_of
from flows.language.document import Document, DocumentError
from flows.models import ActionRun, Run, State
from flows.runs.refused_tries import shown_state
from flows.runs.step_tree import Step, UnreachedStep, UnreachedSteps, in_flow_order
from flows.runs.steps import LARGE, MOST_STEPS, StepsPage
from flows.runs.time_axis import TimeAxis, TimeBar, elapsed_words, milliseconds_since_epoch
from foundryflow.regions import element_id
from foundryflow.templatetags.ui import duration_ms, token_count

DEEPEST_INDENT = 8
TELLING_STATES = ("failed", "warning", "waiting")  # of which a row says more than the word
LONGEST_COUNT = 40  # characters of what a loop says of itself: "3 of 3"
MUCH = 10  # % of the time that was waiting
SHORT_WORDS = 12  # characters that fit into every column
UNREACHED = StateView("unreached", "circle-dashed", "Not reached", "mute")


@dataclass(frozen=True, slots=True)
class OutlineRow:
    """One step. There may be hundreds, so that what a row shows is text already."""

    key: str  # an id for the row that is safe in HTML and stable
    address: str  # empty: there is nothing to open
    view: TypeView
    title: str
    note: str  # beside the title: of which iteration, or of which type
    state: StateView
    indent: int
    words: str
    duration: str = ""
    tokens: str = ""
    since: int | None = None  # it goes since then, in milliseconds since the epoch
    until: int | None = None  # it waits until then
    bars: Sequence[TimeBar] = ()
    is_selected: bool = False

    @property
    def is_long(self) -> bool:
        """Whether its words may be cut."""
        return len(self.words) > SHORT_WORDS

    @property
    def is_part(self) -> bool:
        """Whether its note tells it from others of the same title."""
        return self.note.startswith("part ")

    @property
    def css(self) -> str:
        marks = {"is-selected": self.is_selected, "is-unreached": not self.address}
        return " ".join(["step-row", f"indent-{self.indent}", *(name for name, holds in marks.items() if holds)])


class Outline:
    """A page of steps."""

    def __init__(self, run: Run, record: ActionRun | None, params: Mapping[str, str]) -> None:
        """`record` is the action whose detail is open; `params` say in the address which steps to show."""
        path = record.path if record else ""
        self.run, self._selected = run, path
        self.page = StepsPage(run, params, path, centred=bool(params.get("action")) or run.state == "failed")
        self.axis = TimeAxis(run.started_at or run.created_at, run.ended_at)
        self.began = None if run.ended else milliseconds_since_epoch(self.axis.start)
        unreached = list(self._unreached_steps())
        self.more_unreached = max(0, len(unreached) - MOST_STEPS)
        steps = in_flow_order([*self.page.window.rows, *unreached[:MOST_STEPS]], self._document)
        self.rows = [self._row(step) for step in steps]

    @cached_property
    def _document(self) -> Document | None:
        try:
            return self.run.revision.parsed()
        except DocumentError:
            return None

    def _unreached_steps(self) -> Sequence[UnreachedStep]:
        """What has no record: where the page shows all steps, and outside of loops where it shows the last ones."""
        window, document = self.page.window, self._document
        if document is None or self.page.is_filtered or window.later is not None:
            return []
        if window.is_complete:
            return list(UnreachedSteps(window.rows, ended=self.run.ended, in_loops=True).find(document))
        nothing = UnreachedSteps([], ended=self.run.ended, in_loops=False)
        known = self.run.actions.filter(path__in=[step.path for step in nothing.find(document)]).defer(*LARGE)
        return list(UnreachedSteps(known, ended=self.run.ended, in_loops=False).find(document))

    @cached_property
    def _counts(self) -> dict[str, str]:
        """What loops say of themselves, by path: "3 of 3"."""
        loops = [step.pk for step in self.page.window.rows if step.type in container_types()]
        if not loops:
            return {}
        outputs = self.run.actions.filter(pk__in=loops).order_by()
        found = outputs.values_list("path", Left(Cast("output", TextField()), LONGEST_COUNT))
        return {path: json.loads(text) for path, text in found if text and text[:1] == text[-1:] == '"'}

    @property
    def waiting_sentence(self) -> str:
        """ "75 % of the time was waiting to try again", where that is much and all steps are seen."""
        if not self.run.ended or not self.page.window.is_complete or self.page.is_filtered:
            return ""
        refused = [each for record in self.page.window.rows for each in record.refused or ()]
        share = round(time_covered([(each["at"], each["until"]) for each in refused]) / self.axis.seconds * 100)
        return f"{min(share, 100)} % of the time was waiting to try again." if share >= MUCH else ""

    def _row(self, step: Step) -> OutlineRow:
        return self._unreached_row(step) if isinstance(step, UnreachedStep) else self._record_row(step)

    def _unreached_row(self, step: UnreachedStep) -> OutlineRow:
        state = state_view_of("queued") if step.may_come else UNREACHED
        title, view = title_of(step.action), type_view(step.action.type)
        return OutlineRow(
            key=element_id(step.path),
            address="",
            view=view,
            title=title,
            note=note_of(step.path, title, view),
            state=state,
            indent=indent_of(step.path),
            words=state.word,
        )

    def _record_row(self, record: ActionRun) -> OutlineRow:
        state, view = shown_state(record), type_view(record.type)
        is_going = not self.run.ended and record.started_at is not None and record.ended_at is None
        since = milliseconds_since_epoch(record.started_at) if is_going else None
        waits = record.state == State.WAITING
        return OutlineRow(
            key=element_id(record.path),
            address=f"{self.page.address_begin}action={quote(record.path)}",
            view=view,
            title=record.title,
            note=note_of(record.path, record.title, view),
            state=state,
            indent=indent_of(record.path),
            words=self._words(record, state),
            duration=self._duration(record, is_going=is_going),
            tokens=token_count(record.usage or {}),
            since=since,
            until=milliseconds_since_epoch(record.waits_until) if waits else None,
            bars=self._bars(record),
            is_selected=record.path == self._selected,
        )

    def _words(self, record: ActionRun, state: StateView) -> str:
        count = self._counts.get(record.path, "") if record.type in container_types() else ""
        return count if state.name == "succeeded" and count[:1].isdigit() else words_of(state)

    def _duration(self, record: ActionRun, *, is_going: bool) -> str:
        if is_going and record.started_at:
            return elapsed_words((self.axis.now - record.started_at).total_seconds() * 1_000)
        return duration_ms(record.milliseconds)

    def _bars(self, record: ActionRun) -> Sequence[TimeBar]:
        """How long it went, and over that, how long it waited."""
        if record.started_at is None:
            return []
        kind = "call" if record.type in model_call_types() else "holds" if is_container(record.type) else "step"
        going = self.axis.bar(self.axis.span(record.started_at, record.ended_at or self.run.ended_at), kind)
        waits = [(moment_of(each["at"]), moment_of(each["until"])) for each in record.refused or ()]
        return [going, *(self.axis.bar(self.axis.span(began, ended), "wait") for began, ended in waits)]


def time_covered(spans: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the spans goes."""
    covered, until = 0.0, 0.0
    for begin, end in sorted(spans):
        covered += max(0.0, end - max(begin, until))
        until = max(until, end)
    return covered


def moment_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def note_of(path: str, title: str, view: TypeView) -> str:
    """Of which iteration a step is; else of which type a container with a name of its own."""
    if number := iteration_of(path):
        return f"part {number}"
    return view.title if is_container(view.type) and title != view.title else ""


def indent_of(path: str) -> int:
    return min(path.count("/"), DEEPEST_INDENT)


def iteration_of(path: str) -> str:
    """The number of the iteration that a step directly belongs to, counted from 1: of `each[2]/chat` it is 3."""
    parts = path.split("/")
    number = parts[-2][parts[-2].find("[") + 1 : -1] if len(parts) > 1 and "[" in parts[-2] else ""
    return str(int(number) + 1) if number.isdecimal() else ""


def words_of(state: StateView) -> str:
    if state.name == "succeeded":
        return "Done"
    return state.words if state.name in TELLING_STATES else state.word
