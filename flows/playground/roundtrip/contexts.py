"""What the page Use in flow shows: where the session goes, and what comes of it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

from flows.actions.chat_completion.action import ChatCompletion
from flows.language.document import Document, DocumentError
from flows.language.nodes import Located
from flows.models import Flow
from flows.playground.models import Session
from flows.playground.roundtrip.review import NewFlowPreview, Review, title_of
from flows.playground.roundtrip.session_source import DRAFT, SessionSource
from flows.playground.setup import LETTERS, Setup
from foundryflow.http import whole_number

MOST_FLOWS = 500


@dataclass(frozen=True)
class TargetAction:
    """Where the session goes: an action of a flow, or a new flow when there is none."""

    flow: Flow | None = None
    document: Document | None = None
    located: Located | None = None

    @property
    def calls(self) -> list[tuple[str, str]]:
        """The chat completions to choose from."""
        return [(each.action.id, title_of(each)) for each in calls_in(self.document)] if self.document else []


def target_action(session: Session, flow: Flow | None, action_id: str) -> TargetAction:
    """The action that is asked for, else the one the session came from, else the first. Raises DocumentError."""
    if flow is None:
        return TargetAction()
    document = flow.current.parsed()
    calls = {each.action.id: each for each in calls_in(document)}
    candidates = (action_id, session.from_action if session.from_flow_id == flow.pk else "", next(iter(calls), ""))
    return TargetAction(flow, document, next((calls[id] for id in candidates if id in calls), None))


def calls_in(document: Document) -> list[Located]:
    return [located for located in document.walk() if located.action.type == ChatCompletion.type]


@dataclass(frozen=True)
class UsePage:
    """The whole page."""

    session: Session
    source: SessionSource
    place: TargetAction
    problems: list[str] = field(default_factory=list)

    @property
    def flows(self) -> list[tuple[str, str]]:
        found = list(
            Flow.objects.in_designer().exclude(head=None).order_by("name").values_list("slug", "name")[:MOST_FLOWS]
        )
        chosen = self.place.flow
        return found if chosen is None or (chosen.slug, chosen.name) in found else [(chosen.slug, chosen.name), *found]

    @property
    def columns(self) -> list[tuple[int, str]]:
        return [(number, f"{LETTERS[number]} · {setup_name(setup)}") for number, setup in self.source.columns]

    @property
    def source_label(self) -> str:
        """What is taken from the session, in sentences."""
        source = self.source
        taken = "Prompt of the draft" if source.prompt_from == DRAFT else "Prompt of the newest turn"
        if len(self.columns) > 1:
            winner = ", the winner" if source.is_winner else ""
            taken = f"{taken}, settings of column {LETTERS[source.column]}{winner}"
        sentences = [f"{taken}."]
        if source.session.head_id:
            sentences.append("Earlier turns stay in the session; examples are what goes with it.")
        if source.changed_since:
            sentences.append("The settings were changed after its answer; they are taken as they are now.")
        return " ".join(sentences)

    @property
    def prompt_missing(self) -> bool:
        return not self.source.prompt.strip()

    @cached_property
    def review(self) -> Review | None:
        flow, document, located = self.place.flow, self.place.document, self.place.located
        if flow is None or document is None or located is None or self.prompt_missing:
            return None
        return Review(flow, flow.current, located, document, self.source)

    @cached_property
    def preview(self) -> NewFlowPreview | None:
        return None if self.place.flow or self.prompt_missing else NewFlowPreview(self.source)

    @property
    def query(self) -> str:
        """The choices as the address of the page has them."""
        place = self.place
        action = {"action": place.located.action.id} if place.located else {}
        flow = place.flow.slug if place.flow else ""
        return urlencode({"flow": flow, **action, "column": self.source.column, "prompt": self.source.prompt_from})


def setup_name(setup: Setup) -> str:
    return " / ".join(filter(None, (setup.connection, setup.model))) or "nothing set"


def use_page(session: Session, flow: Flow | None, choices: Mapping[str, str]) -> UsePage:
    """`choices` are those of the address; `flow` is None for a new one."""
    source = SessionSource(session, whole_number(choices.get("column")), choices.get("prompt", ""))
    try:
        return UsePage(session, source, target_action(session, flow, choices.get("action", "")))
    except DocumentError:
        return UsePage(session, source, TargetAction(flow), ["This flow cannot be read. Open it in the designer."])
