"""Three versions of a flow: both changes in one document, or the names of what excludes each other."""

from typing import Any

import pytest

from flows.language.document import Document, parse
from flows.language.flat import MOVED, REMOVED, flatten
from flows.language.merge import merge, with_value_of
from flows.language.selection import duplicate_all, move_all, move_to, unwrap


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
    assert ids(merged.document, "route", "yes") == ["in", "in2", "in3"]


def test_the_last_lane_is_not_removed_by_two_people():
    merged = merge(BASE, BASE.remove_branch("no"), BASE.remove_branch("yes"))
    assert [lane.id for lane in merged.document.find("route").branches] == ["no"]
    assert named(merged) == {("route", ("branches", "no"))}


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
    (collision,) = merged.collisions
    assert (collision.key, collision.mine) == (("inputs", "a"), {"name": "a", "type": "text"})
    assert [declared.name for declared in merged.document.inputs] == [*"bcad"]


def test_inputs_are_in_my_order_where_they_changed_something_else() -> None:
    mine = BASE.with_inputs([{"name": "more", "type": "number"}, {"name": "question", "type": "text"}])
    merged = merge(BASE, mine, BASE.with_action("a", title="Theirs"))
    assert ([declared.name for declared in merged.document.inputs], merged.collisions) == (["more", "question"], [])


def with_lanes(*row: str) -> Document:
    """A container with lanes in this order, and nothing in them."""
    lanes = [{"id": id, "title": "", "actions": []} for id in row]
    return document({"id": "route", "type": "if_else", "branches": lanes}, log("a"))


def test_lanes_that_both_moved_are_named() -> None:
    merged = merge(with_lanes(*"abcd"), with_lanes(*"bcda"), with_lanes(*"bcad"))
    assert named(merged) == {("route", ("branches", "a"))}
    assert [lane.id for lane in merged.document.find("route").branches] == [*"bcad"]


def test_a_container_whose_lanes_they_moved_is_not_removed() -> None:
    mine, theirs = with_lanes(*"abc").remove("route"), with_lanes(*"bca")
    merged = merge(with_lanes(*"abc"), mine, theirs)
    assert (named(merged), merged.document) == ({("route", REMOVED)}, theirs)


def test_a_lane_that_stays_for_what_is_in_it_stands_where_they_have_it_and_what_i_did_to_others_holds() -> None:
    base = BASE.add_branch("route", title="Middle", condition="x")
    mine = base.add_branch("route", title="New", condition="y")
    mine = mine.remove_branch("yes", owner="route").remove_branch("route-1", owner="route")
    merged = merge(base, mine, base.with_action("in2", title="Theirs"))
    assert [lane.title for lane in merged.document.find("route").branches] == ["If", "", "New"]


def test_a_lane_that_i_removed_goes_where_they_changed_its_container_alone() -> None:
    merged = merge(BASE, BASE.remove_branch("no", owner="route"), BASE.with_action("route", title="Theirs"))
    assert not merged.collisions
    assert [lane.id for lane in merged.document.find("route").branches] == ["yes"]


def test_what_i_changed_of_a_lane_holds_where_they_removed_another_one() -> None:
    mine = BASE.with_branch("body", title="Mine", condition="", owner="each")
    merged = merge(BASE, mine, BASE.remove_branch("yes", owner="route"))
    assert (merged.document.find("each").branches[0].title, merged.collisions) == ("Mine", [])


def test_what_both_moved_into_one_lane_is_in_it() -> None:
    merged = merge(BASE, move_to(BASE, ["a"], ("each", "body"), 0), move_to(BASE, ["d"], ("each", "body"), 3))
    assert (ids(merged.document, "each", "body"), merged.collisions) == (["a", "c", "d"], [])


def test_what_i_moved_into_a_lane_that_they_removed_stays_where_it_was() -> None:
    merged = merge(BASE, move_to(BASE, ["d"], ("route", "no"), 0), BASE.remove_branch("no", owner="route"))
    assert named(merged) == {("d", MOVED), ("route", ("branches", "no"))}
    assert ids(merged.document) == ["a", "route", "b", "each", "d"]


def test_what_i_took_out_of_a_container_and_they_changed_stays_where_i_put_it_as_they_have_it() -> None:
    mine = BASE.remove("each").insert(log("c"))
    merged = merge(BASE, mine, BASE.with_properties("c", {"message": "theirs"}))
    assert not merged.collisions
    assert (ids(merged.document), merged.document.find("c").properties) == (ids(mine), {"message": "theirs"})


def test_of_what_would_hold_each_other_as_much_as_needed_stays_where_it_was() -> None:
    inside = {"id": "x", "type": "for_each", "branches": [{"id": "xb", "actions": [log("z")]}]}
    base = document(inside, {"id": "y", "type": "for_each", "branches": [{"id": "yb", "actions": []}]})
    mine = move_to(move_to(base, ["z"], ("y", "yb"), 0), ["x"], ("y", "yb"), 1)
    merged = merge(base, mine, move_to(base, ["y"], ("x", "xb"), 0))
    assert named(merged) == {("z", MOVED), ("x", MOVED)}
    assert (ids(merged.document), ids(merged.document, "x", "xb")) == (["x"], ["y", "z"])


def test_what_i_added_gets_another_name_than_anything_there_is_and_keeps_that_of_its_lanes() -> None:
    base = with_lanes("log2", "copy")
    merged = merge(base, base.insert(log("log")), base.insert(log("log")))
    assert merged.renamed == {"log": "log3"}

    twice = merge(BASE, duplicate_all(BASE, ["route"])[0], duplicate_all(BASE, ["route"])[0])
    once = merge(BASE, duplicate_all(BASE, ["route"])[0], BASE.with_name("Other"))
    lanes = [lane.id for lane in duplicate_all(BASE, ["route"])[0].find("route2").branches]
    assert ids(twice.document, "route3", lanes[0]) == ["in7", "in8", "in9"]
    for copy in (twice.document.find("route2"), twice.document.find("route3"), once.document.find("route2")):
        assert [lane.id for lane in copy.branches] == lanes


def test_what_a_flow_has_under_unknown_names_merges_too() -> None:
    base = document(log("a"), branches={"x": 1}, other=[])
    merged = merge(base, base.with_name("Mine"), base.with_action("a", title="Theirs"))
    assert (merged.document.json["branches"], merged.document.json["other"]) == ({"x": 1}, [])


def test_one_value_is_taken_from_another_version() -> None:
    mine = BASE.with_properties("a", {"message": "mine", "level": "error"})
    assert with_value_of(BASE, mine, "a", ("properties", "message")).find("a").properties == {"message": "mine"}
    assert with_value_of(mine, BASE, "a", ("properties", "level")).find("a").properties == {"message": "mine"}
    assert with_value_of(mine, mine.with_name("N"), None, ("name",)).name == "N"
    gone = BASE.remove("a")
    assert with_value_of(gone, mine, "a", ("properties", "message")) is gone


@pytest.mark.parametrize(
    ("mine", "theirs", "named_ones", "inside"),
    [
        (
            unwrap(BASE, "route")[0],
            move_to(BASE, ["in"], ("route", "yes"), 2),
            {("route", REMOVED), ("in2", MOVED)},
            ["in2"],
        ),
        (
            unwrap(move_to(BASE, ["in"], ("each", "body"), 0), "route")[0],
            BASE.remove("each"),
            {("route", REMOVED), ("each", REMOVED), ("in", MOVED)},
            ["in"],
        ),
    ],
)
def test_a_container_that_i_removed_stays_where_something_in_it_stays(
    mine: Document, theirs: Document, named_ones: set[Any], inside: list[str]
) -> None:
    merged = merge(BASE, mine, theirs)
    assert (named(merged), ids(merged.document, "route", "yes")) == (named_ones, inside)
    assert {"in", "in2", "in3"} <= {located.action.id for located in merged.document.walk()}


def container(id: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"id": id, "type": "for_each", "branches": [{"id": f"{id}-body", "title": "", "actions": list(actions)}]}


def test_so_do_the_containers_around_it() -> None:
    base = document(container("outer", container("inner", log("a"), log("b"))), log("c"))
    mine = unwrap(unwrap(base, "inner")[0], "outer")[0]
    merged = merge(base, mine, move_to(base, ["a"], ("inner", "inner-body"), 2))
    assert named(merged) == {("outer", REMOVED), ("inner", REMOVED), ("b", MOVED)}
    assert (ids(merged.document), ids(merged.document, "inner", "inner-body")) == (["outer", "a", "c"], ["b"])


def test_so_does_one_that_something_returns_to_which_would_hold_itself() -> None:
    base = document(container("outer", container("x")), container("y"))
    mine = unwrap(move_to(base, ["x"], ("y", "y-body"), 0), "outer")[0]
    merged = merge(base, mine, move_to(base, ["y"], ("x", "x-body"), 0))
    assert named(merged) == {("outer", REMOVED), ("x", MOVED)}
    assert [located.action.id for located in merged.document.walk()] == ["outer", "x", "y"]


@pytest.mark.parametrize("count", [300])
def test_a_large_flow_merges_in_no_time(count):
    base = document(*(log(f"n{n}") for n in range(count)))
    merged = merge(base, move_all(base, ["n9"], "down"), base.remove("n200").with_action("n7", title="x"))
    assert (len(ids(merged.document)), merged.collisions) == (count - 1, [])
