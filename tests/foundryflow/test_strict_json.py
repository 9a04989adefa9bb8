"""JSON from outside is what every part of the product and every database can hold, or says why not."""

import math

import pytest

from foundryflow.strict_json import LONGEST_NUMBER, JsonError, check_values, deeper_than, read_json, storable_json


@pytest.mark.parametrize(
    ("text", "value"),
    [('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}), ("7", 7), (b'\xef\xbb\xbf"x"', "x"), ('"é"'.encode("utf-16"), "é")],
)  # fmt: skip
def test_json_is_read_in_every_encoding_of_unicode(text, value):
    assert read_json(text) == value


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ('{\n"a": }', "not JSON", 2),
        ("", "not JSON", 1),
        (b"\xff\xfe\xfd", "is not text", None),
        ("[" * 100_000, "nested too deeply", None),
        ("9" * (LONGEST_NUMBER + 1), "hundreds or thousands of digits", None),
    ],
)
def test_what_is_none_says_why_and_where(text, words, line):
    with pytest.raises(JsonError) as refused:
        read_json(text)
    assert words in refused.value.what
    assert refused.value.line == line
    assert str(refused.value).startswith(f"line {line}: ") is (line is not None)


def test_the_longest_number_is_read():
    assert read_json("9" * LONGEST_NUMBER) == 10**LONGEST_NUMBER - 1


def test_depth_is_counted_in_lists_and_objects():
    assert read_json('[{"a": [1]}]', deepest=3) == [{"a": [1]}]
    with pytest.raises(JsonError, match="more than 2 deep"):
        read_json('[{"a": [1]}]', deepest=2)
    assert not deeper_than(1, 0)
    assert deeper_than([1], 0)
    assert not deeper_than([], 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\0", "a NUL character"),
        ("\ud83d", "half a surrogate pair"),
        ({"a\0": 1}, "a NUL character"),
        ({"a": ["\udc00"]}, "half a surrogate pair"),
        ([[math.nan]], "NaN"),
        ({"a": math.inf}, "infinite"),
    ],
)
def test_what_no_database_keeps_is_found_wherever_it_stands(value, words):
    with pytest.raises(JsonError, match=words):
        check_values(value)


def test_what_a_database_keeps_passes():
    check_values({"a": ["x", 1, 1.5, None, True, {"😀": []}]})
    assert storable_json('{"a": "\\ud83d\\ude00"}') == {"a": "😀"}
    with pytest.raises(JsonError):
        storable_json('"\\ud83d"')
    with pytest.raises(JsonError):
        storable_json("NaN")
