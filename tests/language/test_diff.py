"""What differs between two revisions: nothing for equal ones, and every change by its name."""

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.diff import Deed, DocumentDiff, is_equal, merged_order
from flows.language.document import Document, parse
from flows.language.flat import ABSENT, ADDED, MOVED, REMOVED, changes
from flows.language.selection import move_all
from tests.language.test_merge import BASE, log
from tests.language.test_merge_of_any_edits import edited

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([1.0, 0.5]) | st.sampled_from(["", "a", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


def diff(before: Document, after: Document) -> dict[str | None, Any]:
    return {entry.action_id: entry for entry in DocumentDiff(before, after).entries}


def keys(entry: Any) -> set[tuple[str, ...]]:
    return {value.key for value in entry.values}


def plain(value: Any, name: str = "") -> Any:
    """A document without what means the same as nothing, so that its text says whether two are the same."""
    if isinstance(value, dict):
        kept = {key: plain(inner, key) for key, inner in value.items()}
        return {
            key: inner for key, inner in kept.items()
            if inner is not None and inner != "" and not (key in ("properties", "settings", "inputs") and not inner)
            and not (key in ("disabled", "required") and inner is False)
        }  # fmt: skip
    return [plain(inner) for inner in value] if isinstance(value, list) else value


@st.composite
def two_versions(draw: st.DrawFn) -> tuple[Document, Document]:
    before = BASE
    for _ in range(draw(st.integers(0, 3))):
        before = edited(draw, before)
    after = before
    for _ in range(draw(st.integers(0, 4))):
        after = edited(draw, after)
    return before, after


@given(two_versions())
def test_equal_documents_do_not_differ_and_others_do(versions):
    before, after = versions
    again = parse(json.loads(json.dumps(before.json)))
    assert DocumentDiff(before, again).entries == []
    is_same = json.dumps(plain(before.json), sort_keys=True) == json.dumps(plain(after.json), sort_keys=True)
    assert (DocumentDiff(before, after).entries == []) == is_same


@given(two_versions())
def test_every_change_is_named(versions):
    before, after = versions
    found = diff(before, after)
    for change in changes(before, after):
        entry = found.get(change.action_id)
        if change.key == ADDED:
            assert entry.deed is Deed.ADDED
        elif change.key == REMOVED:
            assert entry.deed is Deed.REMOVED
        elif change.key == MOVED:
            assert entry.is_moved
        elif not all(says_nothing(value) for value in (change.before, change.after)):
            assert any(key[: len(change.key)] == change.key for key in keys(entry))


def says_nothing(value: Any) -> bool:
    return value is ABSENT or value in (None, "", False)


@given(two_versions())
def test_what_is_not_named_is_the_same(versions):
    before, after = versions
    difference = DocumentDiff(before, after)
    for id in difference.same:
        if id is not None:
            one, other = (without_inner(document.find(id).json) for document in versions)
            assert json.dumps(plain(one), sort_keys=True) == json.dumps(plain(other), sort_keys=True)
    named = [entry.action_id for entry in difference.entries]
    assert len(named) == len({*named})
    assert {*named, *difference.same} >= {each.action.id for each in (*before.walk(), *after.walk())}


def without_inner(action: dict[str, Any]) -> dict[str, Any]:
    lanes = [{name: value for name, value in lane.items() if name != "actions"} for lane in action.get("branches", [])]
    return {**action, **({"branches": lanes} if lanes else {})}


@given(VALUES, VALUES)
def test_values_are_equal_as_json_is(one, other):
    def text(value: Any) -> Any:
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if isinstance(value, dict):
            return {name: text(inner) for name, inner in value.items()}
        return [text(inner) for inner in value] if isinstance(value, list) else value

    same = json.dumps(text(one), sort_keys=True) == json.dumps(text(other), sort_keys=True)
    assert is_equal(one, other) == same


def test_added_removed_and_moved_actions_are_told_apart():
    after = move_all(BASE.remove("a").insert(log("new"), at=0), ["d"], "up")
    found = diff(BASE, after)
    assert {id: entry.deed for id, entry in found.items()} == {"a": Deed.REMOVED, "new": Deed.ADDED, "d": Deed.CHANGED}
    assert found["d"].is_moved
    assert keys(found["new"]) == {("type",), ("properties", "message")}


def test_what_is_inside_of_an_added_container_is_named_too():
    after = BASE.insert(
        {"id": "w", "type": "while_loop", "branches": [{"id": "body", "actions": [log("x"), log("y")]}]}, at=0
    )
    assert [entry.action_id for entry in DocumentDiff(BASE, after).entries] == ["w", "x", "y"]
    assert keys(diff(BASE, after)["w"]) == {("type",)}


def test_what_leaves_its_container_is_moved():
    assert diff(BASE, move_all(BASE, ["in"], "out"))["in"].is_moved


def test_entries_follow_the_flowchart_and_what_is_gone_stands_where_it_stood():
    after = BASE.remove("in2").with_action("d", title="D").with_action("a", title="A")
    assert [entry.action_id for entry in DocumentDiff(BASE, after).entries] == ["a", "in2", "d"]
    assert merged_order(["x", "a", "y", "z", "b"], ["b", "n", "a"]) == ["x", "b", "n", "a", "y", "z"]


def test_lanes_are_named_with_their_conditions_and_their_order():
    renamed = BASE.with_branch("yes", title="If", condition="false", owner="route")
    (value,) = diff(BASE, renamed)["route"].values
    assert (value.key, value.before, value.after) == (("branches", "yes", "condition"), "true", "false")
    other = BASE.add_branch("route", title="Else if", condition="x")
    (added,) = (value for value in diff(BASE, other)["route"].values if len(value.key) == 2)
    assert (added.key[0], added.before, added.after) == ("branches", ABSENT, True)
    (removed,) = (value for value in diff(other, BASE)["route"].values if len(value.key) == 2)
    assert (removed.key, removed.before, removed.after) == (added.key, True, ABSENT)
    json_of = BASE.find("route").json
    swapped = parse(
        {
            **BASE.json,
            "actions": [
                {**json_of, "branches": json_of["branches"][::-1]} if each["id"] == "route" else each
                for each in BASE.json["actions"]
            ],
        }
    )
    assert ("branches",) in keys(diff(BASE, swapped)["route"])


def test_inputs_are_compared_field_by_field():
    after = BASE.with_inputs([
        {"name": "more", "type": "number", "required": True}, {"name": "question", "type": "text", "default": ""},
        {"name": "third", "type": "secret"},
    ])  # fmt: skip
    assert keys(diff(BASE, after)[None]) == {
        ("inputs", "more", "required"), ("inputs", "question", "default"), ("inputs", "third"), ("inputs",),
    }  # fmt: skip


def test_settings_and_names_are_of_the_flow():
    after = BASE.with_settings(deadline=60).with_name("Other")
    assert keys(diff(BASE, after)[None]) == {("settings", "deadline"), ("name",)}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"message": "a"}, {"message": "a", "level": None}),
        ({"message": "a", "level": ""}, {"message": "a"}),
    ],
)
def test_an_empty_property_is_none(one, other):
    before, after = (BASE.with_properties("a", properties) for properties in (one, other))
    assert diff(before, after) == {}


def test_an_empty_object_is_none_only_where_it_holds_properties_or_settings():
    with_inner = BASE.with_properties("a", {"message": "a", "metadata": {}})
    assert keys(diff(BASE, with_inner)["a"]) == {("properties", "metadata")}
    before, after = (parse({"format": "foundryflow/1", "name": "N", "actions": [], **more}) for more in ({}, {"x": {}}))
    assert keys(diff(before, after)[None]) == {("x",)}


def test_no_inputs_are_the_same_as_an_empty_list_of_them():
    before = parse({"format": "foundryflow/1", "name": "A", "actions": []})
    after = parse({"format": "foundryflow/1", "inputs": [], "name": "B", "actions": []})
    assert keys(diff(before, after)[None]) == {("name",)}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (True, 1, False), (1, True, False), (False, False, True), (1, 1.0, True), (None, False, False), ("1", 1, False),
        ([1, 2], [1, 2], True), ([1, 2], [1], False), ([1], [True], False), ([1], (1,), False), ([], {}, False),
        ({"a": [1]}, {"a": [1.0]}, True), ({"a": 1}, {"b": 1}, False), ({"a": 1}, {"a": True}, False), ({"a": 1}, [1], False),
    ],
)  # fmt: skip
def test_values_are_the_same_or_not(one, other, same):
    assert is_equal(one, other) is same


def test_what_is_not_disabled_or_required_is_as_if_nothing_were_said():
    assert diff(BASE, BASE.with_action("a", disabled=False)) == {}
    assert keys(diff(BASE, BASE.with_action("a", disabled=True))["a"]) == {("disabled",)}
    asked = [{**declared.json, "required": False} for declared in BASE.inputs]
    assert diff(BASE, BASE.with_inputs(asked)) == {}
    assert keys(diff(BASE, BASE.with_properties("a", {"message": "a", "disabled": False}))["a"]) == {
        ("properties", "disabled")
    }
    assert keys(diff(BASE, BASE.with_action("a", other=False))["a"]) == {("other",)}


def test_a_large_flow_is_compared_in_no_time():
    def flow(word: str) -> Document:
        actions = [{**log(f"a{n}"), "properties": {"message": f"{word} {n}"}} for n in range(1_000)]
        return parse({"format": "foundryflow/1", "name": "Large", "actions": actions})

    before, after = flow("one"), flow("other")
    began = time.process_time()
    assert len(DocumentDiff(before, after).entries) == 1_000
    assert time.process_time() - began < 1.0
