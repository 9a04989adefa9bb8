"""Edits of the tree: each takes a document and gives the changed one, with the id of the action to select then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flows.designer.edits import new_action
from flows.language.document import Document
from foundryflow.http import whole_number

TreeEdit = tuple[Document, str]
Posted = Mapping[str, str]


def insert(document: Document, type: str, posted: Posted) -> TreeEdit:
    """An action of this type `after` another one, or at a place of a branch; at the end when none is named.

    Raises Vanished when the place is not there.
    """
    action = new_action(document, type)
    if after := posted.get("after"):
        place, at = document.place_after(after)
    else:
        place = {"owner": posted.get("owner") or None, "branch": posted.get("branch") or None}
        number = whole_number(posted.get("at"))
        at = document.count if number is None else number
    return document.insert(action, at=at, **place), action["id"]


def move(way: str, document: Document, action_id: str, posted: Posted) -> TreeEdit:
    return document.move(action_id, way), action_id


def duplicate(document: Document, action_id: str, posted: Posted) -> TreeEdit:
    return document.duplicate(action_id)


def remove(document: Document, action_id: str, posted: Posted) -> TreeEdit:
    return document.remove(action_id), ""


def toggle(document: Document, action_id: str, posted: Posted) -> TreeEdit:
    """Disables the action, or enables it again."""
    disabled = document.locate(action_id).action.disabled
    return document.with_action(action_id, disabled=not disabled), action_id


def add_branch(document: Document, action_id: str, posted: Posted) -> TreeEdit:
    return document.add_branch(action_id, title="If", condition=""), action_id


def remove_branch(document: Document, action_id: str, posted: Posted) -> TreeEdit:
    return document.remove_branch(posted.get("branch", ""), owner=action_id), action_id


# By the verb in the address. Each raises Vanished when the action is not there.
VERBS: dict[str, Callable[[Document, str, Posted], TreeEdit]] = {
    "up": partial(move, "up"),
    "down": partial(move, "down"),
    "into": partial(move, "into"),
    "out": partial(move, "out"),
    "duplicate": duplicate,
    "remove": remove,
    "toggle": toggle,
    "add-branch": add_branch,
    "remove-branch": remove_branch,
}
