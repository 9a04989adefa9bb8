"""Two people have changed the same document: both changes in one, or the names of those that exclude each other.

Values are compared one by one: a property that one of them changed is taken from them. Rows (blocks, branches, inputs)
are theirs, with what I inserted and moved put where I put it. What collides is left as they have it and named; nothing
else is decided silently.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flows.language.document import Document, free_id, parse
from flows.language.flat import (
    ABSENT,
    MOVED,
    REMOVED,
    FlatDocument,
    Key,
    Where,
    assemble,
    flatten,
    is_same,
    lay_out,
    moved_between,
)
from flows.language.nodes import Json, Place
from flows.language.row_merge import RowMerge


@dataclass(frozen=True)
class Collision:
    """One thing that both changed, each to something else. `REMOVED`: one removed an action that the other changed."""

    action_id: str | None  # None: of the flow itself
    key: Key
    mine: Any = ABSENT
    theirs: Any = ABSENT


@dataclass(frozen=True)
class MergedDocument:
    document: Document
    collisions: Sequence[Collision] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)  # actions of mine whose ids they had given away, too


def merge(base: Document, mine: Document, theirs: Document) -> MergedDocument:
    """Raises DocumentError when both together are more than a flow may hold."""
    if base.json == theirs.json:
        return MergedDocument(mine)
    if mine.json == base.json:
        return MergedDocument(theirs)
    mine, renamed = with_free_ids(base, mine, theirs)
    found = DocumentMerge(flatten(base), flatten(mine), flatten(theirs))
    document = assemble(found.merged())
    # What changed nothing is the very document, so that it needs no revision.
    return MergedDocument(theirs if document.json == theirs.json else document, found.collisions(), renamed)


def with_value_of(document: Document, source: Document, action_id: str | None, key: Key) -> Document:
    """The document with one value as it is in another one."""
    flat, value = lay_out(document), flatten(source).values.get((action_id, key), ABSENT)
    if action_id is not None and action_id not in flat.places:
        return document
    if value is ABSENT:
        flat.values.pop((action_id, key), None)
    else:
        flat.values[action_id, key] = value
    return assemble(flat)


class DocumentMerge:
    """Three versions laid out flat, and what is found out about them, each from what was found before."""

    def __init__(self, base: FlatDocument, mine: FlatDocument, theirs: FlatDocument) -> None:
        self.base, self.mine, self.theirs = base, mine, theirs
        self._collisions: dict[Where, Collision] = {}
        self._moved_by_me, self._moved_by_them = moved_between(base, mine), moved_between(base, theirs)
        self._gone = self._removed_by(mine, theirs, self._moved_by_them)
        self._removed_by(theirs, mine, self._moved_by_me)
        self._branches = {id: self._branches_of(id) for id in theirs.branches}
        self._places = self._found_places()
        self._keep_branches_in_use()

    def collisions(self) -> list[Collision]:
        return list(self._collisions.values())

    def merged(self) -> FlatDocument:
        """Call it before asking for the collisions."""
        made = FlatDocument(branches=self._branches)
        contents: dict[Place, set[str]] = {}
        for id, place in self._places.items():
            contents.setdefault(place, set()).add(id)
        for place, ids in contents.items():
            base, mine, theirs = (flat.blocks.get(place, []) for flat in (self.base, self.mine, self.theirs))
            made.blocks[place] = self._row(ids, base, mine, theirs, self._note_move)
        made.values = self._merged_values(made)
        return made

    def _note(self, action_id: str | None, key: Key, mine: Any = ABSENT, theirs: Any = ABSENT) -> None:
        self._collisions.setdefault((action_id, key), Collision(action_id, key, mine, theirs))

    def _note_move(self, id: str) -> None:
        self._note(id, MOVED)

    # What is removed

    def _removed_by(self, one: FlatDocument, other: FlatDocument, moved: Collection[str]) -> set[str]:
        """Actions that one removed; those in which the other changed something are named, and are none of them."""
        removed = {id for id in self.base.places if id not in one.places}
        roots = [id for id in self.base.places if id in removed and self.base.places[id][0] not in removed]
        for root in roots:
            inside = [id for id in self.base.within(root) if id in removed]
            touched = [id for id in inside if self._is_touched(id, other, moved)]
            if touched or self._is_filled(set(inside), other):
                # Of a container that both removed it is about what the other took out of it before.
                for id in [root] if root in other.places else touched:
                    self._note(id, REMOVED)
                removed.difference_update(inside)
        return removed

    def _is_touched(self, id: str, by: FlatDocument, moved: Collection[str]) -> bool:
        if id not in by.places:
            return False
        return (
            id in moved
            or by.places[id] != self.base.places[id]
            or by.of_actions[id] != self.base.of_actions[id]
            or by.branches.get(id) != self.base.branches.get(id)
        )

    def _is_filled(self, containers: Collection[str], by: FlatDocument) -> bool:
        """Whether something was put into one of them."""
        return any(
            owner in containers and self.base.places.get(id) != (owner, branch)
            for id, (owner, branch) in by.places.items()
        )

    # Branches

    def _branches_of(self, id: str) -> list[str]:
        base, theirs = self.base.branches.get(id, []), self.theirs.branches[id]
        mine = self.mine.branches.get(id, base)
        both = {*theirs, *(branch for branch in mine if branch not in base)}
        for branch in (branch for branch in base if branch not in mine and branch in theirs):
            if self._is_branch_touched(id, branch, self.theirs):
                self._note(id, ("branches", branch))
            else:
                both.discard(branch)
        for branch in (branch for branch in base if branch in mine and branch not in theirs):
            if self._is_branch_touched(id, branch, self.mine):
                self._note(id, ("branches", branch))
        if not both:
            both = set(theirs)
            for branch in theirs:
                self._note(id, ("branches", branch))
        return self._row(both, base, mine, theirs, lambda branch: self._note(id, ("branches", branch)))

    def _is_branch_touched(self, id: str, branch: str, by: FlatDocument) -> bool:
        return branch_values(by, id, branch) != branch_values(self.base, id, branch) or any(
            self.base.places.get(inner) != (id, branch) for inner in by.blocks.get((id, branch), ())
        )

    def _keep_branches_in_use(self) -> None:
        """One that I removed stays where they have something in it."""
        for _, (owner, branch) in self._places.items():
            if owner is not None and branch is not None and branch not in self._branches.setdefault(owner, []):
                self._note(owner, ("branches", branch))
                row = [
                    each
                    for each in self.theirs.branches.get(owner, [branch])
                    if each in (*self._branches[owner], branch)
                ]
                self._branches[owner] = [*row, *(each for each in self._branches[owner] if each not in row)]

    # Where actions stand

    def _found_places(self) -> dict[str, Place]:
        places: dict[str, Place] = {id: place for id, place in self.theirs.places.items() if id not in self._gone}
        moved_here: list[str] = []  # to another block, by me
        for id, place in self.mine.places.items():
            if id not in self.base.places:
                if self._is_there(place):  # what it is in comes before it
                    places[id] = place
                    if id in self.mine.branches:
                        self._branches[id] = self.mine.branches[id]
            elif id in places and self._goes_where_i_put_it(id, place):
                places[id] = place
                moved_here.append(id)
        self._keep_containers_in_use(places)
        while loose := next((id for id in moved_here if not reaches_top(id, places)), None):
            moved_here.remove(loose)
            self._note_move(loose)
            places[loose] = self.theirs.places[loose]
            self._keep_containers_in_use(places)
        return places

    def _keep_containers_in_use(self, places: dict[str, Place]) -> None:
        """One that I removed stays where something stays in it."""
        for owner, _ in [*places.values()]:
            while owner is not None and owner not in places:
                self._note(owner, REMOVED)
                places[owner] = self.theirs.places[owner]
                owner = places[owner][0]

    def _is_there(self, place: Place) -> bool:
        owner, branch = place
        return owner is None or branch in self._branches.get(owner, ())

    def _goes_where_i_put_it(self, id: str, place: Place) -> bool:
        """Whether I alone moved it to another block."""
        base, theirs = self.base.places[id], self.theirs.places[id]
        if place == base:
            if theirs != base and id in self._moved_by_me:
                self._note_move(id)
            return False
        if theirs == place:
            return False
        if theirs != base or id in self._moved_by_them or not self._is_there(place):
            self._note_move(id)
            return False
        return True

    # Rows

    def _row(
        self,
        ids: Collection[str],
        base: Sequence[str],
        mine: Sequence[str],
        theirs: Sequence[str],
        note: Callable[[str], None],
    ) -> list[str]:
        """What stands in a row, in the order that both want; `note` is told what was moved to two places."""
        merged = RowMerge(base, [id for id in mine if id in ids], [id for id in theirs if id in ids])
        for id in merged.settle():
            note(id)
        return merged.row

    # Values

    def _merged_values(self, made: FlatDocument) -> dict[Where, Any]:
        values: dict[Where, Any] = {}
        for where in dict.fromkeys([*self.theirs.values, *self.mine.values]):
            action_id, key = where
            if action_id is not None and action_id not in made.places:
                continue
            if key[0] == "branches" and action_id is not None and key[1] not in self._branches.get(action_id, ()):
                continue
            value = self._merged_value(where)
            if value is not ABSENT:
                values[where] = value
        return self._with_inputs_in_order(values)

    def _merged_value(self, where: Where) -> Any:
        base, mine, theirs = (flat.values.get(where, ABSENT) for flat in (self.base, self.mine, self.theirs))
        if is_same(mine, theirs) or is_same(mine, base) or self._is_kept_whole(where):
            return theirs
        if is_same(theirs, base):
            return mine
        self._note(*where, mine, theirs)
        return theirs

    def _is_kept_whole(self, where: Where) -> bool:
        """Whether it belongs to what I removed and they keep, which says nothing of its values."""
        action_id, key = where
        if action_id is None:
            return False
        if action_id not in self.mine.places:
            return True
        return key[0] == "branches" and key[1] not in self.mine.branches.get(action_id, ())

    def _with_inputs_in_order(self, values: dict[Where, Any]) -> dict[Where, Any]:
        found = {where[1][1]: value for where, value in values.items() if where[0] is None and is_input(where[1])}
        row = self._row(found, self.base.inputs, self.mine.inputs, self.theirs.inputs, self._note_input)
        rest = {where: value for where, value in values.items() if where[0] is not None or not is_input(where[1])}
        return {**rest, **{(None, ("inputs", name)): found[name] for name in row}}

    def _note_input(self, name: str) -> None:
        self._note(None, ("inputs", name), self.mine.values.get((None, ("inputs", name)), ABSENT))


def is_input(key: Key) -> bool:
    return key[0] == "inputs" and len(key) > 1


def branch_values(flat: FlatDocument, id: str, branch: str) -> dict[Key, Any]:
    found = flat.of_actions.get(id, {})
    return {key: value for key, value in found.items() if key[:2] == ("branches", branch)}


def reaches_top(id: str, places: Mapping[str, Place]) -> bool:
    seen: set[str] = set()
    at: str | None = id
    while at is not None:
        if at in seen:
            return False
        seen.add(at)
        at = places[at][0]
    return True


def with_free_ids(base: Document, mine: Document, theirs: Document) -> tuple[Document, dict[str, str]]:
    """Mine with other ids for what I added under an id that they have given to something of theirs."""
    old, my, their = flatten(base), flatten(mine), flatten(theirs)
    taken = {*old.places, *my.places, *their.places}
    for flat in (old, my, their):
        taken.update(branch for row in flat.branches.values() for branch in row)
    renamed = {id: free_id(id, taken) for id in my.places if id in their.places and id not in old.places}
    branches = {
        (id, branch): free_id(branch, taken)
        for id, row in my.branches.items()
        for branch in row
        if branch in their.branches.get(id, ()) and branch not in old.branches.get(id, ()) and id not in renamed
    }
    if not renamed and not branches:
        return mine, {}
    actions = [with_ids(action, renamed, branches) for action in mine.json.get("actions") or []]
    return parse({**mine.json, "actions": actions}), renamed


def with_ids(action: Json, renamed: Mapping[str, str], branches: Mapping[tuple[str, str], str]) -> Json:
    id = str(action["id"])
    made = {**action, "id": renamed.get(id, id)}
    if action.get("branches"):
        made["branches"] = [
            {
                **lane,
                "id": branches.get((id, lane["id"]), lane["id"]),
                "actions": [with_ids(inner, renamed, branches) for inner in lane.get("actions") or []],
            }
            for lane in action["branches"]
        ]
    return made
