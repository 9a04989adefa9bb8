"""Edits of the tree: each takes a document, the chosen actions and what was posted, and gives the changed document
with what is to be selected and said then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from flows.actions import registry
from flows.designer.edits import TITLE_LENGTH, new_action
from flows.flowchart.chart import START
from flows.flowchart.labels import title_of
from flows.language import selection
from flows.language.document import Document, DocumentError, Vanished
from flows.language.nodes import TOP, Action, Place, place_of
from flows.language.selection import owners_of, roots_of
from foundryflow.http import whole_number

Posted = Mapping[str, str]
Ids = Sequence[str]

KEEP = None  # the panel stays on what it shows


@dataclass(frozen=True)
class TreeEdit:
    """`selected` is the action whose panel is shown then, `chosen` are those that a next edit is of, and `new` is one
    whose properties are still to be filled in."""

    document: Document
    said: str
    selected: str | None = KEEP
    chosen: Ids = ()
    new: str = ""
    asks: bool = False  # what is said asks for something to be done


Verb = Callable[[Document, Ids, Posted], TreeEdit]


def insert(document: Document, type: str, posted: Posted) -> TreeEdit:
    """An action of this type `after` another one, or at a place of a branch; at the end when none is named.

    Raises Vanished when the place is not there.
    """
    action = new_action(document, type)
    place, at = place_posted(document, posted)
    if posted.get("dropped"):
        check_loop(document, [Action(action)], place)
    changed = document.insert(action, at=at, owner=place[0], branch=place[1])
    said = f"{names_of(changed, [action['id']])} added."
    return TreeEdit(changed, said, action["id"], new=action["id"])


def place_posted(document: Document, posted: Posted) -> tuple[Place, int]:
    """Behind the action `after`, or at the index `at` of a branch; at the end of the flow when none is named."""
    if after := posted.get("after"):
        located = document.locate(after)
        return place_of(located), located.at + 1
    owner, branch = posted.get("owner") or None, posted.get("branch") or None
    number = whole_number(posted.get("at"))
    at = document.count if number is None else number
    return (owner, branch) if owner or branch else TOP, at


# Verbs


def move(way: str, document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    changed, names = selection.move_all(document, ids, way), names_of(document, ids)
    words = {"up": "moved up", "down": "moved down", "into": "moved in", "out": "moved out"}
    if changed is document:
        return TreeEdit(
            document, f"{names} cannot be moved further {way}." if way != "into" else NO_CONTAINER, chosen=ids
        )
    return TreeEdit(changed, f"{names} {words[way]}.", chosen=ids)


NO_CONTAINER = "There is no container beside it to move into."


def move_to(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """Where they were dropped."""
    place, at = place_posted(document, posted)
    names = names_of(document, ids)
    if place[0] and set(owners_of(document, place)) & set(ids):
        raise DocumentError([f"{names} cannot go into itself."])
    check_loop(document, [located.action for located in roots_of(document, ids)], place)
    changed = selection.move_to(document, ids, place, at)
    if changed.json == document.json:
        return TreeEdit(document, f"{names} {'stay' if ids[1:] else 'stays'} in place.", chosen=ids)
    return TreeEdit(changed, f"{names} moved {place_words(document, place)}.", chosen=ids)


def check_loop(document: Document, actions: Sequence[Action], place: Place) -> None:
    """Raises DocumentError for an action that belongs in a loop, where there is none around the place."""
    around = (document.locate(id).action.type for id in owners_of(document, place))
    if any((known := registry.find_type(type)) and known.branches == "body" for type in around):
        return
    for action in actions:
        known = registry.find_type(action.type)
        if known is not None and known.only_in_loops:
            raise DocumentError([f"{action.title or known.title} belongs in a loop, such as For each."])


def duplicate(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    changed, copies = selection.duplicate_all(document, ids)
    return TreeEdit(changed, f"{names_of(document, ids)} duplicated.", chosen=copies)


def remove(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    deed = "cut" if posted.get("cut") else "removed"
    return TreeEdit(selection.remove_all(document, ids), f"{names_of(document, ids)} {deed}.")


def toggle(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """Disables the actions; enables them where all are disabled."""
    disabled = not all(document.locate(id).action.disabled for id in ids)
    changed = selection.set_disabled(document, ids, disabled=disabled)
    return TreeEdit(changed, f"{names_of(document, ids)} {'disabled' if disabled else 'enabled'}.", chosen=ids)


def wrap(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """Puts a new container of the posted type around the actions. Raises UnknownAction."""
    type = posted.get("type", "")
    known = registry.action_type(type)
    if not known.new_branches:
        raise registry.UnknownAction(type)
    container = new_action(document, type)
    changed = selection.wrap(document, ids, container, container["branches"][0]["id"])
    said = f"{names_of(document, ids)} wrapped in {known.title}."
    return TreeEdit(changed, said, container["id"], [container["id"]], new=container["id"])


def unwrap(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """One container, whose actions take its place."""
    (id,) = ids[:1]
    changed, inner = selection.unwrap(document, id)
    left = "1 action stays" if len(inner) == 1 else f"{len(inner) or 'no'} actions stay"
    return TreeEdit(changed, f"{names_of(document, [id])} unwrapped: {left}.", chosen=inner)


def rename(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """One action; without a title it is called by its type."""
    (id,), title = ids[:1], " ".join(posted.get("title", "").split())
    if len(title) > TITLE_LENGTH:
        raise DocumentError([f"A title has at most {TITLE_LENGTH} characters; this one has {len(title)}."])
    name = names_of(document, [id])
    if title == document.locate(id).action.title:
        return TreeEdit(document, "")
    changed = document.with_action(id, title=title)
    return TreeEdit(changed, f"{name} renamed to {names_of(changed, [id])}.")


def note(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    """What is said of one action on its card, or of the flow on that of Start."""
    (id,), text = ids[:1], posted.get("text", "").replace("\r\n", "\n").strip()
    name = names_of(document, [id])
    changed = selection.set_note(document, None if id == START else id, text)
    return TreeEdit(changed, f"Note of {name} {'saved' if text else 'removed'}.")


def add_branch(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    (id,) = ids[:1]
    return TreeEdit(
        document.add_branch(id, title="If", condition=""), f"Branch added to {names_of(document, [id])}.", id
    )


def remove_branch(document: Document, ids: Ids, posted: Posted) -> TreeEdit:
    (id,) = ids[:1]
    changed = document.remove_branch(posted.get("branch", ""), owner=id)
    return TreeEdit(changed, f"Branch of {names_of(document, [id])} removed.", id)


# By the verb in the address. Each raises Vanished when an action is not there.
VERBS: dict[str, Verb] = {
    "up": partial(move, "up"),
    "down": partial(move, "down"),
    "into": partial(move, "into"),
    "out": partial(move, "out"),
    "move": move_to,
    "duplicate": duplicate,
    "remove": remove,
    "toggle": toggle,
    "wrap": wrap,
    "unwrap": unwrap,
    "rename": rename,
    "note": note,
    "add-branch": add_branch,
    "remove-branch": remove_branch,
}


def names_of(document: Document, ids: Ids) -> str:
    """The title of one, the number of several: "3 actions". Raises Vanished."""
    if list(ids) != [START]:
        roots = roots_of(document, ids)
        if len(roots) > 1:
            return f"{len(roots)} actions"
        ids = [roots[0].action.id] if roots else ids
    return title_of(None if ids[0] == START else ids[0], document)


def place_words(document: Document, place: Place) -> str:
    owner, branch = place
    if owner is None:
        return "to the flow"
    lane = next((lane for lane in document.locate(owner).action.branches if lane.id == branch), None)
    if lane is None:
        raise Vanished(f"branch {branch!r}")
    title = title_of(owner, document)
    return f"into {lane.title} of {title}" if lane.title else f"into {title}"
