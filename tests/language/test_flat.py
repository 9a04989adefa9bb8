"""A document laid out flat, put together again, and what changed between two of them."""

from typing import Any

import pytest

from flows.language.document import Document, parse
from flows.language.flat import ABSENT, ADDED, MOVED, REMOVED, assemble, changes, flatten, is_same, moved_in
from flows.language.selection import move_all
from tests.language.test_merge import BASE, document, log


def changed(before: Document, after: Document) -> list[tuple[Any, ...]]:
    return [(change.action_id, change.key, change.before, change.after) for change in changes(before, after)]


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"inputs": None},
        {"inputs": []},
        {"inputs": [{"name": "b"}, {"name": "a"}], "settings": {"deadline": 1}, "note": None, "x": {}, "y": {"z": 1}},
        {"settings": {}, "actions": [{"id": "a", "type": "log", "properties": {}, "x": {"y": 1}}]},
        {"actions": [{"id": "a", "type": "log", "properties": None, "branches": []}]},
        {
            "actions": [
                {"id": "a", "type": "if_else", "branches": [{"id": "b", "x": 1, "actions": [log("c")]}, {"id": "d"}]}
            ]
        },
    ],
)
def test_what_was_laid_out_is_put_together_as_it_was(data: dict[str, Any]) -> None:
    before = parse({"format": "foundryflow/1", "name": "N", "actions": [], **data})
    again = assemble(flatten(before)).json
    expected = {name: value for name, value in before.json.items() if name != "inputs" or value is not None}
    for action in expected["actions"]:
        for lane in action.get("branches") or []:
            lane.setdefault("actions", [])
    assert {**again, "inputs": None} == {**expected, "inputs": None}
    assert (again.get("inputs") or []) == (expected.get("inputs") or [])


def test_each_change_is_named_once() -> None:
    after = BASE.with_name("N").with_action("a", title="T").with_properties("b", {"message": "b", "level": "error"})
    assert changed(BASE, after) == [
        (None, ("name",), "Race", "N"), ("a", ("title",), ABSENT, "T"), ("b", ("properties", "level"), ABSENT, "error"),
    ]  # fmt: skip
    assert changed(after, BASE)[2] == ("b", ("properties", "level"), "error", ABSENT)
    assert changes(BASE, BASE) == []


def test_of_what_came_or_went_the_outermost_is_named_alone() -> None:
    inner = [{"id": "x", "type": "for_each", "branches": [{"id": "xb", "actions": [log("y")]}]}]
    after = BASE.insert({"id": "w", "type": "for_each", "branches": [{"id": "wb", "actions": inner}]}, at=0)
    assert changed(BASE, after) == [("w", ADDED, ABSENT, ABSENT)]
    assert changed(after, BASE) == [("w", REMOVED, ABSENT, ABSENT)]
    within = BASE.insert(log("new"), owner="each", branch="body")
    assert changed(BASE, within) == [("new", ADDED, ABSENT, ABSENT)]
    assert changed(within, BASE) == [("new", REMOVED, ABSENT, ABSENT)]
    assert changed(BASE, BASE.remove("route")) == [("route", REMOVED, ABSENT, ABSENT)]


def test_what_moved_is_named_with_its_places() -> None:
    assert changed(BASE, move_all(BASE, ["in"], "out")) == [("in", MOVED, ("route", "yes"), (None, None))]
    up = move_all(move_all(BASE, ["in3"], "up"), ["in3"], "up")
    assert changed(BASE, up) == [("in3", MOVED, ("route", "yes"), ("route", "yes"))]


def test_lanes_and_inputs_are_named_too() -> None:
    without = BASE.remove_branch("no", owner="route")
    assert changed(BASE, without) == [("route", ("branches", "no"), True, False)]
    assert changed(without, BASE) == [("route", ("branches", "no"), False, True)]
    renamed = BASE.with_branch("yes", title="Y", condition="true", owner="route")
    assert changed(BASE, renamed) == [("route", ("branches", "yes", "title"), "If", "Y")]
    fewer = BASE.with_inputs([{"name": "question", "type": "text"}])
    assert changed(BASE, fewer) == [(None, ("inputs", "more"), {"name": "more", "type": "number"}, ABSENT)]


def test_an_empty_object_around_values_is_no_change() -> None:
    assert changed(document({"id": "a", "type": "log"}), document({"id": "a", "type": "log", "properties": {}})) == []
    bare, more = document(), document(settings={"deadline": 1})
    assert changed(bare, more) == [(None, ("settings", "deadline"), ABSENT, 1)]
    assert changed(document(x={}), document()) == [(None, ("x",), {}, ABSENT)]


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ("abc", "abc", ""), ("abc", "bca", "a"), ("abc", "cab", "c"), ("abcd", "dcba", "dcb"), ("abc", "xbyaz", "b"),
        ("", "ab", ""), ("ab", "", ""), ("abcde", "aecbd", "ec"), ("abcdef", "defabc", "def"),
    ],
)  # fmt: skip
def test_the_fewest_that_explain_an_order_were_moved(before: str, after: str, moved: str) -> None:
    assert moved_in(before, after) == {*moved}


def test_values_are_the_same_as_json_is() -> None:
    assert (is_same(1, True), is_same(1, 1), is_same("1", 1), is_same([1], [1])) == (False, True, False, True)
    assert (repr(ABSENT), bool(ABSENT)) == ("ABSENT", False)
