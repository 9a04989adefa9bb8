"""One execution of one action, beside the steps of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.utils import timezone

from flows.actions.registry import model_call_types
from flows.engine.live import MISSED, hub
from flows.engine.records import LONGEST_PATH
from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.states import StateView
from flows.models import ActionRun, Room, Run, State
from flows.runs.refused_tries import RefusedView, refused_views, shown_state
from flows.runs.time_axis import elapsed, milliseconds_since_epoch
from flows.runs.values import (
    LONG_ANSWER,
    ValuePlace,
    ValueView,
    code_view,
    element_id,
    text_view,
    value_view,
    value_views,
)

LONGEST_STREAMED = 100_000  # characters of an answer that is not at its end


@dataclass(frozen=True)
class ActionDetail:
    """Everything that is shown of one execution."""

    run: Run
    record: ActionRun
    view: TypeView
    state: StateView
    text: str  # that the model has answered so far; of a long one the beginning, of one that streams the end
    length: int  # characters of all of it
    text_place: ValuePlace | None  # of the whole, where there is more
    inputs: list[tuple[str, ValueView]]
    output: ValueView  # empty for an answer of a model, which is `text`
    variables: list[tuple[str, ValueView]]
    prompt: list[tuple[str, ValueView]]  # messages with their roles
    raw: ValueView
    refusal: ValueView  # what was answered instead, raw
    refused: Sequence[RefusedView]

    @property
    def facts(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.record.facts
        return facts

    @property
    def instead_of(self) -> str:
        """The connection chosen in the flow that a dynamic one went before; empty when there was none."""
        reason = str(self.facts.get("connection_reason") or "")
        return reason.partition(", instead of ")[2] if self.facts.get("connection_variable") else ""

    @property
    def streams(self) -> bool:
        """Whether more of the text is to come."""
        return not self.run.ended and self.record.ended_at is None

    @property
    def since(self) -> int | None:
        """When it began, in milliseconds since the epoch."""
        return milliseconds_since_epoch(self.record.started_at)

    @property
    def until(self) -> int | None:
        """When it goes on."""
        return milliseconds_since_epoch(self.record.waits_until)

    @property
    def elapsed(self) -> str:
        began = self.record.started_at
        return elapsed((timezone.now() - began).total_seconds() * 1_000) if began else ""

    @property
    def is_call(self) -> bool:
        return self.record.type in model_call_types()

    @property
    def opens_in_playground(self) -> bool:
        return self.is_call and self.record.state != State.SKIPPED and self.run.flow.room != Room.PLAYGROUND

    @property
    def starts_again_here(self) -> bool:
        """Whether another run can begin at this action."""
        return self.run.ended and self.record.state != State.SKIPPED and self.run.flow.room == Room.DESIGNER

    @property
    def text_id(self) -> str:
        return text_id(self.record.path)


def detail_of(run: Run, record: ActionRun) -> ActionDetail:
    output, facts, path = record.output, record.facts, record.path
    is_response = isinstance(output, dict) and "text" in output and record.type in model_call_types()
    whole = output["text"] if isinstance(output, dict) and is_response else record.text
    place = ValuePlace(run.pk, "response", path)
    text = text_view(whole, place, LONG_ANSWER) if whole else streamed_view(run.pk, path)
    raw = (record.error or {}).get("raw")
    return ActionDetail(
        run=run,
        record=record,
        view=type_view(record.type),
        state=shown_state(record),
        text=text.text or "",
        length=text.length or len(text.text or ""),
        text_place=text.place,
        inputs=value_views(record.inputs, run.pk, "input", path),
        output=ValueView() if is_response else value_view(output, ValuePlace(run.pk, "output", path)),
        variables=value_views(record.variables, run.pk, "variable", path),
        prompt=[
            (str(message.get("role")), value_view(message.get("content"), ValuePlace(run.pk, "prompt", path, str(at))))
            for at, message in enumerate(facts.get("prompt") or ())
        ],
        raw=code_view(facts["raw"], ValuePlace(run.pk, "raw", path)) if facts.get("raw") else ValueView(empty=True),
        refusal=code_view(raw, ValuePlace(run.pk, "refusal", path)) if raw else ValueView(empty=True),
        refused=refused_views(record),
    )


def streamed_view(run_id: int, path: str) -> ValueView:
    """The end of what an action that is going has streamed, which goes on there; its length is that of all."""
    text = streamed_text(run_id, path)
    if len(text) <= LONGEST_STREAMED:
        return ValueView(text=text)
    return ValueView(text=f"{MISSED}{text[-LONGEST_STREAMED:]}", length=len(text))


def streamed_text(run_id: int, path: str) -> str:
    """What an action that is going has streamed so far."""
    return hub.texts_of(run_id).get(path, "")


def text_id(path: str) -> str:
    """The id of the element that shows the streamed text of an action."""
    return f"text-{element_id(path)}"


def selected_record(run: Run, path: str) -> ActionRun | None:
    """The action at this path; without one that which matters most.

    That is what goes on; of a run that has ended what it failed or was stopped with, else the last call of a model.
    What failed otherwise was caught.
    """
    if path:
        return run.actions.filter(path=path[:LONGEST_PATH]).first()
    return telling_record(run) or latest_record(run)


def telling_record(run: Run) -> ActionRun | None:
    if run.state == State.FAILED and (culprit := (run.error or {}).get("path")):
        return run.actions.filter(path=culprit).first()
    states = {State.FAILED: [State.FAILED], State.CANCELLED: [State.CANCELLED], State.SUCCEEDED: []}
    newest = dict(run.actions.order_by().values_list("state").annotate(Max("order")))
    for state in states.get(State(run.state), [State.RUNNING, State.WAITING]):
        if state in newest:
            return run.actions.filter(order=newest[state], state=state).first()
    return None


def latest_record(run: Run) -> ActionRun | None:
    latest = run.actions.order_by("-order")
    return latest.filter(type__in=model_call_types()).exclude(state=State.SKIPPED).first() or latest.first()
