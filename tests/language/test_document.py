import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document, DocumentError, parse

DOCUMENTS = Path(__file__).parent.parent / "documents"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
EXTRAS = st.dictionaries(st.sampled_from(["title", "disabled", "note", "x-unknown"]), JSON, max_size=2)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Valid documents of every shape, with keys and values that nobody here knows."""
    count = 0

    def node() -> dict[str, Any]:
        nonlocal count
        count += 1
        return {"id": f"n{count}", **draw(EXTRAS)}

    def block(depth: int) -> list[dict[str, Any]]:
        return [action(depth) for _ in range(draw(st.integers(0, 3)))]

    def action(depth: int) -> dict[str, Any]:
        made = {**node(), "type": draw(st.sampled_from(["log", "if_else", "from_tomorrow"]))}
        if draw(st.booleans()):
            made["properties"] = draw(st.dictionaries(st.text(max_size=5), JSON, max_size=3))
        if depth < 3 and draw(st.booleans()):
            made["branches"] = [{**node(), "actions": block(depth + 1)} for _ in range(draw(st.integers(1, 2)))]
        return made

    return {"format": "foundryflow/1", "name": "Any", **draw(EXTRAS), "actions": block(0)}


def flow(*actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format": "foundryflow/1", "name": "Test", "actions": list(actions), **more}


def log(id: str) -> dict[str, Any]:
    return {"id": id, "type": "log", "properties": {"message": id}}


def container(id: str, *lanes: list[dict[str, Any]]) -> dict[str, Any]:
    branches = [{"id": f"{id}-{at}", "title": f"Lane {at}", "actions": lane} for at, lane in enumerate(lanes)]
    return {"id": id, "type": "if_else", "branches": branches}


def ids(document: Document) -> list[str]:
    return [located.action.id for located in document.walk()]


TREE = flow(log("a"), container("box", [log("b"), log("c")], [log("d")]), log("e"))


@given(documents())
@settings(max_examples=100, deadline=None)
def test_an_export_of_an_import_is_the_same_document(data: dict[str, Any]) -> None:
    before = copy.deepcopy(data)

    assert parse(data).to_json() == before
    assert parse(json.loads(json.dumps(data))).to_json() == before


@given(documents(), st.data())
@settings(max_examples=100, deadline=None)
def test_every_edit_leaves_a_valid_document_and_the_old_one_alone(data: dict[str, Any], choose: st.DataObject) -> None:
    document = parse(data)
    before = copy.deepcopy(data)
    document.insert(log("new"), at=choose.draw(st.integers(-1, 5)))
    for id in ids(document):
        for direction in ("up", "down", "into", "out"):
            moved = document.moved(id, direction)
            assert sorted(ids(moved)) == sorted(ids(document))
            parse(moved.to_json())
        twice, copied = document.duplicate(id)
        assert copied not in ids(document)
        assert len(set(ids(twice))) == len(ids(twice)) > len(ids(document))
        assert id not in ids(document.remove(id))

    assert data == before


@given(JSON)
@settings(deadline=None)
def test_whatever_is_not_a_flow_is_refused_with_reasons(data: Any) -> None:
    with pytest.raises(DocumentError) as refused:
        parse(data)
    assert refused.value.problems


@pytest.mark.parametrize("file", sorted(DOCUMENTS.glob("*.json")), ids=lambda file: file.stem)
def test_the_samples_survive_a_round_trip(file: Any) -> None:
    data = json.loads(file.read_text())

    assert parse(data).to_json() == data


def test_walk_follows_the_flowchart() -> None:
    found = [(x.action.id, x.owner and x.owner.id, x.branch and x.branch.id, x.at, x.depth) for x in parse(TREE).walk()]

    assert found == [
        ("a", None, None, 0, 0),
        ("box", None, None, 1, 0),
        ("b", "box", "box-0", 0, 1),
        ("c", "box", "box-0", 1, 1),
        ("d", "box", "box-1", 0, 1),
        ("e", None, None, 2, 0),
    ]


def test_an_action_is_inserted_into_a_branch() -> None:
    document = parse(TREE).insert(log("new"), owner="box", branch="box-0", at=1)

    assert ids(document) == ["a", "box", "b", "new", "c", "d", "e"]


def test_an_action_with_a_taken_id_is_refused() -> None:
    with pytest.raises(DocumentError, match="'d' is taken"):
        parse(TREE).insert(log("d"))


def test_an_action_moves_to_another_branch() -> None:
    document = parse(TREE).move("a", owner="box", branch="box-1", at=1)

    assert ids(document) == ["box", "b", "c", "d", "a", "e"]


def test_a_container_cannot_move_into_itself() -> None:
    with pytest.raises(DocumentError, match="into itself"):
        parse(TREE).move("box", owner="box", branch="box-0")


@pytest.mark.parametrize(
    ("id", "direction", "order"),
    [
        ("e", "up", ["a", "e", "box", "b", "c", "d"]),
        ("a", "up", ["a", "box", "b", "c", "d", "e"]),
        ("b", "down", ["a", "box", "c", "b", "d", "e"]),
        ("a", "into", ["box", "a", "b", "c", "d", "e"]),
        ("c", "out", ["a", "box", "b", "d", "c", "e"]),
    ],
)
def test_an_action_moves_by_one_step(id: str, direction: str, order: list[str]) -> None:
    assert ids(parse(TREE).moved(id, direction)) == order


def test_a_copy_has_new_ids_throughout() -> None:
    document, copied = parse(TREE).duplicate("box")

    assert copied == "box2"
    assert ids(document) == ["a", "box", "b", "c", "d", "box2", "b2", "c2", "d2", "e"]


def test_properties_are_replaced_and_the_rest_stays() -> None:
    document = parse(TREE).with_properties("c", {"message": "other"})

    changed = document.find("c")
    assert changed is not None
    assert changed.properties == {"message": "other"}
    assert parse(TREE).with_properties("c", {"message": "c"}).to_json() == TREE


def test_a_branch_is_added_before_the_otherwise() -> None:
    data = flow(container("box", [], []))
    data["actions"][0]["branches"][0]["condition"] = "true"

    document = parse(data).add_branch("box", title="If", condition="x > 1")

    assert [branch.id for branch in document.actions[0].branches] == ["box-0", "box-2", "box-1"]


def test_a_branch_changes_and_the_last_one_stays() -> None:
    document = parse(TREE).with_branch("box-0", title="Long", condition="a > 1").remove_branch("box-1")

    (branch,) = document.actions[1].branches
    assert (branch.title, branch.condition, ids(document)) == ("Long", "a > 1", ["a", "box", "b", "c", "e"])
    with pytest.raises(DocumentError, match="last branch stays"):
        document.remove_branch("box-0")


def test_new_ids_are_short_and_free() -> None:
    document = parse(flow(log("chat"), log("chat2"), log("log")))

    assert [document.new_id(type) for type in ("chat_completion", "if_else", "return")] == ["chat3", "if", "return"]


def test_a_condition_that_is_no_text_is_read_as_what_it_says() -> None:
    data = flow(container("box", []))
    data["actions"][0]["branches"][0]["condition"] = True

    assert parse(data).actions[0].branches[0].condition == "true"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ([], "The document is not a JSON object"),
        ({"format": "foundryflow/2", "name": "x"}, "this server reads 'foundryflow/1'"),
        ({"format": "foundryflow/1"}, "name is missing"),
        (flow(actions={}), "actions is not a list"),
        (flow("chat"), r"actions\[0\] is not a JSON object"),  # type: ignore[arg-type]
        (flow({"id": "a"}), r"actions\[0\]: type is missing"),
        (flow({"id": "a b", "type": "log"}), "id 'a b' is missing or not made of letters"),
        (
            flow(log("a"), container("b", [log("a")])),
            r"actions\[1\].branches\[0\].actions\[0\]: the id 'a' is there twice",
        ),
        (flow({**log("a"), "properties": "no"}), "properties is not a JSON object"),
        (flow({**log("a"), "branches": 3}), "branches is not a list"),
        (flow(inputs=[{"name": "two words"}]), "'two words' is not a name"),
        (flow(inputs=[{"name": "q"}, {"name": "q"}]), "q is there twice"),
        (flow(inputs=[{"name": "inputs"}]), "stands for all inputs"),
        (flow(note="x" * 6_000_000), "larger than 5 MB"),
        (flow(note={1, 2}), "not plain JSON"),
        (flow(*(log(f"a{n}") for n in range(5_001))), "more than 5,000 actions"),
    ],
)
def test_a_broken_document_says_where_and_why(data: Any, problem: str) -> None:
    with pytest.raises(DocumentError, match=problem):
        parse(data)


def test_a_document_nested_too_deeply_is_refused() -> None:
    inner = log("last")
    for depth in range(25):
        inner = container(f"c{depth}", [inner])

    with pytest.raises(DocumentError, match="deeper than 20 levels"):
        parse(flow(inner))


def test_five_thousand_actions_are_edited_in_a_moment() -> None:
    document = parse(flow(*(log(f"a{n}") for n in range(4_999))))

    assert document.insert(log("one-more"), at=2_000).count == 5_000


def test_two_actions_may_have_branches_of_the_same_id():
    def loop(id):
        return {"id": id, "type": "for_each", "properties": {"items": [1]}, "branches": [{"id": "body", "actions": []}]}

    document = parse({"format": "foundryflow/1", "name": "x", "actions": [loop("a"), loop("b")]})
    changed = document.insert({"id": "say", "type": "log", "properties": {}}, owner="b", branch="body")
    assert [located.owner.id for located in changed.walk() if located.owner] == ["b"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"retry": 3}, "retry is not a JSON object"),
        ({"retry": {"attempts": 0}}, "retry.attempts 0 is not a number from 1 to 10"),
        ({"retry": {"on": "server"}}, "retry.on is not a list"),
        ({"timeout": "soon"}, "timeout 'soon' is not a number"),
    ],
)
def test_a_retry_or_timeout_of_another_shape_is_refused(change, words):
    action = {"id": "a", "type": "log", "properties": {}, **change}
    with pytest.raises(DocumentError) as refused:
        parse({"format": "foundryflow/1", "name": "x", "actions": [action], "settings": {"deadline": 60}})
    assert words in str(refused.value)
