"""Whether an answer is as expected, and a reason in words either way."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.batch.checks import Check, CheckError, CheckKind, parse_checks
from flows.batch.verdicts import Verdict, decide, judge_schema, read_judge_verdict


def problems_of(*checks, columns=None):
    with pytest.raises(CheckError) as refused:
        parse_checks(list(checks), columns)
    return refused.value.problems


def of(kind, answer, row=None, **given):
    (check,) = parse_checks([{"kind": kind, **given}])
    return decide(check, answer, row or {})


def passed(kind, answer, row=None, **given):
    return of(kind, answer, row, **given).passed


def test_checks_are_read_from_json():
    given = [
        {"kind": "contains", "column": "expected", "ignore_case": True},
        {"kind": "length", "minimum": 1, "maximum": 9},
        {"kind": "judge", "rubric": " Polite. ", "connection": "contoso", "model": "gpt-5-mini"},
    ]
    assert parse_checks(given, ["question", "expected"]) == (
        Check(CheckKind.CONTAINS, column="expected", ignore_case=True),
        Check(CheckKind.LENGTH, minimum=1, maximum=9),
        Check(CheckKind.JUDGE, rubric="Polite.", connection="contoso", model="gpt-5-mini"),
    )
    assert parse_checks(json.loads(json.dumps(given))) == parse_checks(given)
    assert parse_checks(None) == parse_checks([]) == ()


@pytest.mark.parametrize("raw", [{}, "x", [1], [None], 7])
def test_what_is_no_list_of_checks_is_refused(raw):
    with pytest.raises(CheckError) as refused:
        parse_checks(raw)
    assert refused.value.problems == [
        'The checks are not a list of objects. Write [{"kind": "contains", "value": "..."}].'
    ]


def test_there_are_only_so_many_checks():
    assert problems_of(*[{"kind": "length", "minimum": 1}] * 21) == ["There are more than 20 checks. Leave some out."]


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ({}, "its kind is not known. Choose one of contains, equals, regex, json_schema, length, judge."),
        ({"kind": ["x"]}, "its kind is not known. Choose one of contains, equals, regex, json_schema, length, judge."),
        (
            {"kind": "equals"},
            "it has nothing to compare with. Give it a value, or choose the column that holds it.",
        ),
        ({"kind": "equals", "column": "nope"}, "the table has no column nope. Choose one of its columns."),
        ({"kind": "equals", "column": ["a"]}, "the table has no column ['a']. Choose one of its columns."),
        ({"kind": "equals", "column": "a", "value": "x"}, "it has a column and a value. Keep one of them."),
        ({"kind": "equals", "value": "x" * 20_001}, "its value is longer than 20,000 characters."),
        ({"kind": "equals", "value": "x", "ignore_case": "yes"}, "ignore_case is neither true nor false."),
        ({"kind": "regex", "value": "["}, "The expression cannot be used (missing ]: [)."),
        ({"kind": "regex", "value": "a(?=b)"}, "The expression cannot be used (look-around is not available)."),
        ({"kind": "regex", "value": "((a{100}){100}){100}"}, "The expression cannot be used (it repeats too much)."),
        ({"kind": "regex", "value": "a" * 1_001}, "The expression is longer than 1,000 characters. Shorten it."),
        ({"kind": "json_schema", "value": "{"}, "The schema is not JSON."),
        ({"kind": "json_schema", "value": "7"}, "The schema is not a JSON object."),
        (
            {"kind": "json_schema", "value": {"type": "text"}},
            "The schema is not valid. At type: 'text' is not valid under any of the given schemas.",
        ),
        ({"kind": "length"}, "the length has no limit. Give it a minimum, a maximum or both."),
        ({"kind": "length", "minimum": "1"}, "a limit of the length is not a whole number of characters."),
        ({"kind": "length", "minimum": True}, "a limit of the length is not a whole number of characters."),
        ({"kind": "length", "maximum": -1}, "a limit of the length is not a whole number of characters."),
        ({"kind": "length", "minimum": 2, "maximum": 1}, "the minimum is larger than the maximum. Exchange them."),
        ({"kind": "judge"}, "the judge has no rubric. Say what a good answer is."),
        ({"kind": "judge", "rubric": " "}, "the judge has no rubric. Say what a good answer is."),
        ({"kind": "judge", "rubric": "x" * 10_001}, "its rubric is not a text of at most 10,000 characters."),
        ({"kind": "judge", "rubric": "x", "model": 7}, "its model is not a text of at most 200 characters."),
    ],
)
def test_what_is_wrong_with_a_check_is_said(check, problem):
    assert problems_of({"kind": "length", "minimum": 1}, check, columns=["a"]) == [f"Check 2: {problem}"]


def test_all_problems_are_said_at_once():
    assert len(problems_of({"kind": "x"}, {"kind": "length"}, {"kind": "judge"})) == 3


def test_an_answer_contains_a_text():
    assert of("contains", "It is Paris.", value="Paris") == Verdict(True, "It contains “Paris”.")
    assert of("contains", "It is Paris.", value="paris") == Verdict(False, "It does not contain “paris”.")
    assert passed("contains", "STRASSE", value="straße", ignore_case=True)
    assert passed("contains", "It is 4.", value=4)


def test_an_answer_equals_a_text_apart_from_the_space_around_it():
    assert of("equals", " 4\n", value="4") == Verdict(True, "It is “4”.")
    assert of("equals", "5", value="4") == Verdict(False, "It is “5” and not “4”.")
    assert not passed("equals", "Yes", value="yes")
    assert passed("equals", "Yes", value="yes", ignore_case=True)


def test_an_answer_equals_a_value_that_is_no_text_as_json():
    assert passed("equals", "4", {"a": 4}, column="a")
    assert passed("equals", "true", {"a": True}, column="a")
    assert passed("equals", '```json\n{"b": 1, "a": [2]}\n```', {"a": {"a": [2], "b": 1}}, column="a")
    assert not passed("equals", "1", {"a": True}, column="a")
    assert not passed("equals", "{", {"a": {}}, column="a")


def test_the_expected_text_comes_from_a_column_of_the_row():
    assert of("contains", "It is Paris.", {"city": "Paris"}, column="city").passed is True
    assert of("contains", "It is Paris.", {"city": "Lyon"}, column="city").passed is False
    assert of("equals", "", {"city": ""}, column="city").passed is True


@pytest.mark.parametrize("kind", ["contains", "regex"])
@pytest.mark.parametrize("cell", ["", None])
def test_an_empty_cell_leaves_a_check_open(kind, cell):
    assert of(kind, "x", {"city": cell}, column="city") == Verdict(
        None, "The cell of city is empty, so there is nothing to look for."
    )


@pytest.mark.parametrize("kind", ["contains", "equals", "regex", "json_schema"])
def test_a_column_that_is_not_there_leaves_a_check_open(kind):
    assert of(kind, "x", {"a": 1}, column="b") == Verdict(None, "The row has no column b.")


def test_an_expression_is_looked_for_anywhere():
    assert of("regex", "Order 4711 is sent.", value=r"\d{4}") == Verdict(True, "The expression matches “4711”.")
    assert of("regex", "No order.", value=r"\d{4}") == Verdict(False, "The expression matches nothing in it.")
    assert passed("regex", "YES", value="^yes$", ignore_case=True)
    assert not passed("regex", "oh yes", value="^yes$")
    assert passed("regex", "schön", value="^sch.n$")


def test_an_expression_in_a_cell_that_cannot_be_used_leaves_the_check_open():
    assert of("regex", "x", {"a": "["}, column="a") == Verdict(None, "The expression cannot be used (missing ]: [).")


@pytest.mark.parametrize(
    ("expression", "decided"),
    [("(a+)+$", True), ("(a|aa)+c", True), ("(a*)*(b*)*c$", True), ("(?:a?){900}a{900}c", False)],
)
def test_no_expression_hangs(expression, decided):
    begun = time.thread_time()
    outcome = of("regex", "a" * 100_000 + "b", value=expression)
    assert time.thread_time() - begun < 5  # 1.2 at worst
    assert (outcome.passed is None) is not decided


def test_the_length_is_in_characters():
    assert of("length", "für", minimum=3, maximum=3) == Verdict(True, "It has 3 characters.")
    assert of("length", "x", minimum=2) == Verdict(False, "It has 1 character, fewer than 2.")
    assert of("length", "x" * 1_200, maximum=1_000) == Verdict(False, "It has 1,200 characters, more than 1,000.")


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "ages": {"type": "array", "items": {"type": "integer"}}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("given", [SCHEMA, json.dumps(SCHEMA)])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ('{"name": "Bo"}', Verdict(True, "It fits the schema.")),
        ('```json\n{"name": "Bo", "ages": [1]}\n```\n', Verdict(True, "It fits the schema.")),
        ('```\n{"name": "Bo"}```', Verdict(True, "It fits the schema.")),
        ('{"ages": []}', Verdict(False, "'name' is a required property.")),
        ('{"name": "Bo", "ages": [1, "x"]}', Verdict(False, "At ages[1]: 'x' is not of type 'integer'.")),
        ('{"name": "Bo", "x": 1}', Verdict(False, "'x' is not expected.")),
        ('Here: {"name": "Bo"}', Verdict(False, "It is not JSON.")),
        ('{"name": NaN}', Verdict(False, "It is not JSON.")),
        ("", Verdict(False, "It is not JSON.")),
        ("{" * 100_000, Verdict(False, "It is not JSON.")),
        (
            '"' + "x" * 1_000_000 + '"',
            Verdict(None, "The answer is longer than 1,000,000 characters and not looked at."),
        ),
    ],
)
def test_json_is_held_against_a_schema(given, answer, expected):
    assert of("json_schema", answer, value=given) == expected


def test_each_row_may_have_a_schema_of_its_own():
    assert passed("json_schema", "1", {"s": {"type": "integer"}}, column="s")
    assert not passed("json_schema", "1", {"s": '{"type": "string"}'}, column="s")
    assert of("json_schema", "1", {"s": "x"}, column="s") == Verdict(None, "The schema is not JSON.")


def test_a_judge_is_a_model_and_not_asked_here():
    assert of("judge", "x", rubric="Polite.") == Verdict(None, "It is not judged yet.")


def test_the_schema_for_a_judge_is_strict():
    schema = judge_schema()
    assert sorted(schema["required"]) == sorted(schema["properties"]) == ["passed", "reason"]
    assert schema["additionalProperties"] is False
    assert passed("json_schema", '{"reason": "Kind.", "passed": true}', value=schema)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"reason": "Kind.", "passed": true}', Verdict(True, "Kind.")),
        ('```json\n{"passed": false, "reason": " Rude. "}\n```', Verdict(False, "Rude.")),
        ('My verdict: {"passed": true, "reason": "Kind."} as asked.', Verdict(True, "Kind.")),
        ('{"passed": true}', Verdict(True, "The judge gave no reason.")),
        ('{"passed": true, "reason": "a\\u0000\\ud800b"}', Verdict(True, "a\ufffd\ufffdb")),
        ("Yes.", Verdict(None, "The judge did not answer in the form asked for: “Yes.”.")),
        ('{"passed": "yes"}', Verdict(None, 'The judge did not answer in the form asked for: “{"passed": "yes"}”.')),
        ("", Verdict(None, "The judge did not answer in the form asked for: “”.")),
        ("{" * 500, Verdict(None, f"The judge did not answer in the form asked for: “{'{' * 60}…”.")),
    ],
)
def test_a_judge_is_understood_or_said_not_to_be(text, expected):
    assert read_judge_verdict(text) == expected


def test_a_judge_is_cut_short():
    assert len(read_judge_verdict(json.dumps({"passed": True, "reason": "x" * 100_000})).reason) == 2_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=5), inside, max_size=3),
    max_leaves=5,
)
FIELDS = st.fixed_dictionaries(
    {"kind": st.sampled_from([*CheckKind]) | JSON},
    optional=dict.fromkeys(("column", "value", "ignore_case", "minimum", "maximum", "rubric", "model"), JSON),
)


@given(
    st.lists(FIELDS, max_size=3) | JSON, st.text(max_size=20), st.dictionaries(st.text(max_size=5), JSON, max_size=3)
)
def test_any_json_is_checks_that_decide_or_is_explained(raw, answer, row):
    try:
        checks = parse_checks(raw)
    except CheckError as error:
        assert error.problems
        assert all(problem.endswith(".") for problem in error.problems)
    else:
        outcomes = [decide(check, answer, row) for check in checks]
        assert all(outcome.reason.endswith((".", "…")) for outcome in outcomes)
