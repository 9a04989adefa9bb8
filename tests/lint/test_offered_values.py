"""The values to choose from: variables with paths into them, from what is known and from what a run had."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.language.document import parse
from flows.language.expressions import render
from flows.language.scope import Scope, VariableInScope
from flows.language.shape import NUMBER, SECRET, TEXT, UNKNOWN, Shape, object_shape, shape_of
from flows.lint.offered_values import (
    DEEPEST,
    FLAT,
    MOST_PATHS,
    MOST_VALUES,
    NOTHING,
    brief,
    merge_known,
    offered_values,
    part_of,
    step_of,
)
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
    assert "response.json.lines[1]" not in found
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
        (" \n", "empty"),
        ("x" * 40, f"“{'x' * 40}”"),
        (f"{'x' * 39} {'y' * 9}", f"“{'x' * 39}…”"),
        ("x".ljust(160), "“x”"),
        ("x".ljust(161), "“x…”"),
        ({"text": "Hello", "other": 1}, "Hello, 2 values"),
        ({"text": "Hi", "usage": {"completion_tokens": 1_200}}, "answer, 1,200 tokens"),
        ({"text": 5, "usage": {}}, "5, 2 values"),
        ({"flag": True, "blank": " ", "n": 2.5}, "2.5, 3 values"),
        ((1, 2), ""),
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


def tree(values):
    return [(value.name, tree(value.parts)) if value.parts else value.name for value in values]


def of_run(value, only=""):
    """What is offered of a variable that had this value."""
    ((offered_value,),) = [
        group.values for group in offered_values([VariableInScope("x", "", "Start")], {"x": value}, only)
    ]
    return offered_value


def test_the_nearest_origin_comes_first_and_its_variables_in_their_order():
    variables = [VariableInScope(name, "text", origin) for name, origin in ("aS", "bT", "cT", "dS", "eU")]
    named = [(group.origin, tree(group.values)) for group in offered_values(variables, {})]
    assert named == [("U", ["e"]), ("S", ["a", "d"]), ("T", ["b", "c"])]
    assert [(group.origin, tree(group.values)) for group in offered_values(variables, {}, "c")] == [("T", ["c"])]


def test_small_objects_stand_open_and_others_are_opened():
    assert tree(of_run({"a": {"b": {"c": {"d": 1}}}, "e": []}).parts) == [".a", ".a.b", (".a.b.c", [".d"]), ".e"]
    twelve, thirteen = ({f"k{number}": 1 for number in range(count)} for count in (12, 13))
    assert len(of_run({"a": twelve}).parts) == 13
    ((name, inner),) = tree(of_run({"a": thirteen}).parts)
    assert (name, len(inner)) == (".a", 13)
    assert tree(of_run([{"a": 1}]).parts) == ["[0]", "[0].a"]
    assert len(of_run([1, 2, 3, 4]).parts) == 3


def test_paths_go_so_deep_and_no_deeper():
    value = 1
    for _ in range(9):
        value = {"a": value}
    found = paths(offered_values([VariableInScope("x", "", "Start")], {"x": value}))
    assert max(path.count(".") for path in found) == 7


def test_a_variable_beside_others_has_so_many_paths_and_more_by_itself():
    fifty, more = ({f"k{number}": 1 for number in range(count)} for count in (50, 120))
    assert (len(of_run(fifty).parts), of_run(fifty).has_more) == (50, False)
    assert (len(of_run(more).parts), of_run(more).has_more) == (50, True)
    assert (len(of_run(more, "x").parts), of_run(more, "x").has_more) == (100, False)
    assert len(paths(offered_values([VariableInScope("x", "", "Start")], {"x": [more] * 3}, "x"))) == 1 + 3 * 101


def test_the_nearest_variables_have_their_paths_where_there_is_no_room_for_all():
    names = [f"v{number}" for number in range(18)]
    last = {name: {f"k{number}": 1 for number in range(50)} for name in names}
    (group,) = offered_values([VariableInScope(name, "", "Start") for name in names], last)
    assert [len(value.parts) for value in group.values] == [0, 0] + [50] * 16
    assert [value.has_more for value in group.values] == [True, True] + [False] * 16


def test_a_secret_part_shows_nothing_of_what_it_was_and_hides_nothing_else():
    inputs = [{"name": "customers", "type": "list", "secret_parts": ["[*].key"]}]
    last = {"customers": [{"key": {"inner": "planted"}, "name": "Ada"}]}
    found = paths(offered(LOG, inputs=inputs, last=last))
    assert (found["customers[0].key"].type, found["customers[0].key"].last) == ("secret", "")
    assert found["customers[0].name"].last == "“Ada”"
    assert not any("inner" in path for path in found)


def test_what_a_run_had_adds_to_what_is_known():
    found = paths(offered(LOG, inputs=[{"name": "tags", "type": "list"}], last={"tags": ["a"]}))
    assert (found["tags"].type, found["tags[0]"].type) == ("list", "text")
    schema = {"type": "object", "properties": {"lines": {"type": "array", "items": {"type": "string"}}}}
    chat = {"id": "chat", "type": "chat_completion", "properties": {"response_format": schema}}
    found = paths(offered(chat, LOG, last={"response": {"json": {"lines": [], "x": 1}}}))
    assert (found["response.json.lines[0]"].type, found["response.json.x"].last) == ("text", "1")


@pytest.mark.parametrize(
    ("items", "type"),
    [([{"sku": 1}], "number"), (" {{ rows }}\n", "text"), ("{{ rows[-1] }}", None), ("{{ rows[x] }}", None), (3, None)],
)
def test_an_item_is_like_the_first_of_what_the_loop_goes_over(items, type):
    found = paths(offered(loop(items, LOG), inputs=[{"name": "rows", "type": "list"}], last={"rows": [{"sku": "A"}]}))
    assert "item" in found
    assert (found["item.sku"].type if "item.sku" in found else None) == type


def test_a_part_is_there_or_there_is_nothing():
    assert [part_of([1, 2], step) for step in (0, 1, -1, -2)] == [1, 2, 2, 1]
    assert {part_of([1, 2], step) for step in (2, -3, "0")} == {NOTHING}
    assert (part_of({"a": None}, "a"), part_of({"a": 1}, "b"), part_of("text", 0)) == (None, NOTHING, NOTHING)


def test_a_connection_or_a_secret_shows_neither_value_nor_parts():
    variables = [VariableInScope("c", "connection", "Start"), VariableInScope("s", "secret", "Start")]
    (group,) = offered_values(variables, {"c": {"connection": "tenant"}, "s": "planted"})
    assert [(value.type, value.last, value.parts) for value in group.values] == [
        ("connection", "", []),
        ("secret", "", []),
    ]


def test_a_file_has_its_parts_before_any_run():
    found = paths(offered(LOG, inputs=[{"name": "f", "type": "file"}]))
    assert (found["f.name"].type, found["f.size"].type) == ("text", "number")


def test_parts_that_are_known_get_the_type_that_was_seen():
    assert merge_known(Shape("", {"a": TEXT}), shape_of({"b": 1})) == object_shape(b=NUMBER, a=TEXT)
    assert merge_known(Shape("list", item=UNKNOWN), shape_of("x")) == Shape("list", item=UNKNOWN)


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("sku", ".sku"),
        ("a1_b", ".a1_b"),
        ("1a", '["1a"]'),
        ('a"b', '["a\\"b"]'),
        ("a\\b", '["a\\\\b"]'),
        ("a\nb", '["a\\nb"]'),
        ("a\rb", '["a\\rb"]'),
    ],
)
def test_a_part_is_written_as_the_template_language_reads_it(name, step):
    assert step_of(name) == step


def test_what_the_template_language_does_not_reach_is_not_offered():
    last = {"x": {"a": 1, "_b": 1, "c._d": 1, "c.d": 1, "e_": 1}}
    groups = offered_values([VariableInScope("x", "object", "Start")], last)
    assert [*paths(groups)] == ["x", "x.a", 'x["c.d"]', "x.e_"]


def test_a_secret_stays_one_whatever_a_run_had():
    known = object_shape(key=SECRET, name=UNKNOWN)
    assert merge_known(known, shape_of({"key": "k", "name": "Ada"})) == object_shape(key=SECRET, name=TEXT)
    assert merge_known(SECRET, UNKNOWN) == merge_known(SECRET, shape_of({"inside": 1})) == SECRET
    variable = VariableInScope("x", "object", "Start", shape=known)
    found = paths(offered_values([variable], {"x": {"key": "••••", "name": "Ada"}}))
    assert {path: value.last for path, value in found.items()} == {
        "x": "••••, 2 values",
        "x.key": "",
        "x.name": "“Ada”",
    }
    assert merge_known(TEXT, UNKNOWN) == TEXT


def nested(depth):
    return {"in": nested(depth - 1)} if depth else 1


def test_objects_inside_each_other_are_offered_so_deep():
    groups = offered_values([VariableInScope("x", "object", "Start")], {"x": nested(20)})
    assert max(path.count(".in") for path in paths(groups)) == DEEPEST + 1


def test_small_objects_stand_open_two_deep_and_others_closed():
    value = {
        "a": {"b": {"c": {"d": 1}}},
        "empty": {},
        "large": {f"n{number}": 1 for number in range(FLAT + 1)},
        "list": [1],
    }
    (group,) = offered_values([VariableInScope("x", "object", "Start")], {"x": value})
    (x,) = group.values
    shown = {part.name: [inner.name for inner in part.parts] for part in x.parts}
    assert shown == {
        ".a": [], ".a.b": [], ".a.b.c": [".d"], ".empty": [], ".large": [f".n{number}" for number in range(FLAT + 1)],
        ".list": ["[0]"],
    }  # fmt: skip


def test_what_is_listed_of_one_variable_leaves_room_for_the_others():
    many = {f"n{number:03}": 1 for number in range(60)}
    names = [f"v{number:02}" for number in range(20)]
    groups = offered_values([VariableInScope(name, "object", "Start") for name in names], dict.fromkeys(names, many))
    counts = [len(value.parts) for value in groups[0].values]
    assert (sum(counts), counts[::-1]) == (MOST_VALUES, [MOST_PATHS] * 16 + [0] * 4)
    assert all(value.has_more for value in groups[0].values)
    few = {f"n{number}": 1 for number in range(10)}
    names = [f"v{number:03}" for number in range(100)]
    groups = offered_values([VariableInScope(name, "object", "Start") for name in names], dict.fromkeys(names, few))
    assert [len(value.parts) for value in groups[0].values] == [0] * 20 + [10] * 80
    (alone,) = offered_values([VariableInScope("x", "object", "Start")], {"x": many}, "x")[0].values
    assert (len(alone.parts), alone.has_more) == (60, False)
