"""What differs between two revisions of a flow: action by action in the order of the flowchart, value by value.

Both are laid out flat (`flat.py`). What means the same is no difference: a value that is not there, and one that is
empty. Everything else is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from flows.language.document import Document
from flows.language.flat import ABSENT, NESTED, FlatDocument, Key, flatten, moved_between, moved_in


class Deed(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True)
class ValueDiff:
    """One value; `ABSENT` where there is none.

    Keys are those of `flat.py`, and besides: ("inputs", name, field) of an input that both have, ("inputs",) and
    ("branches",) of an order, whose values are lists.
    """

    key: Key
    before: Any
    after: Any


@dataclass(frozen=True)
class ActionDiff:
    action_id: str | None  # None: the flow itself
    deed: Deed
    values: Sequence[ValueDiff]
    is_moved: bool = False


@dataclass(frozen=True)
class DocumentDiff:
    before: Document
    after: Document

    @cached_property
    def flat(self) -> tuple[FlatDocument, FlatDocument]:
        return flatten(self.before), flatten(self.after)

    @cached_property
    def entries(self) -> list[ActionDiff]:
        """The flow itself first, then the actions; one that was removed behind what it stood behind."""
        if self.before is self.after:
            return []
        old, new = self.flat
        moved = moved_between(old, new)
        of_flow = list(flow_values(old, new))
        found = [ActionDiff(None, Deed.CHANGED, of_flow)] if of_flow else []
        for id in merged_order(order_of(self.before), order_of(self.after)):
            if id not in old.places:
                found.append(ActionDiff(id, Deed.ADDED, list(action_values(id, FlatDocument(), new))))
            elif id not in new.places:
                found.append(ActionDiff(id, Deed.REMOVED, list(action_values(id, old, FlatDocument()))))
            else:
                is_moved = id in moved or old.places[id] != new.places[id]
                values = list(action_values(id, old, new))
                if values or is_moved:
                    found.append(ActionDiff(id, Deed.CHANGED, values, is_moved))
        return found

    @property
    def same(self) -> list[str | None]:
        """What both have alike, in order; None for the flow itself."""
        changed = {entry.action_id for entry in self.entries}
        return [id for id in (None, *order_of(self.after)) if id not in changed]


def order_of(document: Document) -> list[str]:
    return [located.action.id for located in document.walk()]


def merged_order(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """That of `after`, and of what is gone each behind what stood in front of it."""
    kept = set(after)
    behind: dict[str, list[str]] = {}  # what is gone, by what is kept in front of it
    anchor = ""
    for id in before:
        if id in kept:
            anchor = id
        else:
            behind.setdefault(anchor, []).append(id)
    return [*behind.get("", ()), *(each for id in after for each in (id, *behind.get(id, ())))]


def flow_values(old: FlatDocument, new: FlatDocument) -> Iterator[ValueDiff]:
    one = {key: value for (id, key), value in old.values.items() if id is None}
    other = {key: value for (id, key), value in new.values.items() if id is None}
    for difference in differences(one, other):
        if difference.key == ("inputs",):
            continue  # whether there is a list at all
        both = isinstance(difference.before, Mapping) and isinstance(difference.after, Mapping)
        if difference.key[0] == "inputs" and both:
            for field in differences(fields_of(difference.before), fields_of(difference.after)):
                yield ValueDiff((*difference.key, *field.key), field.before, field.after)
        else:
            yield difference
    if moved_in(old.inputs, new.inputs):
        yield ValueDiff(("inputs",), old.inputs, new.inputs)


def fields_of(declared: Mapping[str, Any]) -> dict[Key, Any]:
    return {(name,): value for name, value in declared.items()}


def action_values(id: str, old: FlatDocument, new: FlatDocument) -> Iterator[ValueDiff]:
    before, after = old.of_actions.get(id, {}), new.of_actions.get(id, {})
    one, other = old.branches.get(id, []), new.branches.get(id, [])
    if before and after:
        for branch in dict.fromkeys([*one, *other]):
            if branch not in one or branch not in other:
                yield ValueDiff(("branches", branch), branch in one or ABSENT, branch in other or ABSENT)
        if moved_in(one, other):
            yield ValueDiff(("branches",), one, other)
    yield from differences(before, after)


def differences(before: Mapping[Key, Any], after: Mapping[Key, Any]) -> Iterator[ValueDiff]:
    for key in dict.fromkeys([*after, *before]):
        one, other = before.get(key, ABSENT), after.get(key, ABSENT)
        if is_unset(key, one) and is_unset(key, other):
            continue
        if not is_equal(one, other):
            yield ValueDiff(key, one, other)


def is_unset(key: Key, value: Any) -> bool:
    """Whether it says no more than if it were not there. An input may be an empty text by default."""
    if value is ABSENT or value is None or (len(key) == 1 and key[0] in NESTED and value == {}):
        return True
    if key[-1] in ("disabled", "required") and len(key) == 1:
        return value is False
    return value == "" and isinstance(value, str) and key != ("default",)


def is_equal(one: Any, other: Any) -> bool:
    """As JSON: true is not 1, and 1 is 1.0."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(is_equal(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return bool(one == other)
