"""Edits of several actions at once: each takes a document and the ids of chosen actions, and gives another document.

What stands inside of a chosen action goes with it, so only the outermost of them count. All raise Vanished where an
action or a place is not there, and DocumentError where the document cannot be like that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from flows.language.document import Document, DocumentError, Vanished, free_id, parse, with_new_ids
from flows.language.nodes import TOP, Action, Json, Located, Place, place_of

BlockChange = Callable[[Place, list[Json]], list[Json]]

LONGEST_NOTE = 2_000  # characters


def roots_of(document: Document, ids: Collection[str]) -> list[Located]:
    """The chosen actions that are not inside of another one, in the order of the flowchart."""
    chosen, covered, found = set(ids), set[str](), list[Located]()
    for id in ids:
        document.locate(id)
    for located in document.walk():
        is_inside = located.owner is not None and located.owner.id in covered
        if located.action.id in chosen and not is_inside:
            found.append(located)
        if is_inside or located.action.id in chosen:
            covered.add(located.action.id)
    return found


def insert_all(document: Document, actions: Sequence[Json], place: Place, at: int) -> Document:
    """With the actions put into a block before index `at`. Their ids are free."""
    check_place(document, place)
    return change_block(document, place, lambda row: [*row[: max(at, 0)], *actions, *row[max(at, 0) :]])


def remove_all(document: Document, ids: Collection[str]) -> Document:
    gone = ids_of(roots_of(document, ids))
    return change_blocks(document, lambda place, row: [action for action in row if action["id"] not in gone])


def duplicate_all(document: Document, ids: Collection[str]) -> tuple[Document, list[str]]:
    """With a copy of what is chosen in each block behind it. The ids of the copies are given, too."""
    roots, taken, made = ids_of(roots_of(document, ids)), set(document.ids), list[str]()

    def duplicate(place: Place, row: list[Json]) -> list[Json]:
        copies = [with_new_ids(action, taken) for action in row if action["id"] in roots]
        made.extend(copy["id"] for copy in copies)
        last = max((number for number, action in enumerate(row) if action["id"] in roots), default=-1)
        return [*row[: last + 1], *copies, *row[last + 1 :]]

    return change_blocks(document, duplicate), made


def set_disabled(document: Document, ids: Collection[str], *, disabled: bool) -> Document:
    return change_actions(document, ids_of(roots_of(document, ids)), lambda action: {**action, "disabled": disabled})


def set_note(document: Document, id: str | None, text: str) -> Document:
    """With a note on an action, or on the flow where `id` is None; an empty one takes it away."""
    if len(text) > LONGEST_NOTE:
        raise DocumentError([f"A note has at most {LONGEST_NOTE:,} characters; this one has {len(text):,}."])
    if id is not None:
        return document.with_action(id, note=text or None)
    rest = {name: value for name, value in document.json.items() if name != "note"}
    return parse({**document.json, "note": text} if text else rest)


# Moves


def move_all(document: Document, ids: Collection[str], direction: str) -> Document:
    """With what is chosen moved `up` or `down` by one in its blocks, `into` the container next to it, or `out` of its
    own. Where that leads nowhere it is the same document."""
    roots = roots_of(document, ids)
    if direction in ("up", "down"):
        chosen, step = ids_of(roots), -1 if direction == "up" else 1
        return change_blocks(document, lambda place, row: shift(row, chosen, step))
    check_one_block(roots, "Move those of one lane at a time.")
    if direction == "out":
        owner = roots[0].owner
        if owner is None:
            return document
        outer = document.locate(owner.id)
        return move_to(document, ids, place_of(outer), outer.at + 1)
    target = container_beside(document, roots)
    return move_to(document, ids, (target.id, target.branches[0].id), 0) if target else document


def shift(row: Sequence[Json], chosen: Collection[str], step: int) -> list[Json]:
    """The row with each chosen action one place further, those at its end where they are."""
    moved = list(row)
    for at in range(len(moved)) if step < 0 else reversed(range(len(moved))):
        to = at + step
        if moved[at]["id"] in chosen and 0 <= to < len(moved) and moved[to]["id"] not in chosen:
            moved[at], moved[to] = moved[to], moved[at]
    return moved


def container_beside(document: Document, roots: Sequence[Located]) -> Action | None:
    """The container behind the chosen actions, else the one in front of them."""
    row, first, last = block_at(document, place_of(roots[0])), roots[0].at, roots[-1].at
    near = [*row[last + 1 : last + 2], *row[max(first - 1, 0) : first]]
    return next((action for action in near if action.branches), None)


def move_to(document: Document, ids: Collection[str], place: Place, at: int) -> Document:
    """With what is chosen in a block, one behind the other, before what is at index `at` there now."""
    roots = roots_of(document, ids)
    chosen, actions = ids_of(roots), [located.action.json for located in roots]
    check_place(document, place)
    if any(id in chosen for id in owners_of(document, place)):
        raise DocumentError(["An action cannot go into itself."])

    def move(here: Place, row: list[Json]) -> list[Json]:
        rest = [action for action in row if action["id"] not in chosen]
        if here != place:
            return rest
        before = sum(1 for action in row[: max(at, 0)] if action["id"] not in chosen)
        return [*rest[:before], *actions, *rest[before:]]

    return change_blocks(document, move)


# Containers around actions


def wrap(document: Document, ids: Collection[str], container: Json, branch: str) -> Document:
    """With the container in place of the chosen actions, which are in its branch then. Its ids are free."""
    roots = roots_of(document, ids)
    check_one_block(roots, "Wrap those of one lane at a time.")
    if roots[-1].at - roots[0].at >= len(roots):
        raise DocumentError(["Only actions that follow one another can be wrapped. Choose those between, too."])
    chosen, actions = ids_of(roots), [located.action.json for located in roots]
    lanes = [{**lane, "actions": actions} if lane["id"] == branch else lane for lane in container["branches"]]
    around, at = {**container, "branches": lanes}, roots[0].at

    def put_around(row: list[Json]) -> list[Json]:
        return [*row[:at], around, *(action for action in row[at:] if action["id"] not in chosen)]

    return change_block(document, place_of(roots[0]), put_around)


def unwrap(document: Document, id: str) -> tuple[Document, list[str]]:
    """With what is in the branches of the container in its place, branch by branch. Gives the ids of that, too."""
    located = document.locate(id)
    if not located.action.branches:
        raise DocumentError(["There is nothing around other actions here: only a container can be unwrapped."])
    inner = [action.json for branch in located.action.branches for action in branch.actions]
    at = located.at
    changed = change_block(document, place_of(located), lambda row: [*row[:at], *inner, *row[at + 1 :]])
    return changed, [action["id"] for action in inner]


# Ids


def with_free_ids_only(actions: Sequence[Json], document: Document) -> list[Json]:
    """Copies for the document: an id that is taken there becomes another one, the others stay."""
    taken = set(document.ids)
    return [with_free_id(action, taken) for action in actions]


def with_free_id(action: Json, taken: set[str]) -> Json:
    copy = {**action, "id": take_id(str(action["id"]), taken)}
    if action.get("branches"):
        copy["branches"] = [
            {
                **lane,
                "id": take_id(str(lane["id"]), taken),
                "actions": [with_free_id(inner, taken) for inner in lane.get("actions") or []],
            }
            for lane in action["branches"]
        ]
    return copy


def take_id(id: str, taken: set[str]) -> str:
    if id in taken:
        return free_id(id, taken)
    taken.add(id)
    return id


# Blocks


def change_blocks(document: Document, change: BlockChange) -> Document:
    """With each block of the document changed, outer ones first. What stays the same is shared."""
    actions = document.json.get("actions") or []
    changed = changed_block(TOP, actions, change)
    return document if changed is actions else parse({**document.json, "actions": changed})


def changed_block(place: Place, row: list[Json], change: BlockChange) -> list[Json]:
    inner = [changed_action(action, change) for action in change(place, row)]
    return row if is_same_row(inner, row) else inner


def changed_action(action: Json, change: BlockChange) -> Json:
    lanes = action.get("branches") or []
    changed = [changed_lane(action, lane, change) for lane in lanes]
    return action if is_same_row(changed, lanes) else {**action, "branches": changed}


def changed_lane(owner: Json, lane: Json, change: BlockChange) -> Json:
    row = lane.get("actions") or []
    changed = changed_block((owner["id"], lane["id"]), row, change)
    return lane if changed is row else {**lane, "actions": changed}


def change_block(document: Document, place: Place, change: Callable[[list[Json]], list[Json]]) -> Document:
    return change_blocks(document, lambda here, row: change(row) if here == place else row)


def change_actions(document: Document, ids: Collection[str], change: Callable[[Json], Json]) -> Document:
    return change_blocks(document, lambda _, row: [change(each) if each["id"] in ids else each for each in row])


def is_same_row(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(mine is theirs for mine, theirs in zip(one, other, strict=True))


def block_at(document: Document, place: Place) -> Sequence[Action]:
    owner, branch = place
    if owner is None:
        return document.actions
    found = (lane.actions for lane in document.locate(owner).action.branches if lane.id == branch)
    actions = next(found, None)
    if actions is None:
        raise Vanished(f"branch {branch!r}")
    return actions


def check_place(document: Document, place: Place) -> None:
    block_at(document, place)


def check_one_block(roots: Sequence[Located], way_out: str) -> None:
    if len({place_of(located) for located in roots}) > 1:
        raise DocumentError([f"These actions stand in different lanes. {way_out}"])


def owners_of(document: Document, place: Place) -> Iterator[str]:
    """The containers that the block is in, from the inside."""
    owner = place[0]
    while owner is not None:
        yield owner
        outer = document.locate(owner).owner
        owner = outer.id if outer else None


def ids_of(found: Sequence[Located]) -> set[str]:
    return {located.action.id for located in found}
