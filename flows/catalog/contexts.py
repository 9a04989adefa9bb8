"""What the list of flows and the empty state show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from connections.models import Connection
from flows.flowchart.states import StateView, run_view
from flows.models import Flow, Revision, Room, Run, State
from flows.models.connection_users import actions_of
from flows.models.run_counts import newest_runs, runs_by_day, runs_in_all
from foundryflow.names import name_of
from foundryflow.templatetags.ui import duration_ms, moment

DAYS = 14


@dataclass(frozen=True)
class FirstSteps:
    """The three steps of an empty installation: a connection, a prompt, a flow."""

    connection: Connection | None
    has_asked: bool  # in the playground

    @property
    def connection_words(self) -> str:
        connection = self.connection
        if connection is None:
            return "A name, an endpoint and a key. Paste what the portal shows."
        if connection.check_ok and connection.check_ms is not None:
            return f"{connection.name} answered in {duration_ms(connection.check_ms)}."
        return f"{connection.name} is stored. Test it on its page."

    @property
    def model(self) -> str:
        return (self.connection.default_model if self.connection else "") or "a model"


def first_steps() -> FirstSteps:
    connection = Connection.objects.foundry().order_by("-check_ok", "-pk").first()
    asked = Flow.objects.filter(room=Room.PLAYGROUND, runs__state=State.SUCCEEDED)
    return FirstSteps(connection, asked.exists())


@dataclass(frozen=True)
class Bar:
    """One day of runs, as a rectangle in a chart of 20 units height."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class FlowRow:
    flow: Flow
    revision: Revision
    description: str
    actions: int
    runs: int
    last_run: Run | None
    state: StateView | None
    bars: list[Bar]
    bars_words: str

    @property
    def state_words(self) -> str:
        """How the last run ended: "Failed: key refused"."""
        words = self.state.words if self.state else ""
        return f"Failed: {words.rpartition(' · ')[2]}" if " · " in words else words

    @property
    def last_words(self) -> str:
        """When the last run was started, and how long it took: "13:58 · 0.60 s"."""
        run = self.last_run
        if run is None:
            return ""
        return " · ".join(words for words in (moment(run.created_at), duration_ms(run.milliseconds)) if words)

    @property
    def changed_words(self) -> str:
        """ "14:02 by Ada"."""
        by = name_of(self.revision.created_by)
        return f"{moment(self.flow.changed_at)} by {by}" if by else moment(self.flow.changed_at)


def flow_rows(flows: Iterable[Flow]) -> list[FlowRow]:
    """Rows of the list in a few queries, however many flows and runs."""
    shown = list(flows)
    ids = [flow.pk for flow in shown]
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    daily = runs_by_day(ids, [today - timedelta(days=day) for day in range(DAYS)])
    total, last = runs_in_all(ids), newest_runs(ids)
    return [flow_row(flow, total[flow.pk], last.get(flow.pk), daily[flow.pk]) for flow in shown]


def flow_row(flow: Flow, runs: int, last: Run | None, days: Counter[int]) -> FlowRow:
    document = flow.current.unchecked_document.json
    most = max(days.values(), default=1)
    heights = [(DAYS - 1 - day, max(2, round(20 * count / most))) for day, count in days.items() if day < DAYS]
    return FlowRow(
        flow=flow,
        revision=flow.current,
        description=str(document.get("description") or "")[:200],
        actions=sum(1 for _ in actions_of(document)),
        runs=runs,
        last_run=last,
        state=run_view(last) if last else None,
        bars=[Bar(x * 7, 20 - height, height) for x, height in heights],
        bars_words=f"{days.total():,} runs in {DAYS} days, {days[0]:,} today",
    )
