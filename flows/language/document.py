"""The document of a flow: a tree of actions.

Nodes are read-only views of the JSON they were parsed from, so everything that was in an import is in its
export. Every edit returns a new document and shares what did not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, cast

from flows.language.nodes import Action, Input, Json, Located, Node, Place, actions_in, place_of, text, walk
from flows.language.schema import shape_problems


class DocumentError(ValueError):
    """The JSON is not a flow; each problem says where, why and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Vanished(DocumentError):
    """An edit names an action or a branch that is not in the document any more."""

    def __init__(self, what: str) -> None:
        super().__init__([f"There is no {what} any more. Reload the page."])


@dataclass(frozen=True)
class DocumentTree(Node):
    """What can be read of a flow."""

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        return tuple(Input(declared) for declared in self.json.get("inputs") or ())

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        return actions_in(self.json)

    @property
    def note(self) -> str:
        """What people say of the flow, on the card of Start."""
        return text(self.json.get("note"))

    @property
    def settings(self) -> Mapping[str, Any]:
        stored = self.json.get("settings")
        return stored if isinstance(stored, Mapping) else {}

    @property
    def deadline(self) -> float | None:
        """Seconds that a run may take in all."""
        stored = self.settings.get("deadline")
        return float(stored) if isinstance(stored, int | float) and stored else None

    @property
    def concurrency(self) -> int | None:
        """Runs at the same time."""
        stored = self.settings.get("concurrency")
        return int(stored) if isinstance(stored, int) and stored else None

    def to_json(self) -> Json:
        return self.json

    def walk(self) -> Iterator[Located]:
        """Every action in the order of the flowchart."""
        yield from walk(self.actions, None, None, 0)

    @cached_property
    def _by_id(self) -> dict[str, Located]:
        return {located.action.id: located for located in self.walk()}

    @property
    def count(self) -> int:
        return len(self._by_id)

    def find(self, id: str) -> Action | None:
        located = self._by_id.get(id)
        return located.action if located else None

    def locate(self, id: str) -> Located:
        if id not in self._by_id:
            raise Vanished(f"action {id!r}")
        return self._by_id[id]

    def new_id(self, type: str) -> str:
        """A short id that is free: chat, chat2, ..."""
        base = re.sub(r"[^a-z0-9]+", "", type.split("_")[0]) or "action"
        return base if base not in self.ids else free_id(base, set(self.ids))

    @cached_property
    def ids(self) -> set[str]:
        """Of actions and branches."""
        branches = {branch.id for located in self.walk() for branch in located.action.branches}
        return branches | set(self._by_id)

    def _owner_of(self, branch_id: str, owner: str = "") -> Action:
        """The action with this branch; `owner` says which, where several have one of that id."""
        for located in self.walk():
            if owner in ("", located.action.id) and any(branch.id == branch_id for branch in located.action.branches):
                return located.action
        raise Vanished(f"branch {branch_id!r}")


@dataclass(frozen=True)
class Document(DocumentTree):
    """A flow that can be edited: each edit gives another document."""

    def insert(self, action: Json, *, owner: str | None = None, branch: str | None = None, at: int = 0) -> Document:
        """With the action put into a branch (or the top level) before index `at`."""
        if str(action["id"]) in self.ids:
            raise DocumentError([f"The id {action['id']!r} is taken."])
        at = max(at, 0)
        return self._change_block((owner, branch), lambda actions: [*actions[:at], action, *actions[at:]])

    def remove(self, id: str) -> Document:
        place = place_of(self.locate(id))
        return self._change_block(place, lambda actions: [action for action in actions if action["id"] != id])

    def with_properties(self, id: str, properties: Mapping[str, Any]) -> Document:
        return self._change_action(id, lambda action: {**action, "properties": dict(properties)})

    def with_action(self, id: str, **changes: Any) -> Document:
        """With other title, description, disabled, retry or timeout; None takes it away."""
        gone = [name for name, value in changes.items() if value is None]
        kept = {name: value for name, value in changes.items() if value is not None}
        return self._change_action(
            id, lambda action: {**{name: value for name, value in action.items() if name not in gone}, **kept}
        )

    def with_settings(self, **changes: Any) -> Document:
        """With another deadline or concurrency; None takes it away."""
        settings = {name: value for name, value in {**self.settings, **changes}.items() if value is not None}
        if settings == self.settings:
            return self
        rest = {name: value for name, value in self.json.items() if name != "settings"}
        return parse({**rest, "settings": settings} if settings else rest)

    def with_branch(self, branch_id: str, *, title: str, condition: str | None, owner: str = "") -> Document:
        def change(branch: Json) -> Json:
            kept = {key: value for key, value in branch.items() if key != "condition"}
            return {**kept, "title": title, **({"condition": condition} if condition else {})}

        return self._change_branch(branch_id, owner, change)

    def add_branch(self, id: str, *, title: str, condition: str) -> Document:
        """With another branch before the last, so that the otherwise stays at the end."""
        action = self.locate(id).action
        free = next(n for n in range(1, len(self.ids) + 3) if f"{id}-{n}" not in self.ids)
        branch: Json = {"id": f"{id}-{free}", "title": title, "condition": condition, "actions": []}
        branches = [b.json for b in action.branches]
        at = len(branches) - 1 if branches and not action.branches[-1].condition else len(branches)
        return self._change_action(id, lambda json: {**json, "branches": [*branches[:at], branch, *branches[at:]]})

    def remove_branch(self, branch_id: str, *, owner: str = "") -> Document:
        found = self._owner_of(branch_id, owner)
        if len(found.branches) == 1:
            raise DocumentError(["The last branch stays. Remove the action instead."])
        return self._change_action(
            found.id, lambda json: {**json, "branches": [b for b in json["branches"] if b["id"] != branch_id]}
        )

    def with_inputs(self, inputs: Sequence[Json]) -> Document:
        return (
            self
            if list(inputs) == list(self.json.get("inputs") or [])
            else parse({**self.json, "inputs": list(inputs)})
        )

    def with_name(self, name: str) -> Document:
        return self if name == self.name else parse({**self.json, "name": name})

    def _change_action(self, id: str, change: Callable[[Json], Json]) -> Document:
        place = place_of(self.locate(id))
        return self._change_block(place, lambda actions: [change(a) if a["id"] == id else a for a in actions])

    def _change_block(self, place: Place, change: Callable[[list[Json]], list[Json]]) -> Document:
        """With another block of actions: that of a branch, or the top level. What is beside the way to it is shared."""
        owner, branch = place
        if branch is None:
            return parse({**self.json, "actions": change(list(self.json.get("actions") or []))})

        def change_lane(lane: Json) -> Json:
            return {**lane, "actions": change(list(lane.get("actions") or []))}

        return self._change_branch(branch, owner or "", change_lane)

    def _change_branch(self, id: str, owner: str, change: Callable[[Json], Json]) -> Document:
        """`owner` says of which action, where several have a branch of that id."""
        return self._change_action(
            self._owner_of(id, owner).id,
            lambda action: {
                **action,
                "branches": [change(lane) if lane["id"] == id else lane for lane in action["branches"]],
            },
        )


def with_new_ids(action: Json, taken: set[str]) -> Json:
    """A copy with new ids, which are added to `taken`."""
    copy = {**action, "id": free_id(str(action["id"]), taken)}
    if action.get("branches"):
        copy["branches"] = [
            {
                **branch,
                "id": free_id(str(branch["id"]), taken),
                "actions": [with_new_ids(inner, taken) for inner in branch.get("actions") or []],
            }
            for branch in action["branches"]
        ]
    return copy


def free_id(id: str, taken: set[str]) -> str:
    base = id.rstrip("0123456789") or id
    made = next(candidate for n in range(2, len(taken) + 3) if (candidate := f"{base}{n}") not in taken)
    taken.add(made)
    return made


def parse(data: object) -> Document:
    """The document in `data`. Raises DocumentError with everything that is wrong, at most twenty problems."""
    problems = list(islice(shape_problems(data), 20))
    if problems:
        raise DocumentError(problems)
    return Document(cast(Json, data))
