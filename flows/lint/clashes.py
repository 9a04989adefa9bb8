"""Names that actions bring along, where they are put behind others that set variables of the same names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flows.actions.registry import properties_of_type, variables_declared
from flows.language.document import Document
from flows.language.nodes import Action, Json, walk
from flows.language.rename import rename_in_expression
from flows.language.selection import change_actions
from flows.lint.visible import visible_at


def rename_clashes(document: Document, ids: Sequence[str]) -> tuple[Document, dict[str, str]]:
    """The document in which neighbours that were put in set none of the variables that are set before them.

    What they read of each other is renamed, too. `ids` are those that stand in the block, in their order. The new
    names are given by the old.
    """
    before = visible_at(document, ids[0]) or {}
    brought = dict.fromkeys(name for id in ids for name in names_set_in(document.locate(id).action))
    taken = {*before, *(name for located in document.walk() for name in names_set_by(located.action))}
    names = {name: free_name(name, taken) for name in brought if name in before}
    if not names:
        return document, {}
    return change_actions(document, ids, lambda action: rename_in_action(action, names)), names


def names_set_in(action: Action) -> list[str]:
    """By the action and those inside."""
    return [name for located in walk([action], None, None, 0) for name in names_set_by(located.action)]


def names_set_by(action: Action) -> list[str]:
    return [name for name, _, _ in variables_declared(action) if name]


def free_name(name: str, taken: set[str]) -> str:
    base = name.rstrip("0123456789") or name
    free = next(made for number in range(2, len(taken) + 3) if (made := f"{base}{number}") not in taken)
    taken.add(free)
    return free


def rename_in_action(action: Json, names: Mapping[str, str]) -> Json:
    made = {**action, "properties": rename_in_properties(action, names)}
    if action.get("branches"):
        made["branches"] = [rename_in_lane(lane, names) for lane in action["branches"]]
    return made


def rename_in_lane(lane: Json, names: Mapping[str, str]) -> Json:
    condition = lane.get("condition")
    changed = {"condition": rename_in_expression(condition, names)} if isinstance(condition, str) else {}
    return {**lane, **changed, "actions": [rename_in_action(inner, names) for inner in lane.get("actions") or []]}


def rename_in_properties(action: Json, names: Mapping[str, str]) -> Mapping[str, Any]:
    """With what is not written down, but would have a name by itself."""
    stored = dict(action.get("properties") or {})
    for name, property in properties_of_type(str(action["type"])).items():
        value = property.rename(stored.get(name), names)
        if name in stored or value is not None:
            stored[name] = value
    return stored
