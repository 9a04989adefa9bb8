"""A document laid out flat, so that two of them can be compared and three be merged: values by where they stand, and
the orders of what stands in a row.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flows.language.document import Document, parse
from flows.language.nodes import TOP, Action, Json, Place

Key = tuple[str, ...]  # ("title",), ("properties", "model"), ("branches", "yes", "condition"), ("inputs", "question")
Where = tuple[str | None, Key]  # an action, or None for the flow itself

ADDED, REMOVED, MOVED = ("added",), ("removed",), ("place",)
NESTED = ("properties", "settings")  # objects whose entries are values by themselves


class Absent:
    """What is not there; null is a value."""

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()


@dataclass(frozen=True)
class Change:
    """One thing that differs between two documents, `ADDED`, `REMOVED` and `MOVED` of whole actions among them."""

    action_id: str | None  # None: of the flow itself
    key: Key
    before: Any = ABSENT
    after: Any = ABSENT


@dataclass
class FlatDocument:
    """The values of a document, its blocks, and the branches of its actions, each in their order."""

    values: dict[Where, Any] = field(default_factory=dict)
    blocks: dict[Place, list[str]] = field(default_factory=dict)
    branches: dict[str, list[str]] = field(default_factory=dict)

    @cached_property
    def places(self) -> dict[str, Place]:
        """Where each action stands, in the order of the flowchart as far as blocks go."""
        return {id: place for place, ids in self.blocks.items() for id in ids}

    @cached_property
    def of_actions(self) -> dict[str, dict[Key, Any]]:
        found: dict[str, dict[Key, Any]] = {id: {} for id in self.places}
        for (action_id, key), value in self.values.items():
            if action_id is not None:
                found[action_id][key] = value
        return found

    @cached_property
    def inputs(self) -> list[str]:
        return [key[1] for action_id, key in self.values if action_id is None and key[0] == "inputs" and len(key) > 1]

    def within(self, id: str) -> Iterator[str]:
        """The action and all those inside."""
        yield id
        for branch in self.branches.get(id, ()):
            for inner in self.blocks.get((id, branch), ()):
                yield from self.within(inner)


def flatten(document: Document) -> FlatDocument:
    """The same one each time, so nobody changes it."""
    return document.find_once(lay_out)


def lay_out(document: Document) -> FlatDocument:
    made = FlatDocument()
    for name, value in document.json.items():
        if name == "inputs":
            made.values[None, ("inputs",)] = value is not None
            for declared in document.inputs:
                made.values[None, ("inputs", declared.name)] = declared.json
        elif name != "actions":
            put_value(made.values, None, name, value)
    flatten_block(made, TOP, document.actions)
    return made


def flatten_block(made: FlatDocument, place: Place, actions: Sequence[Action]) -> None:
    made.blocks[place] = [action.id for action in actions]
    for action in actions:
        made.values.update(action.find_once(values_of))
        if "branches" in action.json:
            made.branches[action.id] = [branch.id for branch in action.branches]
        for branch in action.branches:
            flatten_block(made, (action.id, branch.id), branch.actions)


def values_of(action: Action) -> dict[Where, Any]:
    """Its own, and those of its branches."""
    values: dict[Where, Any] = {}
    for name, value in action.json.items():
        if name not in ("id", "branches"):
            put_value(values, action.id, name, value)
    for branch in action.branches:
        for name, value in branch.json.items():
            if name not in ("id", "actions"):
                values[action.id, ("branches", branch.id, name)] = value
    return values


def put_value(values: dict[Where, Any], action_id: str | None, name: str, value: Any) -> None:
    if name not in NESTED or not isinstance(value, Mapping):
        values[action_id, (name,)] = value
        return
    values[action_id, (name,)] = {}
    for inner, each in value.items():
        values[action_id, (name, inner)] = each


def assemble(flat: FlatDocument) -> Document:
    """The document that is laid out. Raises DocumentError when it is too large, or nested too deeply."""
    made: Json = {}
    for (action_id, key), value in flat.values.items():
        if action_id is None and key[0] != "inputs":
            set_value(made, key, value)
    inputs = [flat.values[None, ("inputs", name)] for name in flat.inputs]
    if inputs or flat.values.get((None, ("inputs",))):
        made["inputs"] = inputs
    made["actions"] = block_to_json(flat, TOP)
    return parse(made)


def block_to_json(flat: FlatDocument, place: Place) -> list[Json]:
    return [action_to_json(flat, id) for id in flat.blocks.get(place, ())]


def action_to_json(flat: FlatDocument, id: str) -> Json:
    made: Json = {"id": id}
    lanes: dict[str, Json] = {branch: {"id": branch} for branch in flat.branches.get(id, ())}
    for key, value in flat.of_actions.get(id, {}).items():
        if key[0] != "branches":
            set_value(made, key, value)
        elif key[1] in lanes:
            lanes[key[1]][key[2]] = value
    for branch, lane in lanes.items():
        lane["actions"] = block_to_json(flat, (id, branch))
    if id in flat.branches:
        made["branches"] = list(lanes.values())
    return made


def set_value(made: Json, key: Key, value: Any) -> None:
    if len(key) == 1:
        made[key[0]] = dict(value) if key[0] in NESTED and value == {} else value
        return
    nested = made.setdefault(key[0], {})
    if isinstance(nested, dict):
        nested[key[1]] = value


def is_same(one: Any, other: Any) -> bool:
    """Equal as JSON is: true is not 1."""
    return type(one) is type(other) and bool(one == other)


def moved_in(before: Sequence[str], after: Sequence[str]) -> set[str]:
    """Of what is in both rows, what was moved: the fewest that explain how they differ."""
    places = {id: number for number, id in enumerate(before)}
    common = [id for id in after if id in places]
    ends: list[int] = []  # the last place of the best rising row of each length
    chosen: list[int] = []  # index in `common` of those
    previous: list[int] = []
    for number, id in enumerate(common):
        at = bisect_left(ends, places[id])
        previous.append(chosen[at - 1] if at else -1)
        ends[at : at + 1] = [places[id]]
        chosen[at : at + 1] = [number]
    kept, at = set(), chosen[-1] if chosen else -1
    while at >= 0:
        kept.add(common[at])
        at = previous[at]
    return set(common) - kept


def moved_between(before: FlatDocument, after: FlatDocument) -> set[str]:
    """Actions that stand elsewhere in the block that they were in."""
    pairs = ((ids, after.blocks[place]) for place, ids in before.blocks.items() if place in after.blocks)
    return set().union(*(moved_in(old, new) for old, new in pairs if old != new))


def changes(before: Document, after: Document) -> list[Change]:
    """What somebody did who made the one into the other, in the order of the flowchart; of what was added or removed
    with an action, the action alone.
    """
    return [] if before is after else changes_between(flatten(before), flatten(after))


def changes_between(old: FlatDocument, new: FlatDocument) -> list[Change]:
    found = [*value_changes(None, flow_values(old), flow_values(new))]
    moved = moved_between(old, new)
    for id in (id for id in [*new.places, *(id for id in old.places if id not in new.places)]):
        if id not in new.places:
            if old.places[id][0] is None or old.places[id][0] in new.places:
                found.append(Change(id, REMOVED))
        elif id not in old.places:
            if new.places[id][0] is None or new.places[id][0] in old.places:
                found.append(Change(id, ADDED))
        else:
            if id in moved or old.places[id] != new.places[id]:
                found.append(Change(id, MOVED, old.places[id], new.places[id]))
            found += value_changes(id, old.of_actions[id], new.of_actions[id])
            found += branch_changes(id, old, new)
    return found


def branch_changes(id: str, old: FlatDocument, new: FlatDocument) -> Iterator[Change]:
    before, after = old.branches.get(id, []), new.branches.get(id, [])
    for branch in dict.fromkeys([*before, *after]):
        if branch not in before or branch not in after:
            yield Change(id, ("branches", branch), branch in before, branch in after)


def flow_values(flat: FlatDocument) -> dict[Key, Any]:
    return {key: value for (action_id, key), value in flat.values.items() if action_id is None}


def value_changes(id: str | None, before: Mapping[Key, Any], after: Mapping[Key, Any]) -> Iterator[Change]:
    """Of values in both; those of a branch that only one of them has go with the branch."""
    old, new = branches_in(before), branches_in(after)
    for key in dict.fromkeys([*after, *before]):
        is_of_branch = key[0] == "branches"
        one, other = before.get(key, ABSENT), after.get(key, ABSENT)
        if is_same(one, other) or (is_of_branch and not (key[1] in old and key[1] in new)):
            continue
        if not (len(key) == 1 and key[0] in (*NESTED, "inputs") and not (one and other)):
            yield Change(id, key, one, other)


def branches_in(values: Mapping[Key, Any]) -> set[str]:
    return {key[1] for key in values if key[0] == "branches"}
