"""The wire form of chat completions: what is sent, and what a whole answer and a stream are read as."""

import json

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.chat import (
    ChatAssembler,
    completion_fields,
    count_in,
    messages_of,
    takes_max_tokens,
    takes_stream_options,
    usage_of,
)
from connections.foundry.sse import ServerEvent
from connections.foundry.values import ErrorInAnswer, FilterResult, Message, ProtocolError, ToolCall, Usage

RESOURCE = "https://r.openai.azure.com"


@pytest.mark.parametrize(
    ("address", "max_tokens", "stream_options"),
    [
        (f"{RESOURCE}/openai/v1", False, True),
        (f"{RESOURCE}/openai/deployments/D?api-version=2024-08-01-preview", True, False),
        (f"{RESOURCE}/openai/deployments/D?api-version=2024-09-01", False, True),
        (f"{RESOURCE}/openai/deployments/D?api-version=2024-10-21", False, True),
        ("https://r.services.ai.azure.com/models", True, False),
        ("https://api.openai.com/v1", True, True),
    ],
)
def test_what_a_route_takes(address, max_tokens, stream_options):
    endpoint = parse_endpoint(address)
    assert (takes_max_tokens(endpoint), takes_stream_options(endpoint)) == (max_tokens, stream_options)


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        (["system", "user"], ["system", "user"]),
        (["developer", "user"], ["developer", "user"]),
        (["system", "developer"], ["system", "system"]),
        (["developer", "user", "system"], ["system", "user", "system"]),
    ],
)
def test_system_and_developer_are_one_where_both_speak(said, sent):
    assert [made["role"] for made in messages_of([Message(role, "x") for role in said])] == sent


def test_counts_that_make_no_sense_are_not_told():
    told = {"a": 0, "b": -1, "c": "3", "d": 10**30, "e": 1.5}
    assert [count_in(told, name) for name in "abcdef"] == [0, None, None, None, None, None]
    assert usage_of("x") == usage_of(None) == usage_of([]) == Usage()


@pytest.mark.parametrize(("given", "made"), [("prompt", "completion"), ("input", "output")])
@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ((3, 4, None), (3, 4, 7)),
        ((3, 4, 9), (3, 4, 9)),
        ((3, None, None), (3, 0, 3)),
        ((None, 4, None), (0, 4, 4)),
        ((None, None, 7), (0, 0, 7)),
    ],
)
def test_counts_that_are_not_told_are_added_up(given, made, counts, usage):
    told = dict(zip((f"{given}_tokens", f"{made}_tokens", "total_tokens"), counts, strict=True))
    assert usage_of(told, given, made) == Usage(*usage)
    details = {f"{given}_tokens_details": {"cached_tokens": 1}, f"{made}_tokens_details": {"reasoning_tokens": 2}}
    assert usage_of({**told, **details}, given, made) == Usage(*usage, 1, 2)


def test_the_words_of_chat_completions_are_those_of_most():
    assert usage_of({"prompt_tokens": 3, "completion_tokens": 4}) == Usage(3, 4, 7)


TOKEN = {"token": "H", "logprob": -0.5, "bytes": [72], "top_logprobs": [{"token": "h", "logprob": -1, "x": 1}, 3]}
SHOWN = {"token": "H", "logprob": -0.5, "top_logprobs": [{"token": "h", "logprob": -1}]}
WRONG = {"category": "hate", "filtered": False}


def whole(message, **more):
    return completion_fields({"choices": [{"message": message, **more}, {"message": {"content": "second"}}]})


def test_a_whole_answer_is_read():
    content = [
        {"type": "thinking", "thinking": [{"text": "So "}, 3]},
        {"type": "text", "text": "Hi"},
        3,
        {"text": None},
    ]
    calls = [
        {"id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}},
        {"function": {"name": "g", "arguments": {"ä": 1}}},
        {"id": "d", "function": {}},
        {"id": "e"},
        3,
    ]
    fields = whole(
        {"content": content, "tool_calls": calls, "refusal": ""},
        finish_reason="stop",
        logprobs={"content": [TOKEN, 3, {"token": "i", "top_logprobs": 5}]},
        content_filter_results={"hate": {"filtered": True, "severity": "high"}},
    )
    assert (fields["text"], fields["reasoning"], fields["refusal"], fields["finish_reason"]) == (
        "Hi",
        "So ",
        None,
        "stop",
    )
    assert fields["tool_calls"] == (
        ToolCall("c", "f", '{"a": 1}'), ToolCall("", "g", '{"ä": 1}'), ToolCall("d", "", ""),
    )  # fmt: skip
    assert fields["logprobs"] == (SHOWN, {"token": "i", "logprob": None, "top_logprobs": []})
    assert fields["filters"] == (FilterResult("completion", "hate", True, "high"),)


@pytest.mark.parametrize(
    ("message", "thoughts"),
    [
        ({"reasoning_content": "a", "reasoning": "b"}, "a"),
        ({"reasoning_content": "", "reasoning": "b"}, "b"),
        ({"content": "text"}, None),
        ({"content": [{"type": "text", "thinking": "no"}]}, None),
    ],
)
def test_thoughts_stand_in_several_places(message, thoughts):
    assert whole(message)["reasoning"] == thoughts


@pytest.mark.parametrize("name", ["prompt_filter_results", "prompt_annotations"])
def test_what_was_found_in_the_prompt_is_told(name):
    found = {name: [3, {"content_filter_results": {"violence": {"filtered": False, "severity": "low"}}}]}
    fields = completion_fields({"choices": [{"message": {}}], **found})
    assert fields["filters"] == (FilterResult("prompt", "violence", False, "low"),)
    assert completion_fields({"choices": [{"message": {}}], name: {"a": 1}})["filters"] == ()


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([], ProtocolError),
        ({"choices": []}, ProtocolError),
        ({"choices": {}}, ProtocolError),
        ({"choices": ["x"]}, ProtocolError),
        ({"choices": [{"message": "x"}]}, ProtocolError),
        ({"error": {"message": "ä"}}, ErrorInAnswer),
        ({"object": "error", "message": "ä"}, ErrorInAnswer),
    ],
)
def test_what_has_no_message_is_an_error(data, error):
    with pytest.raises(error) as told:
        completion_fields(data)
    assert error is ProtocolError or "ä" in told.value.text


# --- Streams ---


def streamed(*chunks):
    assembler, said = ChatAssembler(), []
    for chunk in chunks:
        said += assembler.feed(ServerEvent(chunk if isinstance(chunk, str) else json.dumps(chunk)))
    return "".join(delta.text for delta in said), assembler


def choice(delta=None, **more):
    return {"choices": [{"index": 0, **({"delta": delta} if delta is not None else {}), **more}]}


def test_a_stream_is_put_together():
    said, assembler = streamed(
        {"id": "i", "model": "m", "choices": [], "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False}}}]},
        choice({"content": "He", "reasoning": "So"}, logprobs={"content": [TOKEN]}),
        {"choices": [{"index": 1, "delta": {"content": "no"}}, 3]},
        choice({"content": [{"text": "llo"}]}),
        choice({"tool_calls": [{"index": 1, "id": "b", "function": {"name": "g"}}, 3, {"index": 0, "id": "a", "function": "x"}]}),
        choice({"tool_calls": [{"index": 1, "function": {"arguments": '{"x"'}}, {"index": 0, "function": {"name": "f"}}]}),
        choice({"tool_calls": [{"index": 1, "id": None, "function": {"arguments": ": 1}"}}]}),
        choice({"refusal": "No."}, finish_reason="length"),
        choice(content_filter_results={"hate": {"filtered": True, "severity": "high"}}),
        choice(content_filter_results={"hate": {"filtered": False, "severity": "safe"}}),
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
        " [DONE]",
        choice({"content": "late"}),
    )  # fmt: skip
    fields = assembler.fields()
    assert (said, fields["text"], fields["refusal"], fields["reasoning"]) == ("Hello", "Hello", "No.", "So")
    assert (fields["finish_reason"], fields["model"], fields["usage"]) == ("length", "m", Usage(1, 2, 3))
    assert fields["tool_calls"] == (ToolCall("a", "f", ""), ToolCall("b", "g", '{"x": 1}'))
    assert fields["filters"] == (
        FilterResult("prompt", "hate", False),
        FilterResult("completion", "hate", True, "high"),
    )
    assert fields["logprobs"] == (SHOWN,)
    assert (fields["raw"]["id"], fields["raw"]["choices"][0]["index"]) == ("i", 0)
    assert (assembler.is_done, assembler.is_whole, assembler.has_begun) == (True, True, True)


def test_calls_without_numbers_are_told_by_their_places_and_may_come_whole():
    pieces = [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"id": "b", "function": {"name": "g"}}]
    _, assembler = streamed(choice({"tool_calls": pieces, "finish_reason": "tool_calls"}))
    assert assembler.fields()["tool_calls"] == (ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", ""))
    assert (assembler.fields()["finish_reason"], assembler.is_done, assembler.is_whole) == ("tool_calls", False, True)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (ServerEvent('{"error": {"message": "x"}}'), ErrorInAnswer),
        (ServerEvent('{"message": "x"}', "error"), ErrorInAnswer),
        (ServerEvent("x"), ProtocolError),
        (ServerEvent("[]"), ProtocolError),
    ],
)
def test_a_stream_that_breaks_says_so(event, error):
    with pytest.raises(error):
        list(ChatAssembler().feed(event))
