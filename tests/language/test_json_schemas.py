"""A schema is asked in bounded time, and nothing is fetched for it."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flows.language.json_schemas import NotJson, SchemaProblem, Undecided, clip, parse_json, schema_of

TOO_MUCH = "The schema is too much work for this value. Simplify it."


def problem_of(schema):
    with pytest.raises(SchemaProblem) as refused:
        schema_of(schema)
    return str(refused.value)


def undecided(schema, value):
    compiled = schema_of(schema)
    begun = time.thread_time()
    with pytest.raises(Undecided) as refused:
        compiled.problem(value)
    assert time.thread_time() - begun < 5  # 1 measured
    return str(refused.value)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (
            {"$ref": "http://127.0.0.1/x"},
            "The schema refers to http://127.0.0.1/x. Nothing is fetched: copy it into $defs.",
        ),
        (
            {"$defs": {"a": {"$dynamicRef": "file:///etc/passwd"}}},
            "The schema refers to file:///etc/passwd. Nothing is fetched: copy it into $defs.",
        ),
        (
            {"properties": {"a": {"$schema": "http://json-schema.org/draft-07/schema#"}}},
            "The schema has $schema inside. Only the outermost object may say it.",
        ),
        (
            {"unevaluatedProperties": False, "allOf": [{"patternProperties": {"a": True}}]},
            "unevaluatedProperties beside patternProperties is not checked. Use additionalProperties.",
        ),
        (
            {"pattern": "a(?!b)"},
            "A pattern of the schema: The expression cannot be used (look-around is not available).",
        ),
        ({"patternProperties": {"[": True}}, "A pattern of the schema: The expression cannot be used (missing ]: [)."),
        ({"enum": ["x" * 20_000]}, "The schema is longer than 20,000 characters. Shorten it."),
        ({"const": float("inf")}, "The schema is not JSON, or nested too deeply."),
        ("[" * 10_000, "The schema is not JSON."),
        ([], "The schema is not a JSON object."),
        ({"minimum": "a"}, "The schema is not valid. At minimum: 'a' is not of type 'number'."),
    ],
)
def test_a_schema_that_cannot_be_used_is_refused_with_a_reason(schema, problem):
    assert problem_of(schema) == problem


PATTERNS = {"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ({"pattern": "^a"}, "ab", None),
        ({"pattern": "^a"}, "ba", "'ba' does not match '^a'."),
        ({"pattern": "^a"}, 3, None),
        ({"uniqueItems": True}, [1, 2], None),
        ({"uniqueItems": True}, [1, 1], "[1, 1] has non-unique elements."),
        ({"uniqueItems": True}, "aa", None),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1}, None),
        ({"properties": {"a": {}}, "additionalProperties": False}, {"a": 1, "d": 2, "c": 3, "b": 4}, "'d' is not expected."),
        ({"additionalProperties": False}, 3, None),
        ({"additionalProperties": {"type": "string"}}, {"a": 1}, "At a: 1 is not of type 'string'."),
        (PATTERNS, {"xa": 1, "xb": 2}, None),
        (PATTERNS, {"xa": 1, "xb": "2"}, "At xb: '2' is not of type 'integer'."),
        (PATTERNS, {"xa": 1, "y": 2}, "'y' is not expected."),
        (PATTERNS, "xa", None),
        ('{"type": "integer"}', 1.5, "1.5 is not of type 'integer'."),
    ],
)  # fmt: skip
def test_the_first_thing_that_does_not_fit_is_said(schema, value, problem):
    assert schema_of(schema).problem(value) == problem


def test_a_schema_a_text_and_a_sentence_may_be_as_long_as_their_limits():
    assert schema_of({"enum": ["x" * 19_986]}).problem(1) is not None
    longest = "x" * 999_998
    assert parse_json(f'"{longest}"') == longest
    assert clip("x" * 200) == "x" * 200
    assert clip("a" * 100 + "x" + "b" * 100) == "a" * 100 + "…" + "b" * 100


@pytest.mark.parametrize("text", [" " * 999_999 + "11", "NaN", "[-Infinity]", "{", "[" * 100_000])
def test_what_is_no_json_or_too_long_is_refused(text):
    with pytest.raises(NotJson):
        parse_json(text)


def nested(levels):
    schema = {"type": "array"}
    for _ in range(levels):
        schema = {"items": schema}
    return schema


def test_a_schema_may_not_be_nested_without_end():
    assert problem_of(nested(300)) == "The schema is nested too deeply."


def test_a_schema_written_for_another_draft_is_bounded_too():
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "definitions": {"a": {"pattern": "^(a+)+$"}},
        "items": {"$ref": "#/definitions/a"},
    }
    assert schema_of(schema).problem(["a" * 50_000 + "b"]).endswith("does not match '^(a+)+$'.")


def test_long_values_are_cut_in_what_is_said():
    told = schema_of({"type": "integer"}).problem("x" * 5_000)
    assert told.startswith("'xxx")
    assert told.endswith("xx' is not of type 'integer'.")
    assert len(told) < 250


DOUBLING = {
    "$defs": {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(40)} | {"d40": {}},
    "$ref": "#/$defs/d0",
}
SLOW_PATTERNS = {"allOf": [{"not": {"pattern": f"(?:[ab]?){{300}}[ab]{{300}}c{at}"}} for at in range(300)]}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (DOUBLING, 1),
        ({"$ref": "#"}, 1),
        ({"uniqueItems": True}, [at if at % 2 else str(at) for at in range(50_000)]),
        ({"anyOf": [{"type": "string"}] * 900}, list(range(100_000))),
        ({"items": {"properties": {f"r{at}": True for at in range(1_400)}}}, [{}] * 50_000),
        ({"items": {"type": "integer"}}, [1] * 50_000),
        (SLOW_PATTERNS, "a" * 100_000),
        ({"patternProperties": {"(?:[ab]?){300}[ab]{300}c": True}}, {"a" * 100_000 + str(at): 1 for at in range(9)}),
    ],
    ids=["doubling", "endless", "unique", "quoting", "properties", "items", "patterns", "names"],
)
def test_too_much_work_leaves_it_undecided(schema, value):
    assert undecided(schema, value) == TOO_MUCH


def test_what_cannot_be_looked_up_or_computed_is_undecided():
    assert undecided({"$ref": "#/$defs/x"}, 1) == "The schema refers to a part of itself that is not there."
    assert (
        undecided({"multipleOf": 0.5}, 10**400)
        == "The schema asks for something that cannot be computed for this value."
    )


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_a_value_may_be_as_deep_as_a_hundred_levels_below_the_first(opening, closing):
    deep = json.loads(opening * 100 + "[]" + closing * 100)
    assert schema_of(True).problem(deep) is None
    assert undecided(True, [deep]) == "The value is nested deeper than 100 levels."


def test_a_usual_schema_on_a_long_answer_is_decided():
    row = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}, "required": ["a", "b"]}
    assert schema_of({"type": "array", "items": row}).problem([{"a": "x" * 40, "b": 1}] * 2_000) is None


# Whatever is ours agrees with jsonschema on what both can do.
SCHEMAS = st.recursive(
    st.sampled_from(
        [
            True,
            False,
            {"type": "string"},
            {"type": ["integer", "null"]},
            {"enum": [1, "a", None]},
            {"const": "ab"},
            {"pattern": "^a"},
            {"minLength": 2},
            {"minimum": 1},
            {"uniqueItems": True},
            {"required": ["a"]},
        ]
    ),
    lambda inside: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("ab"), inside, max_size=2),
            "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$", "c|d"]), inside, max_size=2),
            "additionalProperties": inside,
            "items": inside,
            "anyOf": st.lists(inside, min_size=1, max_size=2),
            "not": inside,
        },
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a", "ab", "ba"]),
    lambda inside: (
        st.lists(inside, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "ab", "cd"]), inside, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(SCHEMAS, VALUES)
def test_it_says_what_jsonschema_says(schema, value):
    assert (schema_of(schema).problem(value) is None) == Draft202012Validator(schema).is_valid(value)
