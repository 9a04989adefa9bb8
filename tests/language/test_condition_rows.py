"""A condition as rows, and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flows.language.condition_rows import ALL, ANY, BY_LABEL, COMPARISONS, ConditionRow, ConditionRows, rows_of
from flows.language.expressions import ExpressionError, as_template, check, evaluate_condition
from flows.language.scope import Scope


@pytest.mark.parametrize(
    ("expression", "rows", "joined_by"),
    [
        ("", [], ALL),
        ("ok", [("ok", "is true", "")], ALL),
        ("not ok", [("ok", "is false", "")], ALL),
        ("not (a or b)", [("(a or b)", "is false", "")], ALL),
        ("question | length > 400", [("question | length", "is more than", "400")], ALL),
        ("{{ tier == 2 }}", [("tier", "is", "2")], ALL),
        ("a != 'x and y' and b >= 1", [("a", "is not", "'x and y'"), ("b", "is at least", "1")], ALL),
        ("a < 1 or b <= 2 or c", [("a", "is less than", "1"), ("b", "is at most", "2"), ("c", "is true", "")], ANY),
        ("'x' in text", [("text", "contains", "'x'")], ALL),
        ("'x' not in response.text", [("response.text", "does not contain", "'x'")], ALL),
        ("state in ['open', 'new']", [("state", "is one of", "['open', 'new']")], ALL),
        ("state not in [a, b]", [("state", "is none of", "[a, b]")], ALL),
        ("a is startingwith('x')", [("a", "starts with", "'x'")], ALL),
        ("a | lower is endingwith(b)", [("a | lower", "ends with", "b")], ALL),
        ("a is defined and b is not defined", [("a", "is set", ""), ("b", "is not set", "")], ALL),
        ("(a or b) and c", [("(a or b)", "is true", ""), ("c", "is true", "")], ALL),
        ("rows[0]['and'] == {'a': 1}.a", [("rows[0]['and']", "is", "{'a': 1}.a")], ALL),
    ],
)
def test_an_expression_as_rows(expression, rows, joined_by):
    found = rows_of(expression)
    assert found is not None
    assert [(row.left, row.comparison, row.right) for row in found.rows] == rows
    assert found.joined_by == joined_by


def test_as_many_rows_as_there_may_be():
    found = rows_of("x" + " and x" * 49)
    assert found is not None
    assert len(found.rows) == 50


@pytest.mark.parametrize(
    "expression",
    [
        "a and b or c",
        "a if b else c",
        "1 < a < 3",
        "not a > 1",
        "a + b is defined",
        "a is divisibleby(2)",
        "a is startingwith('x', 'y')",
        "a is undefined",
        "a == not b",
        "a ==",
        "a }} {{ b",
        "{% if a %}",
        "a, b",
        "x" + " and x" * 50,
        "a.__class__ == 1",
    ],
)
def test_what_cannot_be_shown_as_rows_stays_an_expression(expression):
    assert rows_of(expression) is None


VALUES = st.sampled_from(
    ["a", "b.c", "rows[0].sku", "a | length", "a | default('or')", "'and'", '"x == y"', "7", "-1.5", "true", "[1, 2][0]",
     "(a or b)", "a + 1", "a ~ '}}'", "{'in': 1}['in']", "a | replace('(', \"'\")"]
)  # fmt: skip
LISTS = st.sampled_from(["[1, 2]", "['a', b]", "[]"])
PLAIN = st.sampled_from(["a", "b.c", "rows[0].sku", "a | length", "(a or b)"])


@st.composite
def rows(draw):
    label = draw(st.sampled_from([comparison.label for comparison in COMPARISONS]))
    written = BY_LABEL[label].written
    left = draw(PLAIN if " is " in written or written.startswith("not") else VALUES)
    if not BY_LABEL[label].has_right:
        return ConditionRow(left, label)
    if label in ("is one of", "is none of"):
        return ConditionRow(left, label, draw(LISTS))
    if "contain" in label:
        return ConditionRow(draw(PLAIN), label, draw(VALUES))
    return ConditionRow(left, label, draw(VALUES))


@given(st.lists(rows(), min_size=1, max_size=4), st.sampled_from([ALL, ANY]))
def test_rows_come_back_as_they_were_written(made, joined_by):
    condition = ConditionRows(made, joined_by if len(made) > 1 else ALL)
    assert rows_of(condition.expression) == condition


WORDS = [
    "a",
    "b",
    "'x'",
    "1",
    "and",
    "or",
    "not",
    "in",
    "is",
    "defined",
    "==",
    "<",
    "(",
    ")",
    "|",
    "length",
    "if",
    "else",
    "[",
]


@given(st.lists(st.sampled_from([*WORDS, "]", ",", "~", "}}", "{{"]), max_size=9).map(" ".join))
@example("not a in b")
@example("a is defined == b")
def test_whatever_rows_are_found_hold_when_the_expression_holds(expression):
    found = rows_of(expression)
    if found is None or not found.rows:
        return
    scope = Scope()
    scope.bind("a", "x")
    scope.bind("b", [1, "x"])
    assert holds(found.expression, scope) == holds(expression, scope)
    assert rows_of(found.expression) == found


def holds(expression, scope):
    check(as_template(expression))
    try:
        return evaluate_condition(expression, scope)
    except ExpressionError as error:
        return str(error)
