"""One execution of one action, beside the steps of its run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max

from flows.actions.registry import model_call_types
from flows.engine.live import hub
from flows.engine.records import LONGEST_PATH
from flows.flowchart.chart import TypeView, type_view
from flows.flowchart.states import StateView, state_view
from flows.models import ActionRun, Room, Run, State
from flows.runs.values import ValueView, value_view, value_views


@dataclass(frozen=True)
class ActionDetail:
    """Everything that is shown of one execution."""

    run: Run
    record: ActionRun
    view: TypeView
    state: StateView
    text: str  # that the model has answered so far
    inputs: list[tuple[str, ValueView]]
    output: ValueView  # empty for an answer of a model, which is `text`
    variables: list[tuple[str, ValueView]]

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
    output = record.output
    is_response = isinstance(output, dict) and "text" in output and record.type in model_call_types()
    text = output["text"] if isinstance(output, dict) and is_response else ""
    return ActionDetail(
        run=run,
        record=record,
        view=type_view(record.type),
        state=state_view(record),
        text=text if is_response else record.text or streamed_text(run.pk, record.path),
        inputs=value_views(record.inputs),
        output=ValueView() if is_response else value_view(output),
        variables=value_views(record.variables),
    )


def streamed_text(run_id: int, path: str) -> str:
    """What an action that is going has streamed so far."""
    return hub.texts_of(run_id).get(path, "")


def text_id(path: str) -> str:
    """The id of the element that shows the streamed text of an action."""
    return f"text-{element_id(path)}"


def element_id(path: str) -> str:
    """A path as a part of ids in HTML: safe, and stable."""
    return "".join(sign if sign.isalnum() or sign in "-_" else f"_{ord(sign):x}_" for sign in path)


def selected_record(run: Run, path: str) -> ActionRun | None:
    """The action at this path; without one that which matters most: failed, running, or the last call of a model."""
    if path:
        return run.actions.filter(path=path[:LONGEST_PATH]).first()
    newest = dict(run.actions.order_by().values_list("state").annotate(Max("order")))
    for state in ("failed", "running", "waiting"):
        if state in newest:
            return run.actions.filter(order=newest[state], state=state).first()
    latest = run.actions.order_by("-order")
    return latest.filter(type__in=model_call_types()).exclude(state="skipped").first() or latest.first()
