"""Three versions of a flow: both changes in one document, or the names of what excludes each other."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document, parse
from flows.language.flat import ABSENT, ADDED, MOVED, REMOVED, assemble, changes, flatten
from flows.language.merge import merge, with_value_of
from flows.language.selection import duplicate_all, move_all, move_to, set_note, unwrap, wrap


def log(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "log", "properties": {"message": id}, **more}


def document(*actions: dict[str, Any], **more: Any) -> Document:
    return parse({"format": "foundryflow/1", "name": "Race", "inputs": [], "actions": list(actions), **more})


BASE = document(
    log("a"),
    {
        "id": "route",
        "type": "if_else",
        "branches": [
            {"id": "yes", "title": "If", "condition": "true", "actions": [log("in"), log("in2"), log("in3")]},
            {"id": "no", "title": "", "actions": []},
        ],
    },
    log("b"),
    {"id": "each", "type": "for_each", "branches": [{"id": "body", "title": "", "actions": [log("c")]}]},
    log("d"),
    inputs=[{"name": "question", "type": "text"}, {"name": "more", "type": "number"}],
)


def named(found: Any) -> set[tuple[str | None, tuple[str, ...]]]:
    return {(each.action_id, each.key) for each in found.collisions}


def ids(found: Document, owner: str | None = None, branch: str | None = None) -> list[str]:
    return flatten(found).blocks.get((owner, branch), [])


def test_different_properties_of_one_action_merge():
    merged = merge(BASE, BASE.with_properties("a", {"message": "mine"}), BASE.with_action("a", title="Theirs"))
    assert not merged.collisions
    action = merged.document.find("a")
    assert (action.title, action.properties["message"]) == ("Theirs", "mine")


def test_the_same_property_is_named_with_both_values_and_stays_as_they_have_it():
    merged = merge(BASE, BASE.with_action("a", title="Mine"), BASE.with_action("a", title="Theirs"))
    (collision,) = merged.collisions
    assert (collision.action_id, collision.key) == ("a", ("title",))
    assert (collision.mine, collision.theirs) == ("Mine", "Theirs")
    assert merged.document.find("a").title == "Theirs"
    assert (
        with_value_of(merged.document, BASE.with_action("a", title="Mine"), "a", ("title",)).find("a").title == "Mine"
    )


def test_the_same_change_twice_is_one_change():
    mine = move_all(BASE.with_action("a", title="Same"), ["b"], "up")
    merged = merge(BASE, mine, mine)
    assert (merged.document, merged.collisions) == (mine, [])


def test_two_inserts_with_one_id_are_two_actions_the_first_in_front():
    merged = merge(BASE, BASE.insert(log("log"), at=5), BASE.insert(log("log"), at=5))
    assert ids(merged.document)[-3:] == ["d", "log", "log2"]
    assert merged.renamed == {"log": "log2"}


def test_an_edit_in_what_they_removed_is_named():
    merged = merge(BASE, BASE.with_action("in", title="Mine"), BASE.remove("route"))
    assert named(merged) == {("route", REMOVED)}
    assert merged.document.find("route") is None


def test_what_they_edited_stays_though_i_removed_what_it_is_in():
    merged = merge(BASE, BASE.remove("route"), BASE.with_action("in", title="Theirs"))
    assert named(merged) == {("route", REMOVED)}
    assert merged.document.find("in").title == "Theirs"


def test_what_both_moved_elsewhere_is_named_and_stands_where_they_put_it():
    merged = merge(BASE, move_all(BASE, ["in"], "out"), move_all(move_all(BASE, ["in"], "down"), ["in"], "down"))
    assert named(merged) == {("in", MOVED)}
    assert ids(merged.document, "route", "yes") == ["in2", "in3", "in"]


def test_two_containers_that_would_hold_each_other_do_not():
    base = document(
        {"id": "x", "type": "for_each", "branches": [{"id": "xb", "actions": []}]},
        {"id": "y", "type": "for_each", "branches": [{"id": "yb", "actions": []}]},
    )
    merged = merge(base, move_all(base, ["x"], "into"), move_all(base, ["y"], "into"))
    assert named(merged) == {("x", MOVED)}
    assert ids(merged.document, "x", "xb") == ["y"]


def test_inputs_merge_by_name():
    theirs = BASE.with_inputs([{"name": "question", "type": "list"}, {"name": "more", "type": "number"}])
    mine = BASE.with_inputs([{"name": "question", "type": "text"}, {"name": "new", "type": "text"}])
    merged = merge(BASE, mine, theirs)
    assert not merged.collisions
    assert [(i.name, i.type) for i in merged.document.inputs] == [("question", "list"), ("new", "text")]
    both = merge(BASE, BASE.with_inputs([{"name": "question", "type": "object"}]), theirs)
    assert named(both) == {(None, ("inputs", "question"))}


def test_lanes_that_both_add_are_two():
    merged = merge(
        BASE, BASE.add_branch("route", title="If", condition=""), BASE.add_branch("route", title="If", condition="")
    )
    assert (len(merged.document.find("route").branches), merged.collisions) == (4, [])
    assert merged.document.find("route").branches[-1].id == "no"


def test_the_last_lane_is_not_removed_by_two_people():
    merged = merge(BASE, BASE.remove_branch("no"), BASE.remove_branch("yes"))
    assert merged.document.find("route").branches
    assert named(merged)


def ordered(found: Document, *row: str) -> Document:
    """With the actions of the top level in this order."""
    by_id = {each["id"]: each for each in found.json["actions"]}
    return parse({**found.json, "actions": [by_id[id] for id in row]})


def test_what_i_put_into_what_they_removed_goes_with_it() -> None:
    merged = merge(BASE, BASE.insert(log("x"), owner="each", branch="body"), BASE.remove("each"))
    assert named(merged) == {("each", REMOVED)}
    assert ids(merged.document) == ["a", "route", "b", "d"]
    assert merged.document.find("x") is None


def test_a_lane_that_one_removed_and_the_other_changed_is_named_and_as_they_have_it() -> None:
    without, renamed = (
        BASE.remove_branch("yes", owner="route"),
        BASE.with_branch("yes", title="Y", condition="y", owner="route"),
    )
    mine_removed, they_removed = merge(BASE, without, renamed), merge(BASE, renamed, without)
    assert named(mine_removed) == named(they_removed) == {("route", ("branches", "yes"))}
    assert mine_removed.document.find("route").branches[0].title == "Y"
    assert [lane.id for lane in mine_removed.document.find("route").branches] == ["yes", "no"]
    assert [lane.id for lane in they_removed.document.find("route").branches] == ["no"]


def test_a_lane_that_i_removed_stays_where_they_changed_what_is_in_it() -> None:
    merged = merge(BASE, BASE.remove_branch("yes", owner="route"), BASE.with_action("in2", title="Theirs"))
    assert named(merged) == {("in2", REMOVED), ("route", ("branches", "yes"))}
    assert [lane.id for lane in merged.document.find("route").branches] == ["yes", "no"]
    assert ids(merged.document, "route", "yes") == ["in2"]


def test_what_i_put_into_a_lane_that_they_removed_goes_with_it() -> None:
    mine = BASE.insert(log("x"), owner="route", branch="yes")
    merged = merge(BASE, mine, BASE.remove_branch("yes", owner="route"))
    assert ("route", ("branches", "yes")) in named(merged)
    assert merged.document.find("x") is None


@pytest.mark.parametrize(
    "theirs",
    [
        move_all(BASE, ["in3"], "up"),
        move_all(BASE, ["in"], "out"),
        BASE.with_properties("in2", {"message": "theirs"}),
        BASE.add_branch("route", title="If", condition="x"),
        BASE.insert(log("x"), owner="route", branch="no"),
    ],
)
def test_whatever_they_did_to_what_i_removed_is_named_and_it_stays(theirs: Document) -> None:
    merged = merge(BASE, BASE.remove("route"), theirs)
    assert ("route", REMOVED) in named(merged)
    assert merged.document.find("route") is not None
    assert ids(merged.document) == ids(theirs)


def test_what_one_took_out_of_a_container_that_both_removed_is_named() -> None:
    without = BASE.remove("each")
    rescued = without.insert(log("c"))
    merged = merge(BASE, rescued, without)
    assert (named(merged), merged.document) == ({("c", REMOVED)}, without)
    merged = merge(BASE, without, rescued)
    assert (named(merged), merged.document) == ({("c", REMOVED)}, rescued)


def test_a_lane_that_i_removed_goes_where_they_changed_something_else() -> None:
    merged = merge(BASE, BASE.remove_branch("yes", owner="route"), BASE.with_action("a", title="Theirs"))
    assert not merged.collisions
    assert [lane.id for lane in merged.document.find("route").branches] == ["no"]
    assert (merged.document.find("in"), merged.document.find("a").title) == (None, "Theirs")


def test_a_lane_that_i_removed_stays_where_they_put_something_into_it() -> None:
    theirs = BASE.insert(log("x"), owner="route", branch="no")
    merged = merge(BASE, BASE.remove_branch("no", owner="route"), theirs)
    assert (named(merged), merged.document) == ({("route", ("branches", "no"))}, theirs)


def test_what_i_moved_into_what_they_removed_stays_where_it_was() -> None:
    merged = merge(BASE, move_all(BASE, ["b"], "into"), BASE.remove("each"))
    assert named(merged) == {("each", REMOVED), ("b", MOVED)}
    assert ids(merged.document) == ["a", "route", "b", "d"]


def test_what_both_moved_to_another_block_is_where_they_put_it() -> None:
    mine, theirs = move_to(BASE, ["a"], ("route", "no"), 0), move_to(BASE, ["a"], ("each", "body"), 0)
    assert (named(merge(BASE, mine, theirs)), merge(BASE, mine, theirs).document) == ({("a", MOVED)}, theirs)
    again = merge(BASE, mine, mine.with_name("Other"))
    assert (list(again.collisions), ids(again.document, "route", "no")) == ([], ["a"])
    within = merge(BASE, mine, ordered(BASE, "route", "b", "each", "d", "a"))
    assert named(within) == {("a", MOVED)}


def test_who_changed_nothing_gets_what_the_other_has() -> None:
    changed = BASE.with_name("Other")
    assert merge(BASE, changed, BASE).document is changed
    assert merge(BASE, BASE, changed).document is changed


def test_what_i_moved_within_its_row_and_they_out_of_it_is_named() -> None:
    mine = move_all(move_all(BASE, ["in3"], "up"), ["in3"], "up")
    merged = merge(BASE, mine, move_all(BASE, ["in3"], "out"))
    assert named(merged) == {("in3", MOVED)}
    assert ids(merged.document) == ids(move_all(BASE, ["in3"], "out"))


def test_what_both_moved_within_a_row_is_named_where_it_stands_elsewhere() -> None:
    mine, theirs = ordered(BASE, "route", "b", "each", "d", "a"), ordered(BASE, "route", "b", "a", "each", "d")
    merged = merge(BASE, mine, theirs)
    assert (named(merged), merged.document) == ({("a", MOVED)}, theirs)
    assert not merge(BASE, mine, mine.with_name("Other")).collisions


def test_inputs_that_both_moved_are_named() -> None:
    def with_inputs(*names: str) -> Document:
        return BASE.with_inputs([{"name": name, "type": "text"} for name in names])

    merged = merge(with_inputs(*"abcd"), with_inputs(*"bcda"), with_inputs(*"bcad"))
    assert named(merged) == {(None, ("inputs", "a"))}
    assert [declared.name for declared in merged.document.inputs] == [*"bcad"]


def test_one_value_is_taken_from_another_version() -> None:
    mine = BASE.with_properties("a", {"message": "mine", "level": "error"})
    assert with_value_of(BASE, mine, "a", ("properties", "message")).find("a").properties == {"message": "mine"}
    assert with_value_of(mine, BASE, "a", ("properties", "level")).find("a").properties == {"message": "mine"}
    assert with_value_of(mine, mine.with_name("N"), None, ("name",)).name == "N"
    gone = BASE.remove("a")
    assert with_value_of(gone, mine, "a", ("properties", "message")) is gone


# Any two edits

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


@pytest.mark.parametrize("count", [300])
def test_a_large_flow_merges_in_no_time(count):
    base = document(*(log(f"n{n}") for n in range(count)))
    merged = merge(base, move_all(base, ["n9"], "down"), base.remove("n200").with_action("n7", title="x"))
    assert (len(ids(merged.document)), merged.collisions) == (count - 1, [])
