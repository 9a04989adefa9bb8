"""What the pages of runs show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone

from flows import engine
from flows.designer.flowchart import TypeView, type_view
from flows.engine.live import hub
from flows.models import ActionRun, Run, State
from flows.runs.states import StateView, run_view, state_view
from foundryflow.people import name_of

WATERFALL = 300  # px
MOST_ROWS = 400  # rows of one page of the outline


@dataclass(frozen=True)
class Step:
    """One row of the outline."""

    record: ActionRun
    view: TypeView
    state: StateView
    depth: int
    iteration: str
    x: float
    width: float
    selected: bool

    @property
    def key(self) -> str:
        """An id for the row that is safe in HTML and stable."""
        return element_id(self.record.path)

    @property
    def indent(self) -> int:
        return min(self.depth, 8)


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
    """The steps of a run, in the order they began, on one time axis."""

    def __init__(self, run: Run, records: Iterable[ActionRun], selected: str) -> None:
        shown = list(records)
        self.total = len(shown)
        start = run.started_at or run.created_at
        end = run.ended_at or timezone.now()
        span = max((end - start).total_seconds(), 0.001)
        self.seconds = span
        self.steps = [self._step(record, start, span, selected) for record in shown[:MOST_ROWS]]
        self.hidden = max(0, self.total - MOST_ROWS)

    def _step(self, record: ActionRun, start: Any, span: float, selected: str) -> Step:
        began = ((record.started_at or start) - start).total_seconds()
        ended = ((record.ended_at or timezone.now()) - start).total_seconds() if record.started_at else began
        x = max(0.0, min(began / span, 1.0)) * WATERFALL
        parts = record.path.split("/")
        iteration = parts[-2][parts[-2].find("[") + 1 : -1] if len(parts) > 1 and "[" in parts[-2] else ""
        return Step(
            record=record,
            view=type_view(record.type),
            state=state_view(record),
            depth=len(parts) - 1,
            iteration=str(int(iteration) + 1) if iteration.isdigit() else "",
            x=round(x, 1),
            width=round(max(2.0, min((ended - began) / span * WATERFALL, WATERFALL - x)), 1)
            if record.started_at
            else 0,
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
        return self.record.type == "chat_completion"

    @property
    def text_id(self) -> str:
        return f"text-{element_id(self.record.path)}"


def detail_of(run: Run, record: ActionRun | None) -> Detail | None:
    if record is None:
        return None
    output = record.output
    is_response = isinstance(output, dict) and "text" in output and record.type == "chat_completion"
    text = output["text"] if is_response else record.text or hub.text(run.pk).get(record.path, "")
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
    records = list(run.actions.all()) if not path else list(run.actions.filter(path=path))
    if path:
        return records[0] if records else None
    for wanted in ("failed", "running", "waiting"):
        found = [record for record in records if record.state == wanted]
        if found:
            return found[-1]
    calls = [record for record in records if record.type == "chat_completion" and record.state != "skipped"]
    return calls[-1] if calls else records[-1] if records else None


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
    calls = ActionRun.objects.filter(run_id__in=[run.pk for run in shown], type="chat_completion").exclude(
        state="skipped"
    )
    for run_id, facts in calls.values_list("run_id", "facts"):
        name = facts.get("connection")
        if name and name not in names.setdefault(run_id, []):
            names[run_id].append(name)
    return [
        RunRow(run, run_view(run), reason_of(run), ", ".join(names.get(run.pk, [])), started_by(run)) for run in shown
    ]


def reason_of(run: Run) -> str:
    """The second line of a row: why it ended as it did."""
    if run.state == "failed" and run.error:
        return str(run.error.get("message") or "")[:200]
    if run.state == "cancelled" and run.cancelled_by:
        return f"Stopped by {run.cancelled_by}"
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
    """Tokens of the last 24 hours by the hour, as rectangles in a field of 720 x 80."""
    since = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
    found = {
        row["hour"]: row
        for row in Run.objects.filter(created_at__gte=since)
        .annotate(hour=TruncHour("created_at"))
        .values("hour")
        .annotate(prompt=Sum("prompt_tokens"), completion=Sum("completion_tokens"))
    }
    rows = [(since + timedelta(hours=n), found.get(since + timedelta(hours=n), {})) for n in range(24)]
    most = max([row.get("prompt", 0) + row.get("completion", 0) for _, row in rows] + [1])
    hours = []
    for n, (at, row) in enumerate(rows):
        given, made = row.get("prompt") or 0, row.get("completion") or 0
        h_in, h_out = round(given / most * 76, 1), round(made / most * 76, 1)
        hours.append(Hour(at, given, made, n * 30 + 2, 80 - h_in, h_in, 80 - h_in - h_out, h_out))
    return {
        "hours": hours,
        "prompt": sum(hour.prompt for hour in hours),
        "completion": sum(hour.completion for hour in hours),
        "total": sum(hour.prompt + hour.completion for hour in hours),
        "most": most,
    }


PERIODS = {"1": "Last hour", "24": "Last 24 hours", "168": "Last 7 days"}
STATES = ("queued", "running", "waiting", "succeeded", "failed", "cancelled")


def filtered(runs: Any, given: Mapping[str, str]) -> Any:
    """Runs that the filters of the URL let through; what is not understood is ignored."""
    if given.get("flow"):
        runs = runs.filter(flow__slug=given["flow"])
    if given.get("state") in STATES:
        runs = runs.filter(state=given["state"])
    elif given.get("state") == "open":
        runs = runs.exclude(state="succeeded")
    if given.get("by"):
        runs = runs.filter(started_by__username=given["by"])
    if given.get("via"):
        runs = runs.filter(via=given["via"])
    if given.get("period") in PERIODS:
        runs = runs.filter(created_at__gte=timezone.now() - timedelta(hours=int(given["period"])))
    if words := given.get("q", "").strip()[:100]:
        runs = runs.filter(
            Q(flow__name__icontains=words) | (Q(pk=int(words)) if words.isdecimal() and len(words) < 15 else Q())
        )
    return runs
