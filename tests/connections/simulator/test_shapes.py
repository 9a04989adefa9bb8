"""A value of another shape is refused in the words of the service: which, where, and what was expected."""

import pytest

from connections.simulator.refusals import invalid_parameter
from connections.simulator.shapes import (
    anything,
    array,
    boolean,
    either,
    integer,
    mapping,
    number,
    one_of,
    record,
    tagged,
    text,
)

NAME, AGE = text(3), integer(0, 9)
PERSON = record({"name": NAME, "age": AGE}, required=("name",))
PETS = {"cat": record({"type": anything, "name": NAME}), "dog": record({"type": anything}, closed=False)}
TYPE = "Invalid type for 'p': expected {}, but got {} instead."


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (anything, object()),
        *((boolean, value) for value in (True, False)),
        (text(), "x" * 100),
        (text(3), "abc"),
        *((number(), value) for value in (1, 1.5, -1)),
        *((number(0, 2), value) for value in (0, 2, 0.0, 2.0)),
        *((AGE, value) for value in (0, 9)),
        (one_of("a", "b"), "b"),
        (array(AGE), []),
        (array(AGE, most=2, least=1), [1]),
        (array(AGE, most=2), [1, 2]),
        (mapping(AGE), {}),
        (mapping(AGE, most=2), {"x": 1, "y": 2}),
        (PERSON, {"name": "Ada", "age": None}),
        (record({}, closed=False), {"x": 1}),
        (either("a name or an age", str=NAME, int=AGE), "Ada"),
        (either("a name or an age", str=NAME, int=AGE), 7),
        (tagged("type", PETS), {"type": "cat", "name": "Tom"}),
        (tagged("type", PETS), {"type": "dog", "name": 7}),
    ],
)
def test_a_value_of_the_right_shape_is_taken(check, value):
    assert check(value, "p") is None


@pytest.mark.parametrize(
    ("check", "value", "code", "param", "message"),
    [
        (boolean, 1, "invalid_type", "p", TYPE.format("a boolean", "an integer")),
        (text(), None, "invalid_type", "p", TYPE.format("a string", "null")),
        (
            text(3), "abcd", "string_above_max_length", "p",
            "Invalid 'p': string too long. Expected a string with maximum length 3, but got a string with length 4 instead.",
        ),
        (number(), True, "invalid_type", "p", TYPE.format("a decimal", "a boolean")),
        (number(), "1", "invalid_type", "p", TYPE.format("a decimal", "a string")),
        (integer(), 1.5, "invalid_type", "p", TYPE.format("an integer", "a decimal")),
        (integer(), False, "invalid_type", "p", TYPE.format("an integer", "a boolean")),
        (
            number(0, 2), -0.5, "decimal_below_min_value", "p",
            "Invalid 'p': decimal below minimum value. Expected a value >= 0, but got -0.5 instead.",
        ),
        (
            number(most=2), 2.5, "decimal_above_max_value", "p",
            "Invalid 'p': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.",
        ),
        (
            AGE, 10, "integer_above_max_value", "p",
            "Invalid 'p': integer above maximum value. Expected a value <= 9, but got 10 instead.",
        ),
        (
            AGE, -1, "integer_below_min_value", "p",
            "Invalid 'p': integer below minimum value. Expected a value >= 0, but got -1 instead.",
        ),
        (one_of("a", "b"), "c", "invalid_value", "p", "Invalid value: 'c'. Supported values are: 'a', 'b'."),
        (one_of("a"), ["a"], "invalid_type", "p", TYPE.format("a string", "an array")),
        (array(AGE), {}, "invalid_type", "p", TYPE.format("an array", "an object")),
        (
            array(AGE, least=1), [], "empty_array", "p",
            "Invalid 'p': empty array. Expected an array with minimum length 1.",
        ),
        (
            array(AGE, most=1), [1, 2], "array_above_max_length", "p",
            "Invalid 'p': array too long. Expected an array with maximum length 1, but got an array with length 2 instead.",
        ),
        (array(AGE), [1, "x", None], "invalid_type", "p[1]", "Invalid type for 'p[1]': expected an integer, but got a string instead."),
        (mapping(AGE), [], "invalid_type", "p", TYPE.format("an object", "an array")),
        (
            mapping(AGE, most=1), {"x": 1, "y": 2}, "object_above_max_properties", "p",
            "Invalid 'p': too many properties. Expected at most 1, but got 2.",
        ),
        (mapping(NAME), {"x": "a", "y": 7}, "invalid_type", "p.y", "Invalid type for 'p.y': expected a string, but got an integer instead."),
        (PERSON, "Ada", "invalid_type", "p", TYPE.format("an object", "a string")),
        (PERSON, {"x": 1}, "missing_required_parameter", "p.name", "Missing required parameter: 'p.name'."),
        (PERSON, {"name": None}, "missing_required_parameter", "p.name", "Missing required parameter: 'p.name'."),
        (PERSON, {"name": "Ada", "x": None}, "unknown_parameter", "p.x", "Unknown parameter: 'p.x'."),
        (PERSON, {"name": 7}, "invalid_type", "p.name", "Invalid type for 'p.name': expected a string, but got an integer instead."),
        (either("a name", str=NAME), True, "invalid_type", "p", TYPE.format("a name", "a boolean")),
        (tagged("type", PETS), None, "invalid_type", "p", TYPE.format("an object", "null")),
        (tagged("type", PETS), {"name": "Tom"}, "missing_required_parameter", "p.type", "Missing required parameter: 'p.type'."),
        (tagged("type", PETS), {"type": "cow"}, "invalid_value", "p.type", "Invalid value: 'cow'. Supported values are: 'cat', 'dog'."),
        (tagged("type", PETS), {"type": "cat", "age": 7}, "unknown_parameter", "p.age", "Unknown parameter: 'p.age'."),
    ],
)  # fmt: skip
def test_a_value_of_another_shape_is_refused_by_its_path(check, value, code, param, message):
    assert check(value, "p") == invalid_parameter(code, message, param)


def test_the_fields_of_a_whole_body_have_no_path_in_front():
    for body, param in (({"name": "Ada", "age": "x"}, "age"), ({}, "name")):
        assert PERSON(body, "").body["error"]["param"] == param
