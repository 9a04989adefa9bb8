"""JSON from outside is held by every other part, or refused."""

import pytest

from connections.foundry.json_parsing import mappings, parse_json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        (r'"half \ud83d"', "half \ufffd"),
        (r'{"half \uDE00": "\uD83D"}', {"half \ufffd": "\ufffd"}),
        (r'"\ud83d\ude00 \ud83d"', "\N{GRINNING FACE} \ufffd"),
        (r'"\uD83D\uDE00"', "\N{GRINNING FACE}"),
    ],
)
def test_half_a_character_becomes_the_one_that_stands_for_none(text, value):
    assert parse_json(text) == value


@pytest.mark.parametrize(("text", "why"), [("{half", "Expecting"), ("[" * 200_000, "it is nested too deeply")])
def test_what_is_no_json_is_refused(text, why):
    with pytest.raises(ValueError, match=why):
        parse_json(text)


def test_objects_are_taken_out_of_a_list():
    assert mappings([{"a": 1}, 2, [], {}]) == [{"a": 1}, {}]
    assert mappings({"a": 1}) == mappings(None) == mappings("x") == []
