import pytest

from connections.secret import Secret
from flows.language.decision import decision_of
from flows.language.scope import Scope

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
