"""What an answer may be asked to be, what is known of it before, and what is told of it."""

import pytest

from connections.foundry.values import Completion, Usage
from flows.actions.chat_completion.answer import (
    COUNTS,
    FIELDS_OF_OUR_OWN,
    answer_shape,
    extra_parameters,
    response_format,
    usage_of,
    warning_of,
)
from flows.language.errors import ActionError
from flows.language.shape import NUMBER, TEXT, Shape, object_shape, shape_of_schema

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (None, None),
        ("", None),
        ("text", None),
        ("json_object", {"type": "json_object"}),
        ('{"type": "json_object"}', {"type": "json_object"}),
        ({"type": "text"}, {"type": "text"}),
        ({"type": "json_schema", "json_schema": {}}, {"type": "json_schema", "json_schema": {}}),
        ({"name": "a", "schema": SCHEMA}, {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}),
        (SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}),
    ],
)
def test_a_format_is_what_the_api_takes(value, wanted):
    assert response_format(value) == wanted


@pytest.mark.parametrize(
    ("value", "what"), [("xml", "'xml' is not known."), ([1], "is not an object."), ("[1]", "is not an object.")]
)
def test_a_format_that_is_none_is_refused(value, what):
    with pytest.raises(ActionError) as refused:
        response_format(value)
    assert (refused.value.kind, refused.value.message) == ("response_format", f"Response format {what}")


@pytest.mark.parametrize("value", [None, "", {}])
def test_no_extra_parameters_are_none(value):
    assert extra_parameters(value) is None


def test_extra_parameters_are_an_object_or_its_text():
    assert extra_parameters({"top_k": 5}) == extra_parameters('{"top_k": 5}') == {"top_k": 5}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{", "Extra parameters are not JSON ("),
        ([5], "Extra parameters are not an object."),
        *(({name: 1}, f"Extra parameters name {name}, which the action says itself.") for name in FIELDS_OF_OUR_OWN),
    ],
)
def test_extra_parameters_that_cannot_be_added_are_refused(value, words):
    with pytest.raises(ActionError) as refused:
        extra_parameters(value)
    assert (refused.value.kind, refused.value.message.startswith(words)) == ("extra_parameters", True)


def test_what_an_action_says_itself_is_no_extra_parameter():
    assert FIELDS_OF_OUR_OWN == ("model", "messages", "input", "instructions", "system", "stream")


def shape(**more):
    usage = object_shape(**dict.fromkeys(COUNTS, NUMBER))
    return object_shape(text=TEXT, usage=usage, finish_reason=TEXT, model=TEXT, raw=Shape("object"), **more)


@pytest.mark.parametrize(
    ("properties", "known"),
    [
        ({}, shape()),
        ({"response_format": "xml", "top_logprobs": ""}, shape()),
        ({"response_format": {"type": "text"}}, shape()),
        ({"response_format": "json_object"}, shape(json=Shape("object"))),
        ({"response_format": SCHEMA}, shape(json=shape_of_schema(SCHEMA))),
        ({"reasoning_summary": "auto", "top_logprobs": 0}, shape(reasoning=TEXT, logprobs=Shape("list"))),
    ],
)
def test_what_is_known_of_an_answer_before_a_run(properties, known):
    assert answer_shape(properties) == known


def completion(finish="stop", refusal=None, tokens=7):
    return Completion("", refusal, finish, Usage(5, tokens, 12, reasoning_tokens=0), "m", None, 200, "https://x")


@pytest.mark.parametrize(
    ("answer", "warning"),
    [
        (completion(), None),
        (completion("length", tokens=1_200), "Cut at 1,200 tokens"),
        (completion("length", tokens=0), "Cut at the token limit"),
        (completion("content_filter"), "Filtered: content"),
        (completion("pause_turn"), "Paused by the service before its turn was over"),
        (completion(refusal="x" * 300), f"Refused: {'x' * 200}"),
    ],
)
def test_an_answer_that_is_not_whole_is_warned_of(answer, warning):
    assert warning_of(answer) == warning


def test_only_tokens_that_were_counted_are_told():
    assert usage_of(completion()) == {
        "prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "reasoning_tokens": 0,
    }  # fmt: skip
