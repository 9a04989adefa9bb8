"""The nodes of a flow's document: its inputs, its actions, the branches of a container.

They are read-only views of the JSON they were parsed from, so everything that was in an import is in its export.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakValueDictionary

Json = dict[str, Any]
Place = tuple[str | None, str | None]  # owner and branch of a block; None at the top level
TOP: Place = (None, None)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Node:
    """A part of a document, or all of it, which never changes."""

    json: Json

    def find_once(self, find: Callable[[Any], Found]) -> Found:
        """What `find` finds out of it: it is called the first time only."""
        known: dict[Callable[[Any], Found], Found] = self.__dict__.setdefault("_found", {})
        if find not in known:
            known[find] = find(self)
        return known[find]


@dataclass(frozen=True)
class Input:
    """An input of the flow, asked when a run starts."""

    json: Json

    @property
    def name(self) -> str:
        return str(self.json["name"])

    @property
    def type(self) -> str:
        return str(self.json.get("type") or "text")

    @property
    def required(self) -> bool:
        return bool(self.json.get("required"))

    @property
    def default(self) -> Any:
        return self.json.get("default")

    @property
    def description(self) -> str:
        return str(self.json.get("description") or "")

    @property
    def secret_parts(self) -> Sequence[str]:
        """Paths of what is secret in an object or a list."""
        return self.json.get("secret_parts") or ()

    @property
    def may_hold_secret(self) -> bool:
        return self.type == "secret" or bool(self.secret_parts)


@dataclass(frozen=True)
class Branch:
    """A lane of a container."""

    json: Json

    @property
    def id(self) -> str:
        return str(self.json["id"])

    @property
    def title(self) -> str:
        return text(self.json.get("title"))

    @property
    def condition(self) -> str | None:
        stored = self.json.get("condition")
        if isinstance(stored, str):
            return stored if stored.strip() else None
        return json.dumps(stored) if stored else None

    @cached_property
    def actions(self) -> tuple[Action, ...]:
        return actions_in(self.json)


@dataclass(frozen=True)
class Retry:
    """How often an action is tried in all (1..10), and how many seconds pass before another try.

    `on` holds the kinds of errors it is for; empty: those that may pass by themselves.
    """

    attempts: int
    delay: float = 1.0
    backoff: float = 2.0
    on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Action(Node):
    """One step of the flow. Its type may be unknown here; it is kept all the same."""

    @cached_property
    def id(self) -> str:
        return str(self.json["id"])

    @cached_property
    def type(self) -> str:
        return str(self.json["type"])

    @property
    def title(self) -> str:
        return text(self.json.get("title"))

    @property
    def description(self) -> str:
        return text(self.json.get("description"))

    @property
    def note(self) -> str:
        """What people say of it, on its card."""
        return text(self.json.get("note"))

    @property
    def disabled(self) -> bool:
        return self.json.get("disabled") is True

    @cached_property
    def properties(self) -> Mapping[str, Any]:
        return self.json.get("properties") or {}

    @property
    def retry(self) -> Retry | None:
        stored = self.json.get("retry")
        if not isinstance(stored, Mapping):
            return None
        return Retry(
            int(stored.get("attempts") or 1),
            float(stored.get("delay", 1.0)),
            float(stored.get("backoff", 2.0)),
            tuple(stored.get("on") or ()),
        )

    @property
    def timeout(self) -> float | None:
        """Seconds of one try."""
        stored = self.json.get("timeout")
        return float(stored) if isinstance(stored, int | float) and stored else None

    @cached_property
    def branches(self) -> tuple[Branch, ...]:
        return tuple(Branch(branch) for branch in self.json.get("branches") or ())


actions_in_use: WeakValueDictionary[int, Action] = WeakValueDictionary()  # by the identity of their JSON


def actions_in(block: Json) -> tuple[Action, ...]:
    """The actions of a branch, or of the flow.

    An edit shares the JSON that it does not change with the document before, and so the nodes, with all that was found
    out of them.
    """
    return tuple(
        actions_in_use.get(id(each)) or actions_in_use.setdefault(id(each), Action(each))
        for each in block.get("actions") or ()
    )


@dataclass(frozen=True)
class Located:
    """An action and where it stands; `owner` and `branch` are None at the top level."""

    action: Action
    owner: Action | None
    branch: Branch | None
    at: int
    depth: int


def walk(actions: Sequence[Action], owner: Action | None, branch: Branch | None, depth: int) -> Iterator[Located]:
    for at, action in enumerate(actions):
        yield Located(action, owner, branch, at, depth)
        for lane in action.branches:
            yield from walk(lane.actions, action, lane, depth + 1)


def place_of(located: Located) -> Place:
    owner, branch = located.owner, located.branch
    return (owner.id, branch.id) if owner and branch else TOP


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""
