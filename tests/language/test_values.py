"""What values weigh, hide, look like and become."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from connections.secret import Secret
from flows.language.values import (
    ConnectionValue,
    Response,
    as_text,
    convert,
    display_json,
    holds_secret,
    secrets_in,
    weight,
)

KEY, OTHER = Secret("planted-key"), Secret("planted-other")


def connection(customer: str = "") -> ConnectionValue:
    target = SimpleNamespace(endpoint=SimpleNamespace(host="h"), customer=customer, secrets=(KEY, OTHER))
    return ConnectionValue("tenant", cast(Any, target))


class Word(str):
    """A text of a class of its own."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, 300),
        ("abc", 303),
        (Word("abc"), 303),
        ({"ab": 1, "c": "de"}, 905),
        ({1: 2}, 600),
        ([1, "x"], 901),
        ((), 300),
        (Response("abc", {"t": 1}), 2_404),
        (Response("abc", json=["x"], reasoning="why"), 2_407),
        ([0] * 100_000, 50_000),
        (dict.fromkeys(range(100_000)), 50_000),
    ],
)
def test_a_value_weighs_its_characters_and_more_for_each_part(value: Any, expected: int) -> None:
    assert weight(value, 50_000) == expected


def test_counting_ends_where_enough_was_found() -> None:
    assert weight([["x" * 200]] * 50, 1_000) == 1_000
    assert weight([["x" * 200], 1, 2], 1_000) == 1_200


@pytest.mark.parametrize(
    ("value", "holds", "found"),
    [
        (KEY, True, [KEY]),
        ([{"a": (1, KEY)}, OTHER], True, [KEY, OTHER]),
        ({"a": "planted-key", "b": None}, False, []),
        (Response("x", json={"k": KEY}, raw=[OTHER]), True, [KEY, OTHER]),
        (Response("x", json={"k": 1}), False, []),
        (connection(), False, [KEY, OTHER]),
        ([connection()], False, [KEY, OTHER]),
    ],
)
def test_secrets_are_found_wherever_they_are(value: Any, holds: bool, found: list[Secret]) -> None:
    assert holds_secret(value) is holds
    assert list(secrets_in(value)) == found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (KEY, "••••"),
        (float("inf"), "inf"),
        ({1: (True, 2.5, None)}, {"1": [True, 2.5, None]}),
        ("a\0b\ud800", "a\ufffdb\ufffd"),
        (connection(), {"connection": "tenant", "host": "h"}),
        (connection("Contoso"), {"connection": "tenant", "host": "h", "customer": "Contoso"}),
        (Response("t", {"n": 1}, raw={"id": 1}), {"text": "t", "usage": {"n": 1}, "finish_reason": None, "model": None}),
        (
            Response("t", {}, "stop", "m", json=[1], conversation="c", reasoning="r", logprobs=[]),
            {
                "text": "t", "usage": {}, "finish_reason": "stop", "model": "m", "json": [1],
                "conversation": "c", "reasoning": "r", "logprobs": [],
            },
        ),
    ],
)  # fmt: skip
def test_people_see_a_value_as_json(value: Any, shown: Any) -> None:
    assert display_json(value) == shown


def test_a_value_inside_a_text_is_what_it_says() -> None:
    assert [as_text(value) for value in (None, True, 1.5, {"ä": [KEY]}, connection(), Response("t"))] == [
        "", "true", "1.5", '{"ä": ["••••"]}', "tenant", "t",
    ]  # fmt: skip


def test_parts_of_an_answer_that_came_later_are_there_only_where_they_are_set() -> None:
    assert Response("t").parts == ("t", {}, None, None, None, None)
    assert Response("t", reasoning="r").parts == ("t", {}, None, None, None, None, None, "r")


@pytest.mark.parametrize(
    ("type", "value", "converted"),
    [
        ("number", " 7 ", 7),
        ("number", "+" + "9" * 18, int("9" * 18)),
        ("number", "9" * 20, float("9" * 20)),
        ("number", " 1.50 ", 1.5),
        ("number", 2.0, 2.0),
        ("boolean", " Yes ", True),
        ("boolean", "OFF", False),
        ("list", Response("[1]"), [1]),
        ("list", Response("no", json=[2]), [2]),
        ("object", Response("t"), Response("t")),
    ],
)
def test_a_value_becomes_what_its_variable_is(type: str, value: Any, converted: Any) -> None:
    found = convert(value, type)
    assert (found, found.__class__) == (converted, converted.__class__)


TOO_DEEP = "is nested too deeply: lists and objects lie more than 200 deep in each other"


@pytest.mark.parametrize(
    ("type", "value", "reason"),
    [
        ("number", "x" * 50, f"is not a number: '{'x' * 40}'"),
        ("number", "inf", "is not a finite number"),
        ("boolean", "x" * 50, f"is neither true nor false: '{'x' * 40}'"),
        ("list", '{"a": 1}', "is not a list"),
        ("list", "[" * 100_000, TOO_DEEP),
        ("list", "[" * 202 + "]" * 202, TOO_DEEP),
        ("list", "[1", "is not a list"),
        ("object", "[1]", "is not an object"),
        ("text", KEY, "is a secret; declare the variable as secret"),
    ],
)
def test_what_cannot_become_it_is_said(type: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^is ") as caught:
        convert(value, type)
    assert str(caught.value) == reason


def test_a_number_of_hundreds_of_digits_is_none_that_anything_computes_with() -> None:
    with pytest.raises(ValueError, match="has a number of hundreds or thousands of digits"):
        convert(f"[{'9' * 400}]", "list")


def test_a_text_may_be_a_list_with_two_hundred_lists_in_each_other() -> None:
    assert convert("[" * 201 + "]" * 201, "list")
