"""Edits of several actions at once: nothing is lost or doubled, whatever is chosen."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document, DocumentError, Vanished, parse
from flows.language.flat import TOP, flatten
from flows.language.merge import merge
from flows.language.selection import (
    block_at,
    duplicate_all,
    insert_all,
    move_all,
    move_to,
    remove_all,
    roots_of,
    set_disabled,
    set_note,
    unwrap,
    with_free_ids_only,
    wrap,
)
from tests.language.test_document import container, documents, flow, ids, log

LOOP = {"id": "loop", "type": "for_each", "branches": [{"id": "loop-body", "title": "", "actions": []}]}
TREE = parse(flow(log("a"), container("box", [log("x"), log("y")], []), log("b"), container("other", [log("z")])))


def as_text(document: Document) -> str:
    """Byte for byte."""
    return json.dumps(document.to_json())


def chosen_in(draw: Any, document: Document) -> list[str]:
    return draw(st.lists(st.sampled_from(ids(document)), min_size=1, max_size=4, unique=True)) if ids(document) else []


def places_in(document: Document) -> list[Any]:
    return [TOP, *(place for place in flatten(document).blocks if place != TOP)]


@st.composite
def edits(draw: st.DrawFn, document: Document) -> Document:
    """The document after one edit of some kind; the same one where that is not possible."""
    chosen = chosen_in(draw, document)
    if not chosen:
        return insert_all(document, [log(document.new_id("log"))], TOP, 0)
    place = draw(st.sampled_from(places_in(document)))
    verbs = {
        "move": lambda: move_all(document, chosen, draw(st.sampled_from(["up", "down", "into", "out"]))),
        "drop": lambda: move_to(document, chosen, place, draw(st.integers(0, 4))),
        "remove": lambda: remove_all(document, chosen),
        "duplicate": lambda: duplicate_all(document, chosen)[0],
        "disable": lambda: set_disabled(document, chosen, disabled=draw(st.booleans())),
        "note": lambda: set_note(document, draw(st.sampled_from([None, *chosen])), draw(st.text(max_size=5))),
        "wrap": lambda: wrap(document, chosen, {**LOOP, "id": document.new_id("loop")}, "loop-body"),
        "unwrap": lambda: unwrap(document, chosen[0])[0],
        "insert": lambda: insert_all(document, [log(document.new_id("log"))], place, draw(st.integers(0, 3))),
        "title": lambda: document.with_action(chosen[0], title=draw(st.text(max_size=5))),
    }
    try:
        return verbs[draw(st.sampled_from(sorted(verbs)))]()
    except DocumentError:
        return document


@settings(max_examples=60)
@given(documents(), st.data())
def test_fifty_edits_of_any_flow_are_undone_byte_for_byte(data: dict[str, Any], choose: st.DataObject) -> None:
    steps = [parse(data)]
    for _ in range(50):
        steps.append(choose.draw(edits(steps[-1])))
        parse(json.loads(as_text(steps[-1])))
    before = [as_text(step) for step in steps]

    for number in reversed(range(len(steps) - 1)):
        undone = merge(steps[number + 1], steps[number], steps[number + 1]).document
        assert as_text(undone) == before[number]


@given(documents(), st.data())
def test_what_is_moved_is_all_there_and_stands_together_where_it_was_dropped(data: Any, choose: Any) -> None:
    document = parse(data)
    chosen = chosen_in(choose.draw, document)
    if not chosen:
        return
    roots = [located.action.id for located in roots_of(document, chosen)]
    place = choose.draw(st.sampled_from(places_in(document)))
    try:
        moved = move_to(document, chosen, place, choose.draw(st.integers(0, 5)))
    except DocumentError:
        assert any(place[0] in flatten(document).within(id) for id in roots) or "deeper" in str(DocumentError)
        return
    assert sorted(ids(moved)) == sorted(ids(document))
    row = [action.id for action in block_at(moved, place)]
    at = row.index(roots[0])
    assert row[at : at + len(roots)] == roots
    assert {id: moved.find(id).json for id in roots} == {id: document.find(id).json for id in roots}


@given(documents(), st.data())
def test_wrapped_and_unwrapped_is_the_same_flow(data: Any, choose: Any) -> None:
    document = parse(data)
    place = choose.draw(st.sampled_from(places_in(document)))
    row = [action.id for action in block_at(document, place)]
    if not row:
        return
    first = choose.draw(st.integers(0, len(row) - 1))
    chosen = row[first : choose.draw(st.integers(first + 1, len(row)))]
    around = {**LOOP, "id": document.new_id("loop")}

    wrapped = wrap(document, chosen, around, "loop-body")
    assert [action.id for action in block_at(wrapped, (around["id"], "loop-body"))] == chosen
    unwrapped, freed = unwrap(wrapped, around["id"])
    assert freed == chosen
    assert as_text(unwrapped) == as_text(document)


@given(documents(), documents())
def test_what_is_put_in_has_free_ids_and_is_otherwise_the_same(data: Any, other: Any) -> None:
    document, actions = parse(data), parse(other).json["actions"]
    copies = with_free_ids_only(actions, document)
    made = insert_all(document, copies, TOP, 0)
    assert len(ids(made)) == len(set(ids(made))) == len(ids(document)) + len(ids(parse(other)))
    assert as_text(remove_all(made, [copy["id"] for copy in copies])) == as_text(document)


def test_what_is_inside_of_a_chosen_action_goes_with_it() -> None:
    assert [located.action.id for located in roots_of(TREE, ["x", "b", "box"])] == ["box", "b"]
    assert ids(remove_all(TREE, ["x", "b", "box"])) == ["a", "other", "z"]
    twice, copies = duplicate_all(TREE, ["x", "box"])
    assert copies == ["box2"]
    assert ids(twice) == ["a", "box", "x", "y", "box2", "x2", "y2", "b", "other", "z"]


@pytest.mark.parametrize(
    ("chosen", "direction", "order"),
    [
        (["x", "y"], "out", ["a", "box", "x", "y", "b", "other", "z"]),
        (["a", "b"], "up", ["a", "b", "box", "x", "y", "other", "z"]),
        (["b", "other"], "down", ["a", "box", "x", "y", "b", "other", "z"]),
        (["a", "y"], "up", ["a", "box", "y", "x", "b", "other", "z"]),
        (["a"], "into", ["box", "a", "x", "y", "b", "other", "z"]),
        (["b"], "into", ["a", "box", "x", "y", "other", "b", "z"]),
    ],
)
def test_several_actions_move_by_one_step(chosen: list[str], direction: str, order: list[str]) -> None:
    assert ids(move_all(TREE, chosen, direction)) == order


ROW = parse(flow(log("a"), log("b"), container("box", [log("x")]), log("c"), log("d")))


@pytest.mark.parametrize(
    ("chosen", "direction", "order"),
    [
        (["a", "b"], "down", ["box", "x", "a", "b", "c", "d"]),
        (["c", "d"], "up", ["a", "b", "c", "d", "box", "x"]),
        (["c", "d"], "down", ["a", "b", "box", "x", "c", "d"]),
        (["b"], "into", ["a", "box", "b", "x", "c", "d"]),
        (["c"], "into", ["a", "b", "box", "c", "x", "d"]),
        (["a"], "into", ["a", "b", "box", "x", "c", "d"]),
        (["d"], "into", ["a", "b", "box", "x", "c", "d"]),
        (["a"], "out", ["a", "b", "box", "x", "c", "d"]),
    ],
)
def test_actions_of_a_row_move_together_and_only_into_what_is_next_to_them(chosen, direction, order) -> None:
    assert ids(move_all(ROW, chosen, direction)) == order


@pytest.mark.parametrize(
    ("at", "order"),
    [
        (-1, ["a", "c", "b", "box", "x", "d"]),
        (1, ["a", "c", "b", "box", "x", "d"]),
        (3, ["b", "box", "x", "a", "c", "d"]),
        (9, ["b", "box", "x", "d", "a", "c"]),
    ],
)
def test_what_is_dropped_in_its_own_row_stands_where_it_was_dropped(at: int, order: list[str]) -> None:
    assert ids(move_to(ROW, ["c", "a"], TOP, at)) == order


def test_what_is_put_in_or_taken_out_of_a_container_leaves_its_neighbours() -> None:
    assert ids(insert_all(ROW, [log("new")], ("box", "box-0"), -1)) == ["a", "b", "box", "new", "x", "c", "d"]
    assert ids(insert_all(ROW, [log("new")], TOP, 1)) == ["a", "new", "b", "box", "x", "c", "d"]
    unwrapped, freed = unwrap(ROW, "box")
    assert (ids(unwrapped), freed) == (["a", "b", "x", "c", "d"], ["x"])
    assert ids(duplicate_all(ROW, ["b", "c"])[0]) == ["a", "b", "box", "x", "c", "b2", "c2", "d"]


def test_actions_are_disabled_with_what_is_inside_of_them() -> None:
    off = set_disabled(ROW, ["box", "x", "a"], disabled=True)
    assert [located.action.id for located in off.walk() if located.action.disabled] == ["a", "box"]
    assert set_disabled(off, ["a"], disabled=False).find("a").disabled is False


def test_notes_of_actions_and_of_the_flow_come_and_go() -> None:
    longest = "x" * 2_000
    noted = set_note(set_note(ROW, "a", "Why"), None, longest)
    assert (noted.find("a").note, noted.note) == ("Why", longest)
    assert as_text(set_note(set_note(noted, "a", ""), None, "")) == as_text(ROW)
    with pytest.raises(DocumentError, match="A note has at most 2,000 characters; this one has 2,001"):
        set_note(ROW, None, longest + "x")


def test_copies_keep_the_ids_that_are_free() -> None:
    copies = with_free_ids_only([container("box", [log("x"), log("y")]), log("new"), log("new")], ROW)
    assert [copy["id"] for copy in copies] == ["box2", "new", "new2"]
    (lane,) = copies[0]["branches"]
    assert lane["id"] not in [branch.id for branch in ROW.find("box").branches]
    assert [inner["id"] for inner in lane["actions"]] == ["x2", "y"]
    assert "branches" not in copies[1]


def test_what_makes_no_sense_is_refused_with_a_sentence() -> None:
    for edit, words in (
        (lambda: move_to(TREE, ["box"], ("box", "box-1"), 0), "cannot go into itself"),
        (lambda: move_all(TREE, ["a", "x"], "out"), "different lanes. Move those of one lane"),
        (lambda: wrap(TREE, ["a", "b"], LOOP, "loop-body"), "Choose those between, too"),
        (lambda: wrap(TREE, ["a", "x"], LOOP, "loop-body"), "different lanes"),
        (lambda: unwrap(TREE, "a"), "only a container"),
        (lambda: move_to(TREE, ["a"], ("box", "gone"), 0), "no branch 'gone' any more"),
        (lambda: remove_all(TREE, ["a", "gone"]), "no action 'gone' any more"),
    ):
        with pytest.raises(DocumentError, match=words):
            edit()


def test_a_flow_is_not_wrapped_deeper_than_it_may_be() -> None:
    deep = TREE
    for number in range(20):
        deep = wrap(deep, ["a"], {**LOOP, "id": f"loop{number}"}, "loop-body")
    with pytest.raises(DocumentError, match="nested deeper than 20 levels"):
        wrap(deep, ["a"], LOOP, "loop-body")


def test_a_place_that_is_gone_has_vanished() -> None:
    with pytest.raises(Vanished):
        insert_all(TREE, [log("new")], ("gone", "lane"), 0)
