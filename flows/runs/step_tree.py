"""Steps as the flow nests them: what a block holds together, the lane that was taken first, and what was never reached.

Records stand in the order in which they began; iterations that go at the same time mix there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flows.flowchart.chart import is_loop
from flows.language.document import Document
from flows.language.nodes import Action
from flows.models import LIVE, ActionRun, State

DISABLED = "disabled"  # reason of what was left out by itself, and not with its lane
LAST = 1_000_000  # place of an action that the document does not know


@dataclass(frozen=True, slots=True)
class UnreachedStep:
    """An action that has no record. `may_come`: the run still can get to it."""

    action: Action
    path: str
    may_come: bool


Step = ActionRun | UnreachedStep


@dataclass(slots=True)
class StepNode:
    """One path, and what is inside it. An iteration has a path, too, but never a step."""

    step: Step | None = None
    inside: dict[str, StepNode] = field(default_factory=dict)


def in_flow_order(steps: Iterable[Step], document: Document | None) -> list[Step]:
    """The steps as the flow nests them; those of a lane that was not taken behind those of the others."""
    root = StepNode()
    for step in steps:
        node = root
        for part in parts_of(step.path):
            node = node.inside.setdefault(part, StepNode())
        node.step = step
    places = {located.action.id: at for at, located in enumerate(document.walk())} if document else {}
    return list(walk_nodes(root, places))


def walk_nodes(node: StepNode, places: Mapping[str, int]) -> Iterator[Step]:
    for _, inner in sorted(node.inside.items(), key=lambda item: sort_key(item[0], item[1], places)):
        if inner.step is not None:
            yield inner.step
        yield from walk_nodes(inner, places)


def sort_key(part: str, node: StepNode, places: Mapping[str, int]) -> tuple[int, int, int]:
    """Lanes not taken last, then as in the document, then as they began. `part` of an iteration is its number."""
    if part.isdecimal():
        return 0, int(part), 0
    step = node.step
    is_left_out = isinstance(step, ActionRun) and step.state == State.SKIPPED and step.reason != DISABLED
    return int(is_left_out), places.get(part, LAST), step.order if isinstance(step, ActionRun) else 0


def parts_of(path: str) -> list[str]:
    """Of `each[3]/chat`: each, 3, chat."""
    parts = []
    for part in path.split("/"):
        name, bracket, number = part.partition("[")
        parts += [name, number.removesuffix("]")] if bracket else [part]
    return parts


class UnreachedSteps:
    """Finds what has no record, by the records there are: all of them, or those outside of loops."""

    def __init__(self, records: Iterable[ActionRun], *, ended: bool, in_loops: bool) -> None:
        """`in_loops`: the records are all there are; else only those that stand in no loop."""
        self._ended, self._in_loops = ended, in_loops
        self._states = {record.path: record.state for record in records}
        self._iterations: dict[str, list[str]] = {}
        self._going: set[str] = set()  # iterations
        for record in records:
            self._note_iterations(record)

    def _note_iterations(self, record: ActionRun) -> None:
        at = record.path.find("]/")
        while at >= 0:
            place = record.path[: at + 1]
            self._iterations.setdefault(place[: place.rfind("[")], []).append(place)
            if record.state in LIVE:
                self._going.add(place)
            at = record.path.find("]/", at + 2)

    def find(self, document: Document) -> Iterator[UnreachedStep]:
        return self._in_block(document.actions, "", may_come=not self._ended)

    def _in_block(self, actions: Sequence[Action], prefix: str, *, may_come: bool) -> Iterator[UnreachedStep]:
        for action in actions:
            path = f"{prefix}{action.id}"
            state = self._states.get(path)
            if state is None:
                yield UnreachedStep(action, path, may_come)
            if state == State.SKIPPED:
                continue
            may_come_inside = may_come if state is None else not self._ended and state in LIVE
            for place in self._places(action, path, reached=state is not None):
                going = may_come_inside and (place == path or place in self._going)
                for branch in action.branches:
                    yield from self._in_block(branch.actions, f"{place}/", may_come=going)

    def _places(self, action: Action, path: str, *, reached: bool) -> list[str]:
        """Where the blocks of a container stand: in itself, or in each of its iterations so far."""
        if not is_loop(action.type) or not reached:
            return [path]
        places = list(dict.fromkeys(self._iterations.get(path, ())))
        return places or ([path] if self._in_loops else [])
