"""What the pages of runs show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.db.models import Max
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone

from flows import engine
from flows.actions.registry import model_call_types
from flows.engine.live import hub
from flows.engine.records import LONGEST_PATH
from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.states import StateView, run_view, state_view
from flows.interpreter.suspicion import SUSPECT, sentence_of
from flows.models import ActionRun, Run, State
from flows.models.usage import hour_number, tokens_by_hour
from flows.runs.steps import Steps
from foundryflow.people import name_of
from foundryflow.templatetags.ui import duration_ms, thousands

WATERFALL = 300  # px
TELLING = ("failed", "warning", "waiting")  # states of which a row says more than the word
FIRST_EVENTS = 60  # of a run, in which the list of runs looks for the connections that it names


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the outline. There may be hundreds, so that what it shows is text already."""

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
    selected: bool


@dataclass(frozen=True)
class WorkersMissing:
    """What the notice shows; without one it is empty, and looks again while runs are queued."""

    missing: bool


def workers_missing() -> WorkersMissing | None:
    """None when nothing waits, or on SQLite, where the server is the worker."""
    if not settings.POSTGRESQL or not Run.objects.filter(state=State.QUEUED, parent=None).exists():
        return None
    return WorkersMissing(engine.lacks_workers())


def element_id(path: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else f"_{ord(sign):x}_" for sign in path)


class Outline:
    """A page of the steps of a run, in the order they began, on one time axis."""

    def __init__(self, run: Run, record: ActionRun | None, action: str, given: Mapping[str, str]) -> None:
        """`record` is the open one, `action` its path when it was asked for."""
        path = record.path if record else ""
        self.page = Steps(run, given, path, centred=bool(action) or run.state == "failed")
        start = run.started_at or run.created_at
        end = run.ended_at or timezone.now()
        span = max((end - start).total_seconds(), 0.001)
        self.seconds = span
        keep = self.page.keep
        self.steps = [self._step(record, start, span, path, keep) for record in self.page.window.rows]

    def _step(self, record: ActionRun, start: Any, span: float, selected: str, keep: str) -> Step:
        began = ((record.started_at or start) - start).total_seconds()
        ended = ((record.ended_at or timezone.now()) - start).total_seconds() if record.started_at else began
        x = max(0.0, min(began / span, 1.0)) * WATERFALL
        width = max(2.0, min((ended - began) / span * WATERFALL, WATERFALL - x)) if record.started_at else 0
        parts = record.path.split("/")
        iteration = parts[-2][parts[-2].find("[") + 1 : -1] if len(parts) > 1 and "[" in parts[-2] else ""
        state = state_view(record)
        return Step(
            record=record,
            view=type_view(record.type),
            state=state,
            key=element_id(record.path),
            address=f"{keep}action={quote(record.path)}",
            indent=min(len(parts) - 1, 8),
            iteration=str(int(iteration) + 1) if iteration.isdecimal() else "",
            words="Done" if state.name == "succeeded" else state.words if state.name in TELLING else state.word,
            duration=duration_ms(record.milliseconds),
            tokens=thousands((record.usage or {}).get("total_tokens")),
            x=f"{x:.1f}",
            width=f"{width:.1f}",
            selected=record.path == selected,
        )


@dataclass(frozen=True)
class Value:
    """A value as text, table or JSON, whichever reads best."""

    text: str | None = None
    columns: list[str] | None = None
    cells: list[list[Any]] | None = None
    json: Any = None
    empty: bool = False

    @classmethod
    def of(cls, value: Any) -> Value:
        if value is None or value == {}:
            return cls(empty=True)
        if isinstance(value, str):
            return cls(text=value)
        if isinstance(value, int | float | bool):
            return cls(text=str(value).lower() if isinstance(value, bool) else str(value))
        if isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
            columns = list(dict.fromkeys(str(key) for row in value[:200] for key in row))[:20]
            return cls(columns=columns, cells=[[row.get(column, "") for column in columns] for row in value[:200]])
        return cls(json=value)


@dataclass(frozen=True)
class Detail:
    """Everything about one execution of one action."""

    run: Run
    record: ActionRun
    view: TypeView
    state: StateView
    text: str
    inputs: list[tuple[str, Value]]
    output: Value
    variables: list[tuple[str, Value]]

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.record.facts

    @property
    def is_call(self) -> bool:
        return self.record.type in model_call_types()

    @property
    def text_id(self) -> str:
        return f"text-{element_id(self.record.path)}"


def detail_of(run: Run, record: ActionRun | None) -> Detail | None:
    if record is None:
        return None
    output = record.output
    is_response = isinstance(output, dict) and "text" in output and record.type in model_call_types()
    text = output["text"] if is_response else record.text or hub.texts_of(run.pk).get(record.path, "")
    return Detail(
        run=run,
        record=record,
        view=type_view(record.type),
        state=state_view(record),
        text=text,
        inputs=[(name, Value.of(value)) for name, value in record.inputs.items()],
        output=Value() if is_response else Value.of(output),
        variables=[(name, Value.of(value)) for name, value in record.variables.items()],
    )


def selected_record(run: Run, path: str) -> ActionRun | None:
    """The action asked for, else the one that matters most: failed, running, or the last call."""
    if path:
        return run.actions.filter(path=path[:LONGEST_PATH]).first()
    newest = dict(run.actions.order_by().values_list("state").annotate(Max("order")))
    for wanted in ("failed", "running", "waiting"):
        if wanted in newest:
            return run.actions.filter(order=newest[wanted], state=wanted).first()
    begun = run.actions.order_by("-order")
    return begun.filter(type__in=model_call_types()).exclude(state="skipped").first() or begun.first()


@dataclass(frozen=True)
class RunRow:
    run: Run
    state: StateView
    reason: str
    connection: str
    by: str

    @property
    def milliseconds(self) -> float | None:
        return duration_of(self.run)


def duration_of(run: Run) -> float | None:
    if run.started_at is None:
        return None
    return ((run.ended_at or timezone.now()) - run.started_at).total_seconds() * 1000


def run_rows(runs: Iterable[Run]) -> list[RunRow]:
    shown = list(runs)
    names: dict[int, list[str]] = {}
    calls = ActionRun.objects.filter(
        run_id__in=[run.pk for run in shown], order__lte=FIRST_EVENTS, type__in=model_call_types()
    ).exclude(state="skipped")
    found = calls.order_by("run_id", "order").values_list("run_id", KeyTextTransform("connection", "facts"))
    for run_id, name in found:
        if name and name not in names.setdefault(run_id, []):
            names[run_id].append(name)
    return [
        RunRow(run, run_view(run), reason_of(run), ", ".join(names.get(run.pk, [])), started_by(run)) for run in shown
    ]


def reason_of(run: Run) -> str:
    """The second line of a row: why it ended as it did, or does not get on."""
    if run.state == "failed" and run.error:
        return str(run.error.get("message") or "")[:200]
    if run.state == "cancelled" and run.cancelled_by:
        return f"Stopped by {run.cancelled_by}"
    if run.crashes >= SUSPECT and not run.ended:
        return sentence_of(run.crashes, run.crash_path)[:200]
    return ""


def started_by(run: Run) -> str:
    who = name_of(run.started_by)
    return f"{who}, {run.via}" if who else run.via.capitalize()


@dataclass(frozen=True)
class Hour:
    at: Any
    prompt: int
    completion: int
    x: int
    y_in: float
    h_in: float
    y_out: float
    h_out: float


def usage_chart() -> dict[str, Any]:
    """Tokens of runs that were started in this hour or the 23 before it, as rectangles in a field of 720 x 80."""
    since = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    found = tokens_by_hour(since)
    rows = [(since + timedelta(hours=n), *found.get(hour_number(since) + n, (0, 0))) for n in range(24)]
    most = max([given + made for _, given, made in rows] + [1])
    hours = []
    for n, (at, given, made) in enumerate(rows):
        h_in, h_out = round(given / most * 76, 1), round(made / most * 76, 1)
        hours.append(Hour(at, given, made, n * 30 + 2, 80 - h_in, h_in, 80 - h_in - h_out, h_out))
    return {
        "hours": hours,
        "prompt": sum(hour.prompt for hour in hours),
        "completion": sum(hour.completion for hour in hours),
        "total": sum(hour.prompt + hour.completion for hour in hours),
        "most": most,
    }
