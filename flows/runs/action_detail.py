"""One execution of one action, beside the steps of its run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Max
from django.utils import timezone

from flows.actions.chat_completion.action import ChatCompletion
from flows.actions.registry import model_call_types, properties_of_type
from flows.engine.live import MISSED, hub
from flows.engine.records import LONGEST_PATH
from flows.flowchart.card_runs import token_words
from flows.flowchart.chart import is_loop, type_view
from flows.models import ActionRun, Room, Run, State
from flows.runs.refused_tries import RefusedView, refused_views, shown_state
from flows.runs.sent_request import SentRequest, sent_request
from flows.runs.time_axis import elapsed_words, milliseconds_since_epoch
from flows.runs.value_place import ValuePlace
from flows.runs.values import LONG_ANSWER, ValueView, code_view, text_view, value_view, value_views, variable_of
from foundryflow.regions import element_id

LONGEST_STREAMED = 100_000  # characters of an answer that is not at its end
TOLD_BESIDE = {"reasoning": "Thoughts", "logprobs": "Log probabilities"}  # parts of a response
CALL_TABS = {"input": "Input", "prompt": "Prompt", "response": "Response", "request": "Request"}
OTHER_TABS = {"input": "Input", "output": "Output"}


class ActionDetail:
    """What is shown of one execution. Each tab is read when it is opened."""

    def __init__(self, run: Run, record: ActionRun, tab: str = "") -> None:
        """`tab` is that of the address; one that there is not becomes the usual one."""
        self.run, self.record = run, record
        self.view, self.state = type_view(record.type), shown_state(record)
        self.tab = tab if tab in self.tabs else self._usual_tab

    @property
    def facts(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.record.facts
        return facts

    @property
    def is_call(self) -> bool:
        return self.record.type in model_call_types()

    # Tabs

    @cached_property
    def tabs(self) -> Mapping[str, str]:
        """Names and words."""
        if self.is_call:
            has_raw = bool(self.facts.get("raw") or self._refusal)
            return {**CALL_TABS, **({"raw": "Raw"} if has_raw else {})}
        return {**OTHER_TABS, **({"raw": "Raw"} if self._refusal else {})}

    @property
    def _usual_tab(self) -> str:
        if self.is_call:
            return "response"
        record = self.record
        return "input" if record.inputs and record.output is None and not record.variables else "output"

    @property
    def _refusal(self) -> Any:
        """What was answered instead, raw."""
        return (self.record.error or {}).get("raw")

    @property
    def copy_place(self) -> ValuePlace | None:
        """What "Copy" takes of the tab that is open; None where there is nothing."""
        match self.tab:
            case "input":
                return self._place("inputs") if self.record.inputs else None
            case "prompt":
                return self._place("prompts") if self.facts.get("prompt") else None
            case "response" if self.has_text:
                return self._place("response") if self.text else None
            case "request":
                return self._place("request") if self.sent else None
            case "raw":
                return self._place("refusal" if self._refusal else "raw")
        return self._place("output") if self.record.output is not None else None

    def _place(self, of: str, name: str = "") -> ValuePlace:
        return ValuePlace(self.run.pk, of, self.record.path, name)

    @cached_property
    def inputs(self) -> list[tuple[str, ValueView]]:
        return value_views(self.record.inputs, self.run.pk, "input", self.record.path)

    @property
    def labelled_inputs(self) -> list[tuple[str, str, ValueView]]:
        """The same with the label of each, as the property panel has it."""
        known = properties_of_type(self.record.type)
        return [(known[name].label if name in known else name, name, view) for name, view in self.inputs]

    @cached_property
    def output(self) -> ValueView:
        return value_view(self.record.output, self._place("output"), variable_of(self.record.inputs))

    @cached_property
    def variables(self) -> list[tuple[str, ValueView]]:
        return value_views(self.record.variables, self.run.pk, "variable", self.record.path)

    @cached_property
    def prompt(self) -> list[tuple[str, ValueView]]:
        """Messages with their roles."""
        messages = self.facts.get("prompt") or ()
        return [
            (str(message.get("role")), value_view(message.get("content"), self._place("prompt", str(at))))
            for at, message in enumerate(messages)
        ]

    @cached_property
    def raw(self) -> ValueView:
        if refusal := self._refusal:
            return code_view(refusal, self._place("refusal"))
        return code_view(str(self.facts.get("raw") or ""), self._place("raw"))

    @cached_property
    def sent(self) -> SentRequest | None:
        return sent_request(self.record)

    @cached_property
    def body(self) -> ValueView:
        """Of the request."""
        return value_view(dict(self.sent.body) if self.sent else None, self._place("request"), "body")

    # The answer of a model

    @cached_property
    def _text_view(self) -> ValueView:
        """So far; of a long one the beginning, of one that streams the end."""
        output = self.record.output
        whole = output.get("text") if self.is_call and isinstance(output, dict) else None
        whole = self.record.text if whole is None else whole
        return text_view(whole, self._place("response"), LONG_ANSWER) if whole else self._streamed_view

    @property
    def _streamed_view(self) -> ValueView:
        """The end of what goes on; its length is that of all."""
        text = streamed_text(self.run.pk, self.record.path)
        if len(text) <= LONGEST_STREAMED:
            return ValueView(text=text)
        return ValueView(text=f"{MISSED}{text[-LONGEST_STREAMED:]}", length=len(text))

    @property
    def text(self) -> str:
        return self._text_view.text or ""

    @property
    def length(self) -> int:
        """Characters of all of it."""
        return self._text_view.length or len(self.text)

    @property
    def text_place(self) -> ValuePlace | None:
        """Of the whole, where there is more."""
        return self._text_view.place

    @property
    def text_id(self) -> str:
        return text_id(self.record.path)

    @property
    def tokens_id(self) -> str:
        """Of the element that says how many it has streamed."""
        return f"tokens-{element_id(self.record.path)}"

    @property
    def streamed_tokens(self) -> str:
        return token_words(self.length)

    @property
    def has_text(self) -> bool:
        """Whether its output is an answer in words, which stands there as `text`."""
        return self.is_call and (self.record.output is None or "text" in self.record.output)

    @cached_property
    def told_beside(self) -> list[tuple[str, ValueView]]:
        """What the model told beside its text, where that was asked for."""
        output = self.record.output if self.has_text and isinstance(self.record.output, dict) else {}
        variable = variable_of(self.record.inputs)
        return [
            (title, value_view(output[name], self._place("part", name), f"{variable}.{name}" if variable else ""))
            for name, title in TOLD_BESIDE.items()
            if output.get(name)
        ]

    # What is said above the tabs

    @cached_property
    def refused_tries(self) -> Sequence[RefusedView]:
        return refused_views(self.record)

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
        return milliseconds_since_epoch(self.record.started_at)

    @property
    def until(self) -> int | None:
        return milliseconds_since_epoch(self.record.waits_until)

    @property
    def elapsed_words(self) -> str:
        started = self.record.started_at
        return elapsed_words((timezone.now() - started).total_seconds() * 1_000) if started else ""

    @property
    def opens_in_playground(self) -> bool:
        is_prompt = self.record.type == ChatCompletion.type
        return is_prompt and self.record.state != State.SKIPPED and self.run.flow.room != Room.PLAYGROUND

    @property
    def iterations(self) -> str:
        """Address of those of a loop; empty for what is none."""
        query = urlencode({"tab": "iterations", "loop": self.record.path})
        return f"?{query}" if is_loop(self.record.type) and self.record.state != State.SKIPPED else ""

    @property
    def starts_again_here(self) -> bool:
        """Whether another run can begin at this action."""
        return self.run.ended and self.record.state != State.SKIPPED and self.run.flow.is_in_designer


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
