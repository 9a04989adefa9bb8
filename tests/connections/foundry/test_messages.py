"""The words of the chat API in those of the Messages API, and back."""

import json

import pytest

from connections.foundry.lessons import Lesson
from connections.foundry.messages import body_of, content_of, source_of, stop_sequences, thinking_of, tools_of, turns_of
from connections.foundry.messages_answers import MessageAssembler, completion_fields, usage_of
from connections.foundry.sse import ServerEvent
from connections.foundry.values import (
    ChatRequest,
    ErrorInAnswer,
    Message,
    ProtocolError,
    TextDelta,
    ToolCall,
    Usage,
)

HI = Message("user", "Hi")


def refused(*types):
    return [Lesson("thinking", "", "", 0.0, type) for type in types]


@pytest.mark.parametrize(
    ("effort", "limit", "lessons", "thinking"),
    [
        ("none", 9_000, [], {"type": "disabled"}),
        ("low", 9_000, [], {"type": "adaptive"}),
        ("low", 10_000, refused("adaptive"), {"type": "enabled", "budget_tokens": 2_000}),
        ("other", 10_000, refused("adaptive"), {"type": "enabled", "budget_tokens": 5_000}),
        ("low", 2_000, refused("adaptive"), {"type": "enabled", "budget_tokens": 1_024}),
        ("max", 1_025, refused("adaptive"), {"type": "enabled", "budget_tokens": 1_024}),
        ("max", 1_024, refused("adaptive"), None),
        ("max", 9_000, refused("adaptive", "enabled"), None),
        ("max", 9_000, [Lesson("effort", "", "", 0.0, "adaptive")], {"type": "adaptive"}),
    ],
)
def test_how_much_it_thinks(effort, limit, lessons, thinking):
    assert thinking_of(effort, limit, lessons) == thinking


@pytest.mark.parametrize(
    ("stop", "sequences"),
    [("END", ["END"]), (["a", " ", "", 3, "b"], ["a", "b"]), (("a",), ["a"]), (None, []), ("\n", []), ({"a": 1}, [])],
)
def test_blank_stop_sequences_are_left_out(stop, sequences):
    assert stop_sequences(stop) == sequences


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://contoso.com/a.png", {"type": "url", "url": "https://contoso.com/a.png"}),
        ("data:image/JPG;base64,iVBO\nRw==", {"type": "base64", "media_type": "image/jpeg", "data": "iVBORw=="}),
        ("data:text/csv;charset=utf-8;base64,YQ==", {"type": "base64", "media_type": "text/csv", "data": "YQ=="}),
        ("data:,a%20b", {"type": "base64", "media_type": "text/plain", "data": "YSBi"}),
    ],
)
def test_where_an_image_comes_from(url, source):
    assert source_of(url) == source


@pytest.mark.parametrize(
    ("file", "block"),
    [
        (
            {"filename": "a.txt", "file_data": "data:text/plain;base64,w6Q="},
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "ä"}, "title": "a.txt"},
        ),
        (
            {"file_data": "data:text/plain;base64,w"},
            {"type": "document", "source": {"type": "base64", "media_type": "text/plain", "data": "w"}},
        ),
        (
            {"file_data": "data:application/pdf;base64,JVBE"},
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}},
        ),
        ({}, {"type": "document", "source": {"type": "url", "url": ""}}),
    ],
)
def test_a_file_becomes_a_document(file, block):
    assert content_of(Message("user", [{"type": "file", "file": file}])) == [block]


def test_what_was_said_are_turns():
    call = ToolCall("c1", "look_up", '{"city": "Bonn"}')
    broken, listed = ToolCall("c2", "look_up", '{"city'), ToolCall("c3", "look_up", "[1]")
    messages = [
        Message("system", "Be brief."),
        Message("user", " "),
        HI,
        Message("assistant", None, tool_calls=(call, broken, listed)),
        Message("tool", "Rain", tool_call_id="c1"),
        Message("tool", [{"type": "text", "text": " "}, {"type": "text", "text": "Sun"}], tool_call_id="c2"),
        Message("user", [{"type": "text", "text": ""}, {"type": "thinking", "thinking": "t"}]),
        Message("tool", None, tool_call_id="c3"),
        Message("developer", [{"type": "text", "text": "Now."}, {"type": "x"}]),
    ]
    used = [("c1", {"city": "Bonn"}), ("c2", {}), ("c3", {})]
    assert turns_of(messages) == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": id, "name": "look_up", "input": input} for id, input in used],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "Rain"},
                {"type": "tool_result", "tool_use_id": "c2", "content": [{"type": "text", "text": "Sun"}]},
            ],
        },
        {"role": "user", "content": [{"type": "thinking", "thinking": "t"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c3", "content": ""}]},
    ]
    assert body_of(ChatRequest("m", messages), [])["system"] == "Be brief.\n\nNow."


FUNCTION = {"type": "function", "function": {"name": "f", "description": "", "strict": True}}


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {}),
        ({"tools": [{"type": "web_search", "name": "w"}]}, {"tools": [{"type": "web_search", "name": "w"}]}),
        (
            {"tools": [FUNCTION], "tool_choice": "required", "parallel_tool_calls": False},
            {
                "tools": [{"name": "f", "input_schema": {"type": "object", "properties": {}}, "strict": True}],
                "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
            },
        ),
        (
            {"tools": [], "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False},
            {"tools": [], "tool_choice": {"type": "tool", "name": "f"}},
        ),
        ({"tool_choice": {"type": "none"}}, {"tool_choice": {"type": "none"}}),
    ],
)
def test_tools_are_said_in_its_words(asked, sent):
    assert tools_of(ChatRequest("m", [HI], **asked)) == sent


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {"max_tokens": 8_192}),
        ({"max_completion_tokens": 21_333, "user": "u"}, {"max_tokens": 21_333, "metadata": {"user_id": "u"}}),
        ({"max_completion_tokens": 21_334}, {"max_tokens": 21_334, "stream": True}),
        ({"metadata": {"user_id": "m", "x": "y"}}, {"max_tokens": 8_192, "metadata": {"user_id": "m"}}),
        (
            {"reasoning_effort": "minimal"},
            {"max_tokens": 32_768, "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "stream": True},
        ),
        ({"reasoning_effort": "none"}, {"max_tokens": 8_192, "thinking": {"type": "disabled"}}),
        (
            {"reasoning_summary": "auto"},
            {"max_tokens": 32_768, "thinking": {"type": "adaptive", "display": "summarized"}, "stream": True},
        ),
        (
            {"reasoning_summary": "auto", "reasoning_effort": "none", "max_completion_tokens": 9},
            {"max_tokens": 9, "thinking": {"type": "disabled"}},
        ),
        ({"service_tier": "default", "extra": {"top_k": 5}}, {"max_tokens": 8_192, "service_tier": "standard_only", "top_k": 5}),
        ({"service_tier": "auto", "temperature": 0}, {"max_tokens": 8_192, "service_tier": "auto", "temperature": 0}),
    ],
)  # fmt: skip
def test_a_request_says_no_more_than_was_asked(asked, sent):
    body = body_of(ChatRequest("m", [HI], stream=False, **asked), [])
    assert body == {"model": "m", "messages": [{"role": "user", "content": "Hi"}], **sent}


# --- Answers ---


def fed(*events):
    """What a stream said at once, and the fields of the whole."""
    assembler, said = MessageAssembler(), []
    for kind, data in events:
        said += assembler.feed(ServerEvent(data if isinstance(data, str) else json.dumps({"type": kind, **data}), kind))
    return "".join(delta.text for delta in said if isinstance(delta, TextDelta)), assembler


def delta(at, type, **piece):
    return "content_block_delta", {"index": at, "delta": {"type": type, **piece}}


def test_a_stream_is_put_together_block_by_block():
    said, assembler = fed(
        ("message_start", {"message": {"model": "m", "content": [], "usage": {"input_tokens": 3, "output_tokens": 1}}}),
        ("ping", ""),
        ("unknown", "no JSON"),
        ("content_block_start", {"index": 0, "content_block": {"type": "thinking", "thinking": "So"}}),
        delta(0, "thinking_delta", thinking=", well"),
        delta(0, "signature_delta", signature="s"),
        delta(0, "unknown_delta", text="no"),
        ("content_block_start", {"index": 1, "content_block": {"type": "text", "text": "Hel"}}),
        delta(1, "text_delta", text="lo"),
        delta(1, "text_delta", text=None),
        ("content_block_start", {"index": 2, "content_block": {"type": "tool_use", "id": "c", "name": "f", "input": {}}}),
        delta(2, "input_json_delta", partial_json='{"a"'),
        delta(2, "input_json_delta", partial_json=": 1}"),
        delta(3, "text_delta", text="!"),
        (
            "message_delta",
            {"delta": {"stop_reason": "refusal"}, "stop_details": {"category": "cyber", "explanation": "No."}, "usage": {"output_tokens": 9, "input_tokens": None}},
        ),
        ("message_stop", {}),
        delta(1, "text_delta", text="ignored"),
    )  # fmt: skip
    fields = assembler.fields()
    assert (said, fields["text"], fields["reasoning"]) == ("Hello!", "Hello!", "So, well")
    assert fields["tool_calls"] == (ToolCall("c", "f", '{"a": 1}'),)
    assert (fields["usage"], fields["model"]) == (Usage(3, 9, 12), "m")
    assert (fields["finish_reason"], fields["refusal"], str(fields["filters"][0])) == ("content_filter", "No.", "cyber")
    assert fields["raw"]["content"][0]["signature"] == "s"
    assert (assembler.is_whole, assembler.has_begun) == (True, True)


def test_blocks_stand_in_their_order_and_an_event_may_say_its_kind_alone():
    said, assembler = fed(
        delta(1, "text_delta", text="b"),
        delta(0, "text_delta", text="a"),
        ("content_block_start", {"index": 2, "content_block": {"type": "tool_use", "id": "c", "name": "f", "text": "no"}}),
        ("message_delta", json.dumps({"usage": {"output_tokens": 2}})),
        ("message_delta", json.dumps({"usage": {"input_tokens": 1}})),
        ("message_stop", " [DONE] "),
    )  # fmt: skip
    assert (said, assembler.fields()["text"], assembler.is_whole) == ("ba", "ab", False)
    assert assembler.fields()["usage"] == Usage(1, 2, 3)


def test_a_tool_call_that_was_cut_keeps_its_text():
    _, assembler = fed(delta(0, "input_json_delta", partial_json='{"a'))
    assert assembler.fields()["tool_calls"] == (ToolCall("", "", '{"a'),)
    assert (assembler.is_whole, assembler.has_begun) == (False, False)


@pytest.mark.parametrize(
    ("kind", "data", "error"),
    [
        ("error", {"error": {"message": "Overloaded"}}, ErrorInAnswer),
        ("other", {"error": {"message": "Overloaded"}}, ErrorInAnswer),
        ("message_delta", "no JSON", ProtocolError),
        ("", "no JSON", ProtocolError),
    ],
)
def test_a_stream_that_breaks_says_so(kind, data, error):
    with pytest.raises(error):
        fed((kind, data))


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ([], ProtocolError),
        ({"type": "list"}, ProtocolError),
        ({"type": "message", "error": {"message": "x"}}, ErrorInAnswer),
    ],
)
def test_what_is_no_message_is_an_error(data, error):
    with pytest.raises(error):
        completion_fields(data)


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("pause_turn", "pause_turn"),
        (None, None),
    ],
)
def test_why_it_ended(stop, finish):
    fields = completion_fields({"content": [{"type": "text", "text": "a"}, 3], "stop_reason": stop})
    assert (fields["text"], fields["finish_reason"], fields["filters"], fields["reasoning"]) == ("a", finish, (), None)


def test_a_refusal_without_a_reason_is_one_all_the_same():
    fields = completion_fields({"type": "message", "content": None, "stop_reason": "refusal", "stop_details": "x"})
    assert (fields["refusal"], str(fields["filters"][0]), fields["filters"][0].filtered) == (
        None,
        "refused by the model",
        True,
    )


def test_tokens_of_the_cache_are_some_of_the_prompt():
    counts = {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 8}
    assert usage_of({**counts, "output_tokens_details": {"thinking_tokens": 1}}) == Usage(13, 2, 15, 4, 1, 8)
    assert (usage_of({"output_tokens": 2}), usage_of({"input_tokens": 1})) == (Usage(0, 2, 2), Usage(1, 0, 1))
    assert usage_of(None) == Usage()
