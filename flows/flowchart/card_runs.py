"""What a run did with each action, as the cards of the flowchart say it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import TextField
from django.db.models.functions import Cast, Length

from connections.foundry.estimates import estimated_tokens
from flows.actions import registry
from flows.engine.live import hub
from flows.flowchart.run_states import RunStates
from flows.flowchart.states import StateView, state_view, state_view_of
from flows.models import ActionRun, Run, State
from flows.models.iteration import place_of_iteration, split_place
from foundryflow.regions import element_id
from foundryflow.templatetags.ui import ESTIMATED

LONGEST_TEXT = 600  # characters of what an action has said; the card shows the last lines
MOST_OTHERS = 2  # iterations whose wait stands on the card
MOST_CHIPS = 9  # iterations of a loop that stand above its cards
MOST_SMALL = 2_000  # records of a loop whose iterations are counted by its records
LARGEST = 200_000  # characters of what a loop goes over that is read to count it
COUNT = re.compile(r"\d+ of \d+")
DECIDED = ("running", "waiting", "succeeded")  # states beside which a decision is of interest
NOT_BEGUN = ("queued", "skipped")


@dataclass(frozen=True, slots=True)
class IterationChip:
    """One iteration of a loop, to be chosen."""

    place: str
    number: int  # counted from 1
    state: StateView
    is_shown: bool
    until: int | None = None  # it waits until then, in milliseconds since the epoch


@dataclass(frozen=True, slots=True)
class OtherWait:
    """The same action waits in another iteration; `until` in milliseconds since the epoch, None where nobody knows."""

    words: str
    until: int | None


@dataclass(frozen=True, slots=True)
class CardRun:
    """What a run did with this action; of a loop in the iteration that is shown."""

    state: StateView
    words: str
    path: str
    text: str = field(default="", compare=False)  # that it streams; it goes on by itself
    length: int = field(default=0, compare=False)  # characters of all of it
    since: int | None = None  # it goes since then, in milliseconds since the epoch
    decision: str = ""  # of an If: with its values, as soon as it is made
    wait: str = ""
    until: int | None = None  # it waits until then
    others: tuple[OtherWait, ...] = ()  # iterations that wait meanwhile
    chips: tuple[IterationChip, ...] = ()
    left_out: int = 0  # iterations that have no chip

    @property
    def total(self) -> int:
        """Iterations of a loop that has more than chips."""
        return len(self.chips) + self.left_out

    @property
    def ended(self) -> bool:
        return self.state.name in ("succeeded", "warning", "failed", "pinned")

    @property
    def is_begun(self) -> bool:
        return self.state.name not in NOT_BEGUN

    @property
    def is_going(self) -> bool:
        return self.state.name in ("running", "waiting")

    @property
    def head_state(self) -> StateView:
        """What the head says: of an If that has decided that, also while what it decided for goes."""
        return state_view_of("succeeded", self.decision) if self.decision else self.state

    @property
    def streamed_tokens(self) -> str:
        """How many it has streamed so far, by the length of the text: nobody counts them before its end."""
        return token_words(self.length)

    @property
    def text_css(self) -> str:
        return f"card-text{' is-going' if self.is_going else ''}"

    @property
    def key(self) -> str:
        """Of the element with its text."""
        return f"card-text-{element_id(self.path)}"

    @property
    def tokens_key(self) -> str:
        """Of the element with the number of its tokens."""
        return f"card-tokens-{element_id(self.path)}"


def token_words(characters: int) -> str:
    """ "≈ 96 tokens"; empty before the first."""
    count = estimated_tokens(characters)
    return f"{ESTIMATED}{count:,} token{'s' if count > 1 else ''}" if count else ""


def card_runs(states: RunStates) -> dict[str, CardRun]:
    """By the id of the action; while the run goes, also of what is still to come."""
    cards = CardRuns(states)
    return dict(cards.find())


class CardRuns:
    """Makes them for one run."""

    def __init__(self, states: RunStates) -> None:
        self._states, self._run = states, states.run
        self._texts = hub.texts_of(self._run.pk) if not self._run.ended else {}

    def find(self) -> Iterator[tuple[str, CardRun]]:
        may_come = not self._run.ended
        for action_id, path in self._states.paths.items():
            record = self._states.records.get(action_id)
            if record is not None:
                yield action_id, self._of_record(record)
            elif may_come:
                yield action_id, CardRun(state_view_of("queued"), "Queued", path)
            may_come = may_come and self._run.until not in (action_id, path)

    def _of_record(self, record: ActionRun) -> CardRun:
        view = state_view(record)
        is_going = view.name in ("running", "waiting") and not self._run.ended
        text = self._texts.get(record.path, "") if is_going else record.text
        is_loop = record.type in registry.loop_types()
        chips = self._chips(record) if is_loop else Chips()
        decision = self._states.decision_of(record) if view.name in DECIDED else ""
        return CardRun(
            state=view,
            words=decision or chips.words or view.words,
            path=record.path,
            text=text[-LONGEST_TEXT:],
            length=len(text),
            since=milliseconds(record.started_at) if view.name == "running" and is_going else None,
            decision=decision,
            wait=record.reason if view.name == "waiting" else "",
            until=milliseconds(record.waits_until) if view.name == "waiting" else None,
            others=tuple(self._waits_elsewhere(record)),
            chips=chips.shown,
            left_out=chips.left_out,
        )

    def _waits_elsewhere(self, record: ActionRun) -> Iterator[OtherWait]:
        """The same action in other iterations."""
        going = [] if self._run.ended else self._states.going
        same = [each for each in going if each.action_id == record.action_id and each.path != record.path]
        waiting = [each for each in same if each.state == State.WAITING]
        waiting.sort(key=lambda each: each.order)
        for other in waiting[:MOST_OTHERS]:
            _, number = split_place(other.path.rpartition("/")[0])
            yield OtherWait(f"Part {number + 1} waits: {other.reason}", milliseconds(other.waits_until))
        if more := len(waiting[MOST_OTHERS:]):
            yield OtherWait(f"{more} more wait{'s' if more == 1 else ''}", None)

    def _chips(self, record: ActionRun) -> Chips:
        shown = self._states.places.get(record.path, "")
        if not shown:
            return Chips()
        going = [] if self._run.ended else self._states.going
        iterations = LoopIterations(self._run, record, going)
        return iterations.chips(split_place(shown)[1])


@dataclass(frozen=True)
class Chips:
    """The iterations of a loop, and what its head says: "2 of 3"."""

    shown: tuple[IterationChip, ...] = ()
    left_out: int = 0
    words: str = ""


class LoopIterations:
    """How the iterations of one loop stand: by what is counted of long loops, else by the records of their actions."""

    def __init__(self, run: Run, record: ActionRun, going: Sequence[ActionRun] = ()) -> None:
        """`going` are the actions of the run that are executed."""
        self._run, self._record, self._going = run, record, going
        counted = run.iterations.filter(loop=record.path)
        self._total: int | None = counted.order_by("-number").values_list("total", flat=True).first()
        self._is_long = counted.exists()
        self._states = {} if self._is_long else self._states_of_records()

    def chips(self, shown: int) -> Chips:
        if self._is_long:
            newest = self._run.iterations.filter(loop=self._record.path).order_by("-number")
            reached = (newest.values_list("number", flat=True).first() or 0) + 1
        else:
            reached = max(self._states, default=-1) + 1
            self._total = self._items()
        total = max(reached, self._total or 0)
        first = max(0, min(shown - MOST_CHIPS // 2, total - MOST_CHIPS))
        numbers = range(first, min(first + MOST_CHIPS, total))
        states = self._states_of(numbers) if self._is_long else self._states
        found = tuple(self._chip(number, states.get(number), number == shown) for number in numbers)
        return Chips(found, total - len(found), self._words(shown))

    def _words(self, shown: int) -> str:
        if not self._run.ended and self._record.ended_at is None:
            return f"{shown + 1} of {self._total}" if self._total else f"{shown + 1}"
        output = self._record.output if self._record.state == State.SUCCEEDED else None
        return output if isinstance(output, str) and COUNT.fullmatch(output) else ""

    def _chip(self, number: int, known: tuple[str, datetime | None] | None, is_shown: bool) -> IterationChip:
        state, until = known or ("queued", None)
        place = place_of_iteration(self._record.path, number)
        return IterationChip(place, number + 1, state_view_of(state), is_shown, milliseconds(until))

    def _states_of(self, numbers: Sequence[int]) -> dict[int, tuple[str, datetime | None]]:
        rows = self._run.iterations.filter(loop=self._record.path, number__in=numbers)
        found = rows.order_by().values_list("number", "state")
        waits = waiting_iterations(self._record.path, self._going)
        return {number: waits.get(number, (state, None)) if state == "running" else (state, None)
                for number, state in found}  # fmt: skip

    def _states_of_records(self) -> dict[int, tuple[str, datetime | None]]:
        start = f"{self._record.path}["
        rows = self._run.actions.filter(path__startswith=start).order_by("order")
        found: dict[int, tuple[str, datetime | None]] = {}
        for path, state, until in rows.values_list("path", "state", "waits_until")[:MOST_SMALL]:
            number = split_place(path[: path.index("]", len(start)) + 1])[1]
            found[number] = more_telling(found.get(number), (state, until))
        is_going = not self._run.ended and self._record.ended_at is None
        newest = max(found, default=-1)
        return {number: (self._state_so_far(state, is_going and number == newest), until)
                for number, (state, until) in found.items()}  # fmt: skip

    def _state_so_far(self, state: str, goes_on: bool) -> str:
        """Of an iteration all of whose actions have ended so far."""
        return "running" if goes_on and state in (State.SUCCEEDED, State.SKIPPED) else state

    def _items(self) -> int | None:
        """How many items a short loop goes over; None where that is not known."""
        rows = self._run.actions.filter(pk=self._record.pk).annotate(length=Length(Cast("inputs", TextField())))
        found = rows.filter(length__lte=LARGEST).values_list("inputs", flat=True).first()
        known = registry.find_type(self._record.type)
        return known.iterations_in(found) if known and isinstance(found, Mapping) else None


def waiting_iterations(loop: str, going: Sequence[ActionRun]) -> dict[int, tuple[str, datetime | None]]:
    """Iterations of the loop in which everything that goes waits, and until when, as far as that is known."""
    start = f"{loop}["
    inside = [record for record in going if record.path.startswith(start)]
    held = {record.path[: at + 1] for record in inside for at, sign in enumerate(record.path) if sign in "/["}
    found: dict[int, list[ActionRun]] = defaultdict(list)
    for record in inside:
        if not held & {f"{record.path}/", f"{record.path}["}:
            found[split_place(record.path[: record.path.index("]", len(start)) + 1])[1]].append(record)
    return {
        number: (State.WAITING, min((each.waits_until for each in records if each.waits_until), default=None))
        for number, records in found.items()
        if all(record.state == State.WAITING for record in records)
    }


TELLING = (State.RUNNING, State.WAITING, State.FAILED, State.CANCELLED, State.SUCCEEDED, State.SKIPPED)


def more_telling(
    one: tuple[str, datetime | None] | None, other: tuple[str, datetime | None]
) -> tuple[str, datetime | None]:
    """Which state of two actions says more of the iteration they stand in; a wait goes before what holds it."""
    if one is None:
        return other
    if State.WAITING in (one[0], other[0]):
        return one if one[0] == State.WAITING else other
    return min(one, other, key=lambda state: TELLING.index(State(state[0])))


def milliseconds(moment: datetime | None) -> int | None:
    """Since the epoch."""
    return int(moment.timestamp() * 1_000) if moment else None
