"""The panel under the chart: what is wrong with the flow, and log, outputs and variables of the run beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils import timezone
from django.utils.dateformat import format as date_format

from connections.secret import MASK
from flows.actions.registry import container_types, model_call_types
from flows.designer.open_flow import OpenFlow
from flows.flowchart.states import StateView, run_view
from flows.models import ActionRun, Run, State
from flows.runs.action_detail import ActionDetail, selected_record
from flows.runs.log_lines import count_words, log_context
from flows.runs.outline import iteration_of
from flows.runs.refused_tries import shown_state
from foundryflow.http import Request
from foundryflow.regions import Region, element_id
from foundryflow.templatetags.ui import duration_ms, pretty, token_count

COOKIE = "designer-bottom"  # what is open: "output", "output.folded"
TABS = {"problems": "Configuration errors", "log": "Execution log", "output": "Output", "variables": "Variables"}
MOST_STEPS, MOST_RUNS, MOST_VARIABLES = 100, 20, 200
LONGEST_VALUE, LONGEST_OUTPUT = 300, 20_000  # characters


@dataclass(frozen=True)
class BottomState:
    """Which tab is open, and whether it is folded; nobody said: as far as there is something to correct."""

    tab: str = "problems"
    fold: str = ""  # open, folded

    @classmethod
    def of(cls, request: Request) -> BottomState:
        said = request.GET.get("tab") or request.COOKIES.get(COOKIE, "")
        tab, _, fold = said.partition(".")
        return cls(tab if tab in TABS else "problems", fold if fold in ("open", "folded") else "")


@dataclass(frozen=True)
class OutputRow:
    """One execution in the list of outputs."""

    path: str
    title: str
    part: str  # number of the iteration that it stands in
    state: StateView
    words: str
    since: int | None
    until: int | None
    is_shown: bool


@dataclass(frozen=True)
class VariableRow:
    name: str
    kind: str
    value: str


@dataclass(frozen=True)
class RunOption:
    """A run of the flow that can be shown."""

    pk: int
    words: str
    is_shown: bool


class BottomPanel:
    """What it shows of one flow. What a tab does not show is not read."""

    def __init__(self, opened: OpenFlow, state: BottomState, step: str = "") -> None:
        """`step` is the path of the execution whose output is shown; empty: the one that matters most."""
        self.opened, self.state, self._step = opened, state, step

    @property
    def flow(self) -> Any:
        return self.opened.flow

    @property
    def run(self) -> Run | None:
        return self.opened.shown_run.run if self.opened.shown_run else None

    @property
    def tab(self) -> str:
        return self.state.tab

    @property
    def tabs(self) -> list[tuple[str, str]]:
        return list(TABS.items())

    @property
    def log_count(self) -> str:
        return count_words(self.run) if self.run else "0"

    @property
    def log(self) -> dict[str, Any]:
        return log_context(self.run, {}) if self.run else {}

    @property
    def run_state(self) -> StateView | None:
        return run_view(self.run) if self.run else None

    @property
    def can_pin(self) -> bool:
        record = self.record
        return bool(
            self.opened.can_edit and not self.opened.is_live and record is not None
            and record.state == State.SUCCEEDED and record.type not in container_types()
            and self.opened.document.find(record.action_id)
        )  # fmt: skip

    @cached_property
    def record(self) -> ActionRun | None:
        return selected_record(self.run, self._step) if self.run else None

    @cached_property
    def detail(self) -> ActionDetail | None:
        return ActionDetail(self.run, self.record) if self.run and self.record else None

    @property
    def text_id(self) -> str:
        """Of the element that the text of the shown output is streamed into."""
        return f"output-{element_id(self.record.path)}" if self.record else ""

    @property
    def is_answer(self) -> bool:
        return self.record is not None and self.record.type in model_call_types()

    @property
    def output_text(self) -> str:
        """The output that is shown, as text or JSON; of a large one the beginning."""
        output = self.record.output if self.record else None
        text = "" if output is None else pretty(output)
        return text if len(text) <= LONGEST_OUTPUT else f"{text[:LONGEST_OUTPUT]}…"

    @property
    def is_code(self) -> bool:
        return self.record is not None and not isinstance(self.record.output, str)

    @property
    def figures(self) -> str:
        """ "742 in · 142 out · first token 0.42 s · finish stop"."""
        usage, facts = (self.record.usage or {}, self.record.facts) if self.record and self.is_answer else ({}, {})
        if not usage:
            return ""
        said = [f"{token_count(usage, 'prompt_tokens')} in", f"{token_count(usage, 'completion_tokens')} out"]
        first, finish = duration_ms(facts.get("first_token_ms")), facts.get("finish_reason")
        said += [f"first token {first}"] if first else []
        return " · ".join([*said, *([f"finish {finish}"] if finish else [])])

    @property
    def outputs(self) -> list[OutputRow]:
        if self.run is None:
            return []
        done = self.run.actions.exclude(type__in=container_types()).exclude(state=State.SKIPPED)
        newest = done.order_by("-order").defer("inputs", "output", "variables", "facts", "text")[:MOST_STEPS]
        return [self._output_row(record) for record in reversed(newest)]

    def _output_row(self, record: ActionRun) -> OutputRow:
        view = shown_state(record)
        is_going = record.ended_at is None and not (self.run and self.run.ended)
        return OutputRow(
            path=record.path,
            title=record.title,
            part=iteration_of(record.path),
            state=view,
            words=view.words.partition(" · ")[0] if view.name == "succeeded" else view.words,
            since=int(record.started_at.timestamp() * 1_000) if is_going and record.started_at else None,
            until=int(record.waits_until.timestamp() * 1_000) if is_going and record.waits_until else None,
            is_shown=self.record is not None and record.path == self.record.path,
        )

    @cached_property
    def variables(self) -> list[VariableRow]:
        values = self.opened.shown_run.values_at_end() if self.opened.shown_run else {}
        return [VariableRow(name, *words_of(value)) for name, value in values.items() if name != "inputs"]

    @property
    def shown_variables(self) -> Sequence[VariableRow]:
        return self.variables[:MOST_VARIABLES]

    @property
    def runs(self) -> list[RunOption]:
        """The newest ones, and the one that is shown."""
        fields = ("pk", "created_at", "revision__number")
        found = Run.objects.filter(flow=self.flow).order_by("-pk").values_list(*fields)[:MOST_RUNS]
        options = list(found)
        if self.run and self.run.pk not in [pk for pk, *_ in options]:
            options.append((self.run.pk, self.run.created_at, self.run.revision.number))
        shown = self.run.pk if self.run else None
        return [RunOption(pk, f"Run {pk} · {time_words(at)}, r{number}", pk == shown) for pk, at, number in options]

    @property
    def tabs_region(self) -> Region:
        return Region("designer/_bottom_tabs.html", "bottom-tabs", {"bottom": self, "problems": self.opened.problems})

    @property
    def content_region(self) -> Region:
        """Of the open tab, unless that is the one of the problems, which stand there in any case."""
        return Region("designer/_bottom_tab.html", "bottom-tab", {"bottom": self, "flow": self.flow})

    @property
    def regions(self) -> list[Region]:
        return [self.tabs_region, self.content_region]


def words_of(value: Any) -> tuple[str, str]:
    """What kind of value it is, and its beginning."""
    if value == MASK:
        return "secret", MASK
    match value:
        case None:
            return "nothing", ""
        case bool():
            return "boolean", str(value).lower()
        case int() | float():
            return "number", str(value)
        case str():
            return "text", beginning(value)
        case list():
            return f"list of {len(value)}", beginning(json.dumps(value, ensure_ascii=False))
        case {"text": str() as text, "usage": _}:
            return "answer", beginning(text)
        case {"connection": name, "host": host}:
            return "connection", f"{name}, {host}"
    return "object", beginning(json.dumps(value, ensure_ascii=False))


def beginning(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"


def time_words(at: Any) -> str:
    here = timezone.localtime(at)
    return date_format(here, "H:i" if here.date() == timezone.localdate() else "j M H:i")
