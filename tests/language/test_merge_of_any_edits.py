"""Any two edits of a flow, made up: what both wanted is in the merged one, or what excludes it is named."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document
from flows.language.flat import ABSENT, ADDED, MOVED, REMOVED, assemble, changes, flatten
from flows.language.merge import merge
from flows.language.selection import duplicate_all, move_all, set_note, unwrap, wrap
from tests.language.test_merge import BASE, log, named

NAMES = st.sampled_from(["x", "y", "z"])


def edited(draw: st.DrawFn, found: Document) -> Document:
    """The document after one press of somebody."""
    here = [located.action.id for located in found.walk()]
    some = st.sampled_from(here) if here else st.nothing()
    containers = [id for id in here if found.find(id).branches]
    of_action = ["set", "title", "rename", "remove", "move", "duplicate", "disable", "note", "wrap", "unwrap"]
    verbs = ["insert", "inputs", "name", *(of_action if here else [])]
    verb = draw(st.sampled_from(verbs + ["lane", "add lane", "remove lane"] * bool(containers)))
    if verb == "insert":
        place = draw(st.sampled_from(list(flatten(found).blocks)))
        return found.insert(log(found.new_id("log")), owner=place[0], branch=place[1], at=draw(st.integers(0, 4)))
    if verb == "inputs":
        names = draw(st.lists(st.sampled_from(["question", "more", "third"]), unique=True, max_size=3))
        return found.with_inputs([{"name": name, "type": draw(st.sampled_from(["text", "list"]))} for name in names])
    if verb == "name":
        return found.with_name(draw(NAMES))
    if verb in ("lane", "add lane", "remove lane"):
        owner = draw(st.sampled_from(containers))
        branches = found.find(owner).branches
        branch = draw(st.sampled_from([branch.id for branch in branches]))
        if verb == "add lane":
            return found.add_branch(owner, title="If", condition="")
        if verb == "lane":
            return found.with_branch(branch, title=draw(NAMES), condition=draw(NAMES), owner=owner)
        return found.remove_branch(branch, owner=owner) if len(branches) > 1 else found
    id = draw(some)
    match verb:
        case "set":
            return found.with_properties(id, {**found.find(id).properties, draw(NAMES): draw(NAMES)})
        case "title":
            return found.with_action(id, title=draw(NAMES))
        case "rename":
            for each in here:
                found = found.with_properties(each, {**found.find(each).properties, "message": "renamed"})
            return found
        case "remove":
            return found.remove(id)
        case "move":
            return move_all(found, [id], draw(st.sampled_from(["up", "down", "into", "out"])))
        case "duplicate":
            return duplicate_all(found, [id])[0]
        case "note":
            return set_note(found, draw(st.sampled_from([None, id])), draw(NAMES))
        case "wrap":
            around = found.new_id("each")
            lanes = [{"id": f"{around}-body", "title": "", "actions": []}]
            return wrap(found, [id], {"id": around, "type": "for_each", "branches": lanes}, lanes[0]["id"])
        case "unwrap":
            return unwrap(found, draw(st.sampled_from(containers)))[0] if containers else found
    return found.with_action(id, disabled=not found.find(id).disabled)


@st.composite
def versions(draw: st.DrawFn) -> tuple[Document, Document, Document]:
    base, made = BASE, []
    for _ in range(draw(st.integers(0, 3))):
        base = edited(draw, base)
    for _ in range(2):
        version = base
        for _ in range(draw(st.integers(1, 3))):
            version = edited(draw, version)
        made.append(version)
    return base, made[0], made[1]


def around(found: Any, id: str | None) -> set[str | None]:
    """The action and everything that it is in."""
    chain: set[str | None] = {id}
    while id is not None and id in found.places:
        id = found.places[id][0]
        chain.add(id)
    return chain


@settings(max_examples=300, deadline=None)
@given(versions())
def test_any_two_edits_merge_to_what_both_wanted_or_name_what_excludes_each_other(made):
    base, mine, theirs = made
    merged = merge(base, mine, theirs)
    old, new, names = flatten(base), flatten(merged.document), named(merged)
    assert {id for id in old.places if id in flatten(mine).places and id in flatten(theirs).places} <= {*new.places}
    removed = {id for id, key in names if key == REMOVED}
    lanes = {(id, key[1]) for id, key in names if key[0] == "branches" and len(key) == 2}
    for side, renamed in ((mine, merged.renamed), (theirs, {})):
        wanted = flatten(side)

        def excused(id: str | None, wanted: Any = wanted) -> bool:
            """What it is in is named, because the other removed it."""
            places = [flat.places[each] for flat in (wanted, old) for each in around(flat, id) if each in flat.places]
            return bool((around(wanted, id) | around(old, id)) & removed) or any(place in lanes for place in places)

        def called(place: Any, renamed: Any = renamed) -> Any:
            """Where its owner has another name in the merged flow."""
            return renamed.get(place[0], place[0]), place[1]

        for change in changes(base, side):
            id = renamed.get(change.action_id, change.action_id)
            if {(id, change.key), (id, change.key[:2])} & names or excused(change.action_id):
                continue
            if change.key == REMOVED:
                assert id not in new.places, change
            elif change.key == ADDED:
                assert new.places[id][0] == called(wanted.places[change.action_id])[0], change
                assert new.of_actions[id] == wanted.of_actions[change.action_id], change
            elif change.key == MOVED:
                assert change.before == change.after or new.places[id] == called(change.after), change
            elif change.key[0] == "branches" and len(change.key) == 2:
                assert (change.key[1] in new.branches[id]) == change.after or not change.before, change
            else:
                assert id is None or id in new.places, change
                assert new.values.get((id, change.key), ABSENT) == change.after, change
        for place, row in wanted.blocks.items():
            both = [id for id in row if old.places.get(id) == place == new.places.get(id)]
            before, after = old.blocks.get(place, []), new.blocks.get(place, [])
            for number, one in enumerate(both):
                for other in both[number + 1 :]:
                    if before.index(one) > before.index(other) and not {(one, MOVED), (other, MOVED)} & names:
                        assert after.index(one) < after.index(other), (place, one, other)


@settings(max_examples=100, deadline=None)
@given(versions())
def test_a_collision_is_about_what_both_changed(made):
    base, mine, theirs = made
    old = flatten(base)
    sides = [(flatten(side), changes(base, side)) for side in (mine, theirs)]
    for collision in merge(base, mine, theirs).collisions:
        id, key = collision.action_id, collision.key
        if key == REMOVED:
            assert sum(id not in flat.places for flat, _ in sides) == 1
            inside = set(old.within(id))
            others = [found for flat, found in sides if id in flat.places]
            assert any(
                around(flatten(made[1 + (found is sides[1][1])]), c.action_id) & inside
                for found in others
                for c in found
            )
        elif len(key) > 1 and key[0] == "branches" and len(key) == 2:
            assert any(key[1] not in flat.branches.get(id, ()) for flat, _ in sides)
        elif key != MOVED:
            assert all((id, key) in {(c.action_id, c.key) for c in found} for _, found in sides), collision
        else:
            assert any(c.key == MOVED for c in sides[0][1])
            assert sides[1][1]


@settings(max_examples=100, deadline=None)
@given(versions())
def test_what_only_one_changed_is_theirs_alone(made):
    base, mine, theirs = made
    assert merge(base, mine, base).document == mine
    assert merge(base, base, theirs).document == theirs
    assert not merge(base, mine, base).collisions
    assert assemble(flatten(mine)).json == mine.json
