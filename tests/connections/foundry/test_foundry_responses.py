"""The Responses API: the same request and the same result as chat."""

import json
from contextlib import suppress

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.endpoint.recognise import parse_endpoint
from connections.foundry import responses
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.sse import ServerEvent
from connections.foundry.values import (
    ChatRequest,
    Completion,
    ErrorInAnswer,
    FilterResult,
    Message,
    ProtocolError,
    Target,
    TextDelta,
    ToolCall,
    Usage,
)
from connections.secret import Secret
from connections.simulator.app import Simulator
from tests.connections.foundry.stub import KEY, QUICK

URL = "https://r.openai.azure.com/openai/v1/responses"
USAGE = {
    "input_tokens": 5,
    "input_tokens_details": {"cached_tokens": 1},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 12,
}
WHOLE = {
    "id": "resp_1",
    "status": "completed",
    "model": "gpt-5-2025",
    "error": None,
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Thinking."}]},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Hi "}, {"type": "output_text", "text": "there"}],
        },
        {"type": "something_new", "value": 1},
    ],
    "usage": USAGE,
}


V1 = parse_endpoint("https://r.openai.azure.com/openai/v1")


def made(*messages, **more):
    return responses.body_of(V1, ChatRequest("m", messages, **{"stream": False, **more}))


def test_a_single_question_is_the_input():
    assert made(Message("user", "Where?")) == {"model": "m", "input": "Where?"}


def test_what_comes_first_of_the_system_is_the_instruction():
    body = made(Message("system", "Be brief."), Message("user", "Where?"))
    assert body == {"model": "m", "instructions": "Be brief.", "input": "Where?"}


def test_a_conversation_becomes_items_in_their_own_words():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
    body = made(
        Message("user", [{"type": "text", "text": "What is this?"}, image]),
        Message("assistant", "A cat.", [ToolCall("c1", "feed", '{"n": 1}')]),
        Message("tool", "fed", tool_call_id="c1"),
    )
    assert body["input"] == [
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
            ],
        },
        {"role": "assistant", "content": [{"type": "output_text", "text": "A cat."}]},
        {"type": "function_call", "call_id": "c1", "name": "feed", "arguments": '{"n": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "fed"},
    ]


def test_every_parameter_goes_where_this_api_has_it():
    schema = {"name": "a", "schema": {"type": "object"}, "strict": True}
    body = made(
        Message("user", "Where?"),
        temperature=0.1,
        top_p=0.9,
        max_completion_tokens=99,
        reasoning_effort="low",
        verbosity="high",
        response_format={"type": "json_schema", "json_schema": schema},
        tools=[{"type": "function", "function": {"name": "feed", "parameters": {}}}],
        tool_choice={"type": "function", "function": {"name": "feed"}},
        metadata={"a": "b"},
        user="u",
        stop=["x"],
        seed=1,
        stream=True,
    )
    assert body == {
        "model": "m",
        "input": "Where?",
        "temperature": 0.1,
        "top_p": 0.9,
        "user": "u",
        "metadata": {"a": "b"},
        "max_output_tokens": 99,
        "reasoning": {"effort": "low"},
        "text": {"format": {"type": "json_schema", **schema}, "verbosity": "high"},
        "tools": [{"type": "function", "name": "feed", "parameters": {}}],
        "tool_choice": {"type": "function", "name": "feed"},
        "stream": True,
    }


def test_the_text_of_all_messages_is_the_answer():
    fields = responses.completion_fields(WHOLE)
    assert fields["text"] == "Hi there"
    assert fields["reasoning"] == "Thinking."
    assert fields["finish_reason"] == "stop"
    assert fields["usage"] == Usage(5, 7, 12, 1, 3)


@pytest.mark.parametrize(
    ("more", "finish"),
    [
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": None}, "length"),
        ({"output": [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]}, "tool_calls"),
    ],
)
def test_why_it_ended_is_said_in_the_words_of_chat(more, finish):
    assert responses.completion_fields({**WHOLE, **more})["finish_reason"] == finish


def test_a_refusal_and_the_filters_are_read():
    content = [{"type": "refusal", "refusal": "I will not."}]
    filters = [
        {"source_type": "prompt", "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}}},
        {"source_type": "completion", "content_filter_results": {"error": {"code": "content_filter_error"}}},
    ]
    fields = responses.completion_fields(
        {**WHOLE, "output": [{"type": "message", "content": content}], "content_filters": filters}
    )
    assert fields["refusal"] == "I will not."
    assert fields["filters"] == (FilterResult("prompt", "hate", False, "safe"),)


@pytest.mark.parametrize("data", [[], {}, {"output": "text"}, "text", None, 3])
def test_what_is_no_response_is_a_protocol_error(data):
    with pytest.raises(ProtocolError):
        responses.completion_fields(data)


def test_a_failed_response_is_an_error_although_the_status_is_200():
    with pytest.raises(ErrorInAnswer):
        responses.completion_fields({**WHOLE, "status": "failed", "error": {"code": "server_error", "message": "no"}})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*WHOLE, "content", "type"]), inner),
    max_leaves=12,
)


@given(json_values)
def test_no_answer_breaks_the_reader(data):
    with suppress(ProtocolError, ErrorInAnswer):
        responses.completion_fields(data)


@given(st.lists(json_values, max_size=5))
def test_no_event_breaks_the_assembler(events):
    assembler = responses.ResponseAssembler()
    with suppress(ProtocolError, ErrorInAnswer):
        for event in events:
            list(assembler.feed(ServerEvent(json.dumps(event))))
        if assembler.is_whole:
            assembler.fields()


def events(*data):
    return b"".join(f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in data)


STREAM = (
    {"type": "response.created", "response": {**WHOLE, "status": "in_progress", "output": []}},
    {"type": "response.output_item.added", "item": {"type": "message"}},
    {"type": "response.output_text.delta", "delta": "Hi "},
    {"type": "response.new_kind_of_event", "delta": "not for people"},
    {"type": "response.output_text.delta", "delta": "there"},
    {"type": "response.output_text.done", "text": "Hi there"},
)
COMPLETED = {"type": "response.completed", "response": WHOLE}


async def told(content, kind="text/event-stream", **more):
    """The events of one call that is answered with these bytes, and what was asked."""
    asked = []

    def answer(request):
        asked.append(request)
        return httpx.Response(200, headers={"content-type": kind, "apim-request-id": "r1"}, content=content)

    client = FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(answer), retry=QUICK, **more)
    target = Target("contoso", parse_endpoint(URL), Secret(KEY))
    found = [event async for event in client.chat(target, ChatRequest("m", (Message("user", "Where?"),)))]
    return found, asked


async def test_a_stream_of_events_becomes_text_and_the_whole():
    found, asked = await told(events(*STREAM, COMPLETED))
    assert [event.text for event in found if isinstance(event, TextDelta)] == ["Hi ", "there"]
    whole = found[-1]
    assert isinstance(whole, Completion)
    assert (whole.text, whole.url, whole.request_id, whole.usage.total_tokens) == ("Hi there", URL, "r1", 12)
    assert json.loads(asked[0].content) == {"model": "m", "input": "Where?", "stream": True}


async def test_the_end_may_be_said_twice():
    found, _ = await told(events(*STREAM, COMPLETED) + b"data: [DONE]\n\n")
    assert found[-1].text == "Hi there"


async def test_what_is_asked_is_not_kept_by_the_service_when_told_so():
    _, asked = await told(events(COMPLETED), store_responses=False)
    assert json.loads(asked[0].content)["store"] is False


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        ({"type": "error", "code": "server_error", "message": "no", "param": None}, ErrorKind.SERVER),
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Try again"}}, ErrorKind.RATE_LIMIT),
        ({"type": "response.failed", "response": {"error": {"code": "server_error"}}}, ErrorKind.SERVER),
        ({"type": "response.output_text.done"}, ErrorKind.TRUNCATED),
    ],
)
async def test_an_end_that_is_none_is_a_typed_error_and_not_tried_again(last, kind):
    with pytest.raises(FoundryError) as caught:
        await told(events(*STREAM, last))
    assert caught.value.kind is kind


async def test_an_answer_in_one_piece_is_taken_too():
    found, _ = await told(json.dumps(WHOLE).encode(), "application/json")
    assert found[-1].text == "Hi there"


def test_an_agent_has_its_own_model():
    agent = parse_endpoint("https://r.services.ai.azure.com/api/projects/P/agents/A/endpoint/protocols/openai")
    assert responses.body_of(agent, ChatRequest("m", (Message("user", "Hi"),))) == {"input": "Hi", "stream": True}


async def test_an_agent_that_was_pasted_is_named_with_every_call():
    sent = []

    class Recorded(httpx.ASGITransport):
        async def handle_async_request(self, request):
            sent.append(json.loads(request.content))
            return await super().handle_async_request(request)

    client = FoundryClient(destinations=Destinations.parse(""), transport=Recorded(Simulator(delay=0)))
    endpoint = parse_endpoint(
        "https://r.services.ai.azure.com/api/projects/P/openai/v1/responses?agent_reference=helper%3A2"
    )
    request = ChatRequest("", (Message("user", "Hi"),), temperature=0.5)
    *_, completion = [event async for event in client.chat(Target("r", endpoint, Secret("simulator")), request)]
    assert completion.text == "Simulated answer of helper. You said: Hi"
    agent = {"type": "agent_reference", "name": "helper", "version": "2"}
    assert sent[-1] == {"input": "Hi", "agent_reference": agent, "stream": True}
    assert completion.url == "https://r.services.ai.azure.com/api/projects/P/openai/v1/responses"


@pytest.mark.parametrize(
    ("part", "role", "sent"),
    [
        ({"type": "text", "text": "a"}, "user", {"type": "input_text", "text": "a"}),
        ({"type": "text"}, "assistant", {"type": "output_text", "text": ""}),
        ({"type": "image_url", "image_url": {"url": "u"}}, "user", {"type": "input_image", "image_url": "u"}),
        (
            {"type": "image_url", "image_url": {"url": "u", "detail": "low"}}, "user",
            {"type": "input_image", "image_url": "u", "detail": "low"},
        ),
        ({"type": "image_url", "image_url": "u"}, "user", {"type": "image_url", "image_url": "u"}),
        ({"type": "file", "file": {"file_data": "d"}}, "user", {"type": "input_file", "file_data": "d"}),
        ({"type": "file", "file": "f"}, "user", {"type": "file", "file": "f"}),
        ({"type": "input_audio", "x": 1}, "user", {"type": "input_audio", "x": 1}),
    ],
)  # fmt: skip
def test_a_part_is_said_in_the_words_of_this_api(part, role, sent):
    assert responses.part_of(part, role) == sent


@pytest.mark.parametrize(
    ("data", "finish"),
    [
        ({"status": "queued"}, "queued"),
        ({"status": 3}, None),
        ({"status": "incomplete", "incomplete_details": {"reason": "other"}}, "other"),
        ({"status": "incomplete", "incomplete_details": {"reason": 3}}, "length"),
        ({"status": "incomplete", "incomplete_details": "x"}, "length"),
        ({}, "stop"),
    ],
)
def test_an_end_of_another_kind_is_called_as_it_is(data, finish):
    assert responses.finish_of(data, ()) == finish


def test_only_texts_at_the_beginning_are_instructions():
    first, parts, later = (
        Message("system", "A"),
        Message("developer", [{"type": "text", "text": "B"}]),
        Message("system", "C"),
    )
    assert responses.split_instructions([first, later, parts, first]) == ("A\n\nC", [parts, first])
    assert responses.split_instructions([Message("user", "Hi"), first]) == ("", [Message("user", "Hi"), first])


def test_a_stream_ends_at_its_word_and_ignores_what_follows():
    assembler = responses.ResponseAssembler()
    assert (list(assembler.feed(ServerEvent(" [DONE] "))), assembler.is_done, assembler.has_begun) == ([], True, False)
    late = ServerEvent(json.dumps({"type": "response.output_text.delta", "delta": "late"}))
    assert list(assembler.feed(late)) == []


def streamed(*events):
    """The text of a stream and its assembler; an event is its data, or its name and data."""
    assembler, said = responses.ResponseAssembler(), []
    for event in events:
        kind, data = event if isinstance(event, tuple) else ("", event)
        said += assembler.feed(ServerEvent(json.dumps(data), kind))
    return "".join(delta.text for delta in said), assembler


def test_a_stream_whose_end_has_no_text_has_what_was_streamed():
    said, assembler = streamed(
        ("response.output_text.delta", {"delta": "Hi "}),
        {"type": "response.output_text.delta", "delta": "there", "response": None, "error": {"code": "no error here"}},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.completed", "response": {"output": [], "status": "completed"}},
    )
    assert (said, assembler.fields()["text"]) == ("Hi there", "Hi there")
    assert (assembler.is_done, assembler.is_whole, assembler.has_begun) == (True, True, True)
    _, begun = streamed(("response.output_text.delta", {"delta": "Hi"}))
    assert (begun.is_done, begun.is_whole, begun.has_begun) == (False, False, True)


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"type": "error", "message": "Slow down"}, "Slow down"),
        ({"type": "other", "error": {"message": "Slow down"}}, "Slow down"),
        ({"type": "response.failed", "response": {"error": {"message": "Slow down"}}}, "Slow down"),
        ({"type": "response.failed", "response": {"error": None}}, "{}"),
    ],
)
def test_an_error_in_a_stream_is_told(event, words):
    with pytest.raises(ErrorInAnswer) as told:
        streamed(event)
    assert words in told.value.text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"status": "failed"}, "The response failed."),
        ({"status": "completed", "error": {"message": "Slow down"}}, "Slow down"),
    ],
)
def test_a_response_that_failed_is_an_error(more, said):
    with pytest.raises(ErrorInAnswer, match=said):
        responses.completion_fields({"output": [], **more})


def test_what_is_no_part_of_an_answer_is_left_out():
    token = {"token": "a", "logprob": -0.1, "top_logprobs": []}
    fields = responses.completion_fields({"output": [
        3,
        {"type": "message", "content": [3, {"type": "output_text", "text": "a", "logprobs": [token]}]},
        {"type": "function_call", "call_id": None, "name": None, "arguments": None},
    ]})  # fmt: skip
    assert (fields["text"], fields["tool_calls"], fields["finish_reason"]) == (
        "a",
        (ToolCall("", "", ""),),
        "tool_calls",
    )
    assert [each["token"] for each in fields["logprobs"]] == ["a"]
    assert responses.completion_fields({"output": []})["logprobs"] is None


def test_only_a_single_text_of_the_user_stands_for_itself():
    assert responses.input_of([Message("user", "Hi")]) == "Hi"
    assert responses.input_of([Message("assistant", "Hi")])[0]["role"] == "assistant"
    assert len(responses.input_of([Message("user", [{"type": "text", "text": "Hi"}])])) == 1
    assert made(Message("user", "Hi"), logprobs=True)["top_logprobs"] == 0
