import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.language.document import Document, DocumentError, Vanished, parse
from flows.language.nodes import Retry, place_of
from flows.language.selection import duplicate_all, move_all

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
            moved = move_all(document, [id], direction)
            assert sorted(ids(moved)) == sorted(ids(document))
            parse(moved.to_json())
        twice, (copied,) = duplicate_all(document, [id])
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
    assert ids(move_all(parse(TREE), [id], direction)) == order


def test_a_copy_has_new_ids_throughout() -> None:
    document, (copied,) = duplicate_all(parse(TREE), ["box"])

    assert copied == "box2"
    assert ids(document) == ["a", "box", "b", "c", "d", "box2", "b2", "c2", "d2", "e"]


def test_what_an_edit_leaves_alone_is_the_same_node_and_found_out_once() -> None:
    asked: list[str] = []

    def id_of(action: Any) -> str:
        asked.append(action.id)
        return str(action.id)

    before = parse(flow(log("a"), container("box", [log("b")], [log("c")])))
    after = before.with_properties("b", {"message": "other"})

    for document in (before, after):
        assert [located.action.find_once(id_of) for located in document.walk()] == ["a", "box", "b", "c"]
    assert asked == ["a", "box", "b", "c", "box", "b"]


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


def test_what_is_left_out_has_its_meaning() -> None:
    document = parse(flow({"id": "a", "type": "log"}, inputs=[{"name": "q"}]))
    (action,), (asked,) = document.actions, document.inputs

    assert (asked.type, asked.required, asked.default, asked.description) == ("text", False, None, "")
    assert (action.title, action.description, action.disabled, action.branches) == ("", "", False, ())
    assert (action.properties, action.retry, action.timeout) == ({}, None, None)
    assert (document.settings, document.deadline, document.concurrency, document.count) == ({}, None, None, 1)


def test_what_is_said_is_read() -> None:
    says = {
        "title": "A",
        "description": "first",
        "disabled": True,
        "timeout": 5,
        "retry": {"attempts": 3, "on": ["dns"]},
    }
    asks = {"name": "q", "type": "number", "required": True, "default": 2, "description": "How many"}
    document = parse(flow({**log("a"), **says}, inputs=[asks], settings={"deadline": 60, "concurrency": 2}))
    (action,), (asked,) = document.actions, document.inputs

    assert (asked.name, asked.type, asked.required, asked.default, asked.description) == tuple(asks.values())
    assert (action.title, action.description, action.disabled, action.timeout) == ("A", "first", True, 5.0)
    assert action.retry == Retry(3, 1.0, 2.0, ("dns",))
    assert (document.deadline, document.concurrency) == (60.0, 2)


def test_a_retry_says_how_long_it_waits() -> None:
    document = parse(flow({**log("a"), "retry": {"delay": 0.5, "backoff": 3}}))

    assert document.actions[0].retry == Retry(1, 0.5, 3.0)


@pytest.mark.parametrize("value", [None, "yes", 1, {}])
def test_only_true_disables_and_only_text_is_a_title(value: Any) -> None:
    (action,) = parse(flow({**log("a"), "disabled": value, "title": value and [value]})).actions

    assert (action.disabled, action.title) == (False, "")


@pytest.mark.parametrize(("condition", "read"), [("a > 1", "a > 1"), ("  ", None), ("", None), (None, None), (0, None)])
def test_an_empty_condition_is_none(condition: Any, read: str | None) -> None:
    data = flow(container("box", []))
    data["actions"][0]["branches"][0]["condition"] = condition

    assert parse(data).actions[0].branches[0].condition == read


def test_other_fields_of_an_action_change_or_go() -> None:
    document = parse(TREE).with_action("b", title="B", timeout=3).with_action("b", title=None, disabled=True)

    changed = document.find("b")
    assert changed is not None
    assert changed.json == {**log("b"), "timeout": 3, "disabled": True}
    assert ids(document) == ids(parse(TREE))


def test_settings_inputs_and_the_name_change_what_they_name_alone() -> None:
    document = parse(TREE).with_settings(deadline=60, concurrency=2).with_inputs([{"name": "q"}]).with_name("Other")

    assert document.to_json() == {
        **TREE, "name": "Other", "inputs": [{"name": "q"}], "settings": {"deadline": 60, "concurrency": 2},
    }  # fmt: skip
    assert document.with_settings(deadline=None).settings == {"concurrency": 2}
    assert "settings" not in document.with_settings(deadline=None, concurrency=None).to_json()
    with pytest.raises(DocumentError, match="name is missing"):
        document.with_name(" ")


def test_a_change_that_changes_nothing_gives_the_same_document() -> None:
    document = parse({**TREE, "inputs": [{"name": "q"}], "settings": {"deadline": 60}})

    assert document.with_settings(deadline=60) is document
    assert document.with_inputs([{"name": "q"}]) is document
    assert document.with_name("Test") is document
    for id, direction in [("a", "up"), ("e", "down"), ("d", "into"), ("a", "out")]:
        assert move_all(document, [id], direction) is document


def test_the_container_behind_is_nearer_than_the_one_before() -> None:
    document = move_all(parse(flow(container("one", []), log("a"), container("two", [log("x")], []))), ["a"], "into")

    assert ids(document) == ["one", "two", "a", "x"]
    assert ids(move_all(parse(flow(container("one", [log("x")]), log("a"))), ["a"], "into")) == ["one", "a", "x"]


def test_an_index_before_the_first_is_the_first() -> None:
    assert ids(parse(flow(log("a"))).insert(log("new"), at=-3)) == ["new", "a"]


def test_a_place_behind_an_action_is_in_its_branch() -> None:
    document = parse(TREE)

    assert place_of(document.locate("b")) == ("box", "box-0")
    assert place_of(document.locate("e")) == (None, None)


def test_a_branch_without_an_otherwise_comes_last() -> None:
    data = flow(container("box", []))
    data["actions"][0]["branches"][0]["condition"] = "true"
    document = parse(data).add_branch("box", title="If", condition="x > 1")

    assert [branch.json for branch in document.actions[0].branches][1] == {
        "id": "box-1", "title": "If", "condition": "x > 1", "actions": [],
    }  # fmt: skip


def test_a_branch_without_a_condition_has_none() -> None:
    document = (
        parse(TREE).with_branch("box-0", title="", condition="a").with_branch("box-0", title="Else", condition=None)
    )

    assert document.actions[1].branches[0].json == {"id": "box-0", "title": "Else", "actions": [log("b"), log("c")]}


def test_what_is_not_there_any_more_is_named() -> None:
    document = parse(TREE)
    for edit, what in [
        (lambda: document.remove("gone"), "action 'gone'"),
        (lambda: document.insert(log("new"), owner="box", branch="gone"), "branch 'gone'"),
        (lambda: document.insert(log("new"), owner="a", branch="box-0"), "branch 'box-0'"),
        (lambda: document.remove_branch("gone"), "branch 'gone'"),
    ]:
        with pytest.raises(Vanished, match=f"There is no {what} any more. Reload the page."):
            edit()
    assert document.find("gone") is None


def test_a_branch_is_changed_in_the_action_that_is_meant() -> None:
    def loop(id: str) -> dict[str, Any]:
        return {
            "id": id,
            "type": "for_each",
            "branches": [{"id": "body", "actions": []}, {"id": "else", "actions": []}],
        }

    document = parse(flow(loop("one"), loop("two")))
    changed = document.with_branch("body", title="Mine", condition=None, owner="two")
    fewer = document.remove_branch("else", owner="two")

    assert [[branch.title for branch in action.branches] for action in changed.actions] == [["", ""], ["Mine", ""]]
    assert [[branch.id for branch in action.branches] for action in fewer.actions] == [["body", "else"], ["body"]]


def test_twenty_problems_are_enough() -> None:
    with pytest.raises(DocumentError) as refused:
        parse(flow(*({"id": f"a{n}"} for n in range(30))))

    assert len(refused.value.problems) == 20


def test_ids_are_counted_on_from_their_number() -> None:
    document = parse(flow(log("step7"), log("step8"), log("step9")))
    _, (copied,) = duplicate_all(document, ["step9"])

    assert (copied, document.new_id("step_x"), document.new_id("???")) == ("step2", "step", "action")
