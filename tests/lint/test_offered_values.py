"""The values to choose from: variables with paths into them, from what is known and from what a run had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.document import parse
from flows.language.expressions import render
from flows.language.scope import Scope, VariableInScope
from flows.lint.offered_values import MOST_VALUES, NOTHING, brief, offered_values
from flows.lint.visible import variables_at

LOG = {"id": "log", "type": "log"}


def offered(*actions, inputs=(), last=None, at="log"):
    given = {"format": "foundryflow/1", "name": "x", "inputs": list(inputs), "actions": list(actions)}
    return offered_values(variables_at(parse(given), at), last or {})


def paths(groups):
    def inside(values):
        for value in values:
            yield value.path, value
            yield from inside(value.parts)

    return dict(inside([value for group in groups for value in group.values]))


def loop(items, *inner, id="each"):
    return {
        "id": id,
        "type": "for_each",
        "properties": {"items": items},
        "branches": [{"id": "b", "actions": [*inner]}],
    }


def test_what_the_response_format_says_leads_into_the_json_of_an_answer():
    schema = {"type": "object", "properties": {"lines": {"type": "array", "items": {"type": "object", "properties": {
        "sku": {"type": "string"}, "count": {"type": ["integer", "null"]}}}}}}  # fmt: skip
    chat = {"id": "chat", "type": "chat_completion", "properties": {"response_format": schema}}
    found = paths(offered(chat, LOG))
    assert found["response.json.lines"].type == "list"
    assert found["response.json.lines[0].sku"].type == "text"
    assert found["response.json.lines[0].count"].type == "number"


def test_an_item_is_known_by_the_list_that_it_is_of():
    inputs = [{"name": "customers", "type": "list", "secret_parts": ["[*].key"]}]
    last = {"customers": [{"id": "C-1", "orders": [{"sku": "A"}]}]}
    found = paths(
        offered(loop("{{ customers }}", loop("{{ item.orders }}", LOG, id="inner")), inputs=inputs, last=last)
    )
    assert found["item.sku"].last == "“A”"
    found = paths(offered(loop("{{ customers }}", LOG), inputs=inputs, last=last))
    assert found["item.key"].type == "secret"
    assert found["item.id"].last == "“C-1”"


def test_an_item_of_itself_ends():
    assert "item" in paths(offered(loop("{{ item }}", LOG)))


def test_what_failed_has_its_parts_inside_catch():
    branches = [{"id": "try", "actions": []}, {"id": "catch", "actions": [LOG]}]
    found = paths(offered({"id": "t", "type": "try_catch", "branches": branches}))
    assert found["exception.message"].type == "text"


def test_columns_of_a_query_that_have_to_be_there_are_known():
    query = {
        "id": "q",
        "type": "query_database",
        "properties": {"secret_columns": "key", "required_columns": "id, key"},
    }
    found = paths(offered(query, LOG))
    assert (found["result"].type, found["result[0].key"].type, found["result[0].id"].type) == ("list", "secret", "")


def test_what_only_some_ways_set_says_so():
    branches = [{"id": "a", "condition": "true", "actions": [{"id": "chat", "type": "chat_completion"}]}]
    (group, *_) = offered({"id": "if", "type": "if_else", "branches": branches}, LOG)
    assert group.may_be_unset
    assert group.values[0].path == "response"


def test_several_actions_that_set_one_variable_know_all_of_its_parts():
    rows = {"variables": [{"name": "x", "type": "object", "value": {"a": 1}}]}
    more = {"variables": [{"name": "x", "type": "object", "value": {"b": "t"}}]}
    lanes = [
        {"id": "a", "condition": "true", "actions": [{"id": "1", "type": "declare_variables", "properties": rows}]},
        {"id": "b", "actions": [{"id": "2", "type": "declare_variables", "properties": more}]},
    ]
    found = paths(offered({"id": "if", "type": "if_else", "branches": lanes}, LOG))
    assert (found["x.a"].type, found["x.b"].type) == ("number", "text")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "nothing"),
        (True, "true"),
        (1204, "1204"),
        ("", "empty"),
        ("Since we\nmoved", "“Since we moved”"),
        ("x" * 90, f"“{'x' * 40}…”"),
        ([], "0 items"),
        ([1], "1 item"),
        ({}, "0 values"),
        ({"id": "C-1", "tier": 2}, "C-1, 2 values"),
        ({"tags": []}, "1 value"),
        ({"text": "Hello", "usage": {}}, "“Hello”"),
        (NOTHING, ""),
    ],
)
def test_a_value_in_a_few_words(value, words):
    assert brief(value) == words


KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab ", max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_each_path_gives_the_value_it_stands_for(value):
    scope = Scope()
    scope.bind("x", value)
    groups = offered_values([VariableInScope("x", "", "Start")], {"x": value})
    for path, offered in paths(groups).items():
        if offered.last:
            assert brief(render(f"{{{{ {path} }}}}", scope)) == offered.last


def test_a_value_of_any_size_is_listed_within_bounds():
    deep = value = {}
    for _ in range(200):
        value["a"] = value = {}
    rows = [{f"k{number}": list(range(50)) for number in range(500)} for _ in range(20)]
    last = {"deep": deep, **{f"v{number}": rows for number in range(60)}}
    groups = offered_values([VariableInScope(name, "", "Start") for name in last], last)
    assert len(paths(groups)) <= MOST_VALUES + len(last)
