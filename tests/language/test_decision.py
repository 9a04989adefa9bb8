import pytest

from connections.secret import Secret
from flows.language.decision import decision_of, value_words
from flows.language.scope import Scope
from flows.language.values import Response

VALUES = {
    "question": "x" * 412,
    "n": 5,
    "part": 0.25,
    "urgent": True,
    "kind": "refund",
    "kinds": ["refund", "other"],
    "customer": {"name": "Ada"},
    "key": Secret("planted-key-5f2c9a7d1e"),
    "copied_key": "planted-key-5f2c9a7d1e-and-more",
}


def decision(condition, *, held=True):
    scope = Scope()
    for name, value in VALUES.items():
        scope.put(name, value)
    return decision_of(condition, scope, held=held)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("question | length > 400", "412 > 400"),
        ("{{ n <= 5 }}", "5 ≤ 5"),
        ("part != 1", "0.25 ≠ 1"),
        ('kind == "refund"', "“refund” = “refund”"),
        ("'a' in kinds", "2 items contains “a”"),
        ("urgent", "urgent is true"),
        ("customer is defined", "customer is set"),
        ('n > 4 and kind == "refund"', "5 > 4 and “refund” = “refund”"),
        ("customer == n", "object = 5"),
    ],
)
def test_a_condition_that_held_says_its_values(condition, words):
    assert decision(condition) == words


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("question | length > 500", "412 ≤ 500"),
        ('kind == "other"', "“refund” ≠ “other”"),
        ("kind in kinds", "2 items does not contain “refund”"),
        ("not urgent", "urgent is true"),
        ('kind is startingwith("x")', ""),
        ("n > 9 and urgent", ""),
    ],
)
def test_one_that_did_not_says_the_opposite_where_there_is_one(condition, words):
    assert decision(condition, held=False) == words


@pytest.mark.parametrize("condition", ["n > 1 or urgent", "n > 1 and n > 2 and n > 3", "missing > 3", "n +", "n" * 400])
def test_what_cannot_be_said_briefly_is_left_out(condition):
    assert decision(condition) == ""


def test_no_part_of_a_text_is_said_that_may_be_that_of_a_secret():
    assert decision('copied_key == "x"') == "text of 31 characters = “x”"
    assert "planted" not in decision('key != "x"')


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "none"), (True, "true"), (2.50, "2.5"), (10**24 - 1, "9" * 24), (10**24, ""), ("x" * 24, f"“{'x' * 24}”"),
        ("x" * 25, "text of 25 characters"), (Secret("planted"), "secret"), ([1], "1 item"), ([], "0 items"), ({}, "object"),
        (Response("yes"), "“yes”"),
    ],
)  # fmt: skip
def test_a_value_is_said_in_a_few_characters(value, words):
    scope = Scope()
    scope.bind("x", value)
    assert value_words("x", scope) == words


def test_a_condition_is_said_as_long_as_it_is_short():
    assert decision("n" + " " * 295 + " == 5") == ""
    assert decision("n" + " " * 294 + " == 5") == "5 = 5"
    assert decision(f"({'urgent'.ljust(22)})") == f"({'urgent'.ljust(22)}) is true"
    assert decision(f"({'urgent'.ljust(23)})") == ""
