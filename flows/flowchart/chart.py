"""The flowchart: the document as nested lanes of cards, and what a run did with each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.safestring import SafeString, mark_safe

from flows.actions import registry
from flows.actions.base import ActionType, Group
from flows.flowchart.card_runs import CardRun, card_runs
from flows.flowchart.run_states import RunStates
from flows.language.document import Document
from flows.language.nodes import Action, Branch
from flows.lint import linter
from flows.models import Run
from flows.properties.base import EMPTY, Property
from foundryflow.templatetags.ui import icon

GROUPS = {
    Group.AZURE: "Azure AI",
    Group.BUILTIN: "Built-in",
    Group.CONTROL: "Control",
    Group.OUTPUT: "Output",
}

START = "start"
DEEPEST_DRAWN = 3  # containers below this are cards with "Open"
LONGEST_UNCUT = 20  # characters of a value that even a narrow card shows whole


@dataclass(frozen=True, slots=True)
class TypeView:
    """How an action type looks: in the toolbox, on a card, in the head of the panel."""

    type: str
    title: str
    purpose: str
    group: str
    group_title: str
    icon: SafeString
    streams: bool = False  # it says text while it goes


@dataclass(frozen=True, slots=True)
class Port:
    label: str
    brief: str = ""
    state: str = "unset"  # set, unset, error
    secret: bool = False

    @property
    def may_be_cut(self) -> bool:
        return len(self.brief) > LONGEST_UNCUT

    @property
    def spoken(self) -> str:
        return {"set": "set", "unset": "not set", "error": "error"}[self.state]


@dataclass(frozen=True, slots=True)
class InsertPlace:
    """Where an action can be inserted. `owner` and `branch` are empty at the top level."""

    owner: str
    branch: str
    at: int

    @property
    def key(self) -> str:
        return f"{self.owner}-{self.branch}-{self.at}"


@dataclass(slots=True)
class Lane:
    id: str
    label: str
    condition: str
    cards: list[Card]
    first: InsertPlace
    skipped: bool = False
    taken: bool = False

    @property
    def css(self) -> str:
        """Its classes."""
        return f"lane{' is-skipped' if self.skipped else ' is-taken' if self.taken else ''}"


@dataclass(frozen=True, slots=True)
class ChartLook:
    """What all cards of a chart have in common."""

    readonly: bool
    is_of_run: bool
    keep: str  # at the end of an address: which run is shown
    keep_run: str  # and of it which iterations


@dataclass(frozen=True, slots=True)
class Card:
    id: str
    title: str
    view: TypeView
    ports: tuple[Port, ...]
    output: str
    step: int
    total: int  # steps of the flow
    words: str  # what it is, where it stands and what is wrong with it, read out
    disabled: bool
    selected: bool
    problems: int
    after: InsertPlace  # where "+" below this card inserts
    lanes: list[Lane] | None = None
    folded: bool = False  # a container too deep to draw
    deep: tuple[Card, ...] = ()  # those in it that are not drawn
    run: CardRun | None = None
    note: str = ""
    pin: PinView | None = None

    @property
    def name(self) -> str:
        """Its accessible name: place and state."""
        run = f", {self.run.words}" if self.run else ""
        return f"Step {self.step} of {self.total}, {self.words}{run}"

    @property
    def is_still(self) -> bool:
        """Whether nothing of it changes by itself, so that what was rendered of it can be shown again."""
        return self.run is None and self.lanes is None

    @property
    def only_port(self) -> Port | None:
        """The one input of a container, which fits into its head."""
        is_short = self.lanes is not None and len(self.ports) == 1 and self.ports[0].brief
        return self.ports[0] if is_short else None

    @property
    def subtitle(self) -> str:
        """Its type; the group where the title already says the type."""
        return self.view.title if self.title != self.view.title else self.view.group_title

    @property
    def lanes_css(self) -> str:
        """Classes of the lanes of a container: how many stand side by side, and whether a way leads through them."""
        way = " is-taken" if any(lane.taken for lane in self.lanes or ()) else ""
        return f"lanes lanes-{len(self.lanes or ())}{way}"

    @property
    def css(self) -> str:
        """Its classes."""
        kind = "card" if self.lanes is None else "container"
        marks = {"is-selected": self.selected, "is-disabled": self.disabled, "has-error": self.problems}
        return " ".join([kind, *(name for name, holds in marks.items() if holds)])

    @property
    def head_css(self) -> str:
        """Classes of its head, which is sent by itself when a run has got on."""
        return f"card-head run-{self.run.state.name}" if self.run else "card-head"


@dataclass(frozen=True, slots=True)
class PinView:
    """The pinned output of an action, as its card says it."""

    run: int
    count: int  # outcomes: more than one in a loop
    is_old: bool  # something above was edited since


@cache
def type_view(type: str) -> TypeView:
    known = registry.find_type(type)
    if known is None:
        return TypeView(
            type, type, "This action type is not installed here.", "control", "Unknown", icon("circle-help", 14)
        )
    return TypeView(
        type,
        known.title,
        known.purpose,
        known.group.value,
        GROUPS.get(known.group, ""),
        icon_of(known),
        known.calls_model,
    )


def icon_of(known: ActionType) -> SafeString:
    folder = Path(registry.folder(known.type))
    return mark_safe((folder / "icon.svg").read_text())  # noqa: S308 - a file of ours


class Flowchart:
    """The document as nested lanes of cards; with `runs`, what a run did with each."""

    def __init__(
        self,
        document: Document,
        *,
        selected: str = "",
        problems: Sequence[linter.Problem] = (),
        runs: Mapping[str, CardRun] | None = None,
        pins: Mapping[str, PinView] | None = None,
        root: str = "",
    ) -> None:
        self.document, self.selected, self.runs, self.pins = document, selected, runs or {}, pins or {}
        self.is_of_run = self.readonly = False  # of the page of a run; nothing can be edited
        self.keep = self.keep_run = ""  # at the end of an address: which run is shown, and of it which iterations
        self._errors = Counter(problem.action_id for problem in problems if problem.severity == "error")
        self._property_errors = {(p.action_id, p.property) for p in problems if p.severity == "error"}
        self._total = document.count + 1
        self._step = 1
        self.start_selected = selected == START
        self.note = document.note
        self.inputs = [Port(i.name, i.type, "set", i.type == "secret") for i in document.inputs]
        opened = document.find(root) if root else None
        self.opened = opened
        branches = opened.branches if opened else ()
        self.first = InsertPlace("", "", 0)
        self.cards = self._block(document.actions, "", "", 0) if opened is None else []
        self.lanes = [self._lane(opened, branch, 1, ()) for branch in branches] if opened else []

    @property
    def look(self) -> ChartLook:
        return ChartLook(self.readonly, self.is_of_run, self.keep, self.keep_run)

    @property
    def crumbs(self) -> str:
        return f"Step 1 of {self._total}, Start, Trigger"

    @property
    def css(self) -> str:
        """Its classes."""
        return f"flowchart{' is-readonly' if self.readonly else ''}{' is-run' if self.runs else ''}"

    def card(self, action_id: str) -> Card | None:
        """One card as the chart shows it."""
        return next((card for card in all_cards(self.cards, self.lanes) if card.id == action_id), None)

    def _block(
        self, actions: Sequence[Action], owner: str, branch: str, depth: int, inside: Sequence[str] = ()
    ) -> list[Card]:
        return [
            self._card(action, InsertPlace(owner, branch, at + 1), depth, inside) for at, action in enumerate(actions)
        ]

    def _card(self, action: Action, after: InsertPlace, depth: int, inside: Sequence[str]) -> Card:
        self._step += 1
        view = type_view(action.type)
        title = action.title or view.title
        problems = self._errors[action.id]
        run = self.runs.get(action.id)
        step, lanes, deep = self._step, self._lanes(action, run, depth, (*inside, title)), tuple[Card, ...]()
        is_folded = lanes is not None and depth >= DEEPEST_DRAWN
        if is_folded:
            lanes, deep = [], tuple(all_cards([], lanes or []))
            self._step = step + len(deep)
        return Card(
            id=action.id,
            title=title,
            view=view,
            ports=ports(action, self._property_errors) if problems else action.find_once(ports),
            output=action.find_once(output_of),
            step=step,
            total=self._total,
            words=words_of(action, title, inside, problems),
            disabled=action.disabled,
            selected=action.id == self.selected,
            problems=problems,
            after=after,
            run=run,
            note=action.note,
            pin=self.pins.get(action.id),
            lanes=lanes,
            folded=is_folded,
            deep=deep,
        )

    def _lanes(self, action: Action, run: CardRun | None, depth: int, inside: Sequence[str]) -> list[Lane] | None:
        """Of a container."""
        if not action.branches and not is_container(action.type):
            return None
        lanes = [self._lane(action, branch, depth + 1, inside) for branch in action.branches]
        if run and (run.ended or run.decision) and has_conditions(action.type):
            mark_empty_lanes(lanes)
        return lanes

    def _lane(self, owner: Action, branch: Branch, depth: int, inside: Sequence[str]) -> Lane:
        cards = self._block(branch.actions, owner.id, branch.id, depth, inside)
        body = is_loop(owner.type)
        label = "" if body else branch.title or ("If" if branch.condition else "Otherwise")
        done = [card.run for card in cards if card.run]
        return Lane(
            id=branch.id,
            label=label,
            condition=branch.condition or "",
            cards=cards,
            first=InsertPlace(owner.id, branch.id, 0),
            skipped=bool(done) and all(run.state.name == "skipped" for run in done),
            taken=any(run.is_begun for run in done),
        )


def words_of(action: Action, title: str, inside: Sequence[str], problems: int) -> str:
    """`inside` has the titles of the containers around it."""
    type_title = type_view(action.type).title
    parts = [title, *([type_title] if type_title != title else []), *(f"in {around}" for around in inside[-1:])]
    if problems:
        parts.append("1 error" if problems == 1 else f"{problems} errors")
    return ", ".join([*parts, *(["disabled"] if action.disabled else [])])


def mark_empty_lanes(lanes: Sequence[Lane]) -> None:
    """A lane without cards leaves no record: it was taken when no other can have been, else it was left out."""
    other_was_taken = any(lane.taken for lane in lanes)
    possible = [lane for lane in lanes if not lane.skipped]
    for lane in possible:
        if not lane.cards:
            lane.skipped, lane.taken = other_was_taken, possible == [lane]


def all_cards(cards: Sequence[Card], lanes: Sequence[Lane]) -> Iterator[Card]:
    for card in [*cards, *(card for lane in lanes for card in lane.cards)]:
        yield card
        for lane in card.lanes or []:
            yield from all_cards(lane.cards, [])


def is_container(type: str) -> bool:
    known = registry.find_type(type)
    return known is not None and known.branches != "none"


def has_conditions(type: str) -> bool:
    """Whether its branches are titled and chosen by condition."""
    known = registry.find_type(type)
    return known is not None and known.branches == "conditions"


def is_loop(type: str) -> bool:
    return type in registry.loop_types()


def ports(action: Action, errors: Collection[tuple[str | None, str | None]] = ()) -> tuple[Port, ...]:
    """The inputs of a card: label, a short value, and whether it is set."""
    made: list[Port] = []
    for name, property in registry.properties_of_type(action.type).items():
        if not property.on_card:
            continue
        rows = property.card_rows(action.properties.get(name))
        if rows is None:
            made.append(port(action, name, property, has_error=(action.id, name) in errors))
        else:
            made += [Port(label, brief, "set", is_secret) for label, brief, is_secret in rows]
    return tuple(made)


def port(action: Action, name: str, property: Property, *, has_error: bool) -> Port:
    label, value = property.card_label or property.label, action.properties.get(name)
    if property.is_overridden_in(action.properties):
        value = action.properties[property.overridden_by]
    if has_error:
        return Port(f"{label} {'missing' if value in EMPTY else 'wrong'}", "", "error")
    return Port(label) if value in EMPTY else Port(label, property.brief(value), "set", property.is_secret)


def output_of(action: Action) -> str:
    """The name of the result variable; empty when there is none."""
    for name, property in registry.properties_of_type(action.type).items():
        if property.is_result:
            return str(action.properties.get(name) or property.default or "")
    return ""


def flowchart_of_run(run: Run, place: str = "") -> dict[str, Any]:
    """The flowchart of what a run executed, with the state of every action, read-only.

    `place` is the iteration to show of a loop.
    """
    document = run.revision.parsed()
    chart = Flowchart(document, runs=card_runs(RunStates(run, document, [place])))
    chart.is_of_run = chart.readonly = True
    return {"chart": chart, "run": run}
