"""Claude on a resource: the Messages API behind the same `chat()`: what is sent, what comes back, and errors."""

import pytest

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    ChatRequest,
    Message,
    TextDelta,
    ToolCall,
    Usage,
)
from tests.connections.foundry.claude_wire import (
    CLAUDE,
    HI,
    LOOK_UP,
    SCHEMA,
    answered,
    client_of,
    events_of,
)

PIXEL = "iVBORw0KGgo="


async def test_a_message_is_asked_for_and_streamed(wire):
    events = await events_of(client_of(wire), ChatRequest("claude-x", (Message("system", "Be brief."), *HI)))
    completion = events[-1]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == completion.text
    assert completion.text == "Simulated answer of claude-x. You said: Hi there"
    assert (completion.finish_reason, completion.model) == ("stop", "claude-x-simulated")
    assert completion.usage == Usage(8, 8, 16, 0, 0, 0)
    [sent] = wire.sent
    assert (sent.method, str(sent.url)) == ("POST", f"{CLAUDE}/v1/messages")
    assert wire.bodies == [
        {
            "model": "claude-x",
            "max_tokens": 8192,
            "system": "Be brief.",
            "messages": [{"role": "user", "content": "Hi there"}],
            "stream": True,
        }
    ]
    assert (sent.headers["x-api-key"], sent.headers["api-key"]) == ("simulator", "simulator")
    assert "authorization" not in sent.headers
    assert sent.headers["anthropic-version"] == "2026-10-21"
    assert completion.request_ids["request-id"].startswith("req_")


async def test_everything_that_claude_takes_is_said_in_its_words(wire):
    parts = [
        {"type": "text", "text": "What is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/jpg;base64,{PIXEL}", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PIXEL}"}},
    ]
    messages = (
        Message("developer", "Be brief."),
        Message("user", "First"),
        Message("assistant", "I look.", (ToolCall("t1", "look_up", '{"city": "Bern"}'), ToolCall("t2", "look_up", ""))),
        Message("tool", "rain", tool_call_id="t1"),
        Message("tool", "sun", tool_call_id="t2"),
        Message("system", "And kind."),
        Message("user", parts),
    )
    request = ChatRequest(
        "claude-x",
        messages,
        temperature=0.2,
        max_completion_tokens=300,
        stop=["END", "\n"],
        seed=7,
        frequency_penalty=1,
        presence_penalty=1,
        verbosity="low",
        store=True,
        user="person-7",
        tools=[LOOK_UP],
        tool_choice="auto",
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
    )
    await answered(client_of(wire), request)
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": PIXEL}}
    pdf = {"type": "base64", "media_type": "application/pdf", "data": PIXEL}
    assert wire.bodies == [
        {
            "model": "claude-x",
            "max_tokens": 300,
            "system": "Be brief.\n\nAnd kind.",
            "messages": [
                {"role": "user", "content": "First"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "I look."},
                        {"type": "tool_use", "id": "t1", "name": "look_up", "input": {"city": "Bern"}},
                        {"type": "tool_use", "id": "t2", "name": "look_up", "input": {}},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "t1", "content": "rain"},
                        {"type": "tool_result", "tool_use_id": "t2", "content": "sun"},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        image,
                        {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}},
                        {"type": "document", "source": pdf, "title": "a.pdf"},
                    ],
                },
            ],
            "temperature": 0.2,
            "tools": [{"name": "look_up", "input_schema": LOOK_UP["function"]["parameters"]}],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
            "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}},
            "stop_sequences": ["END"],
            "metadata": {"user_id": "person-7"},
            "stream": True,
        }
    ]
    assert wire.sent[0].headers["anthropic-version"] == "2023-06-01"


@pytest.mark.parametrize("stream", [True, False])
async def test_a_tool_is_called(wire, stream):
    request = ChatRequest("claude-x", (Message("user", "call look_up"),), tools=[LOOK_UP], stream=stream)
    completion = await answered(client_of(wire), request)
    [call] = completion.tool_calls
    assert (call.name, call.arguments) == ("look_up", '{"city": "simulated"}')
    assert completion.finish_reason == "tool_calls"
    assert completion.raw["content"][-1]["input"] == {"city": "simulated"}


@pytest.mark.parametrize("stream", [True, False])
async def test_thoughts_are_told_from_the_answer(wire, stream):
    completion = await answered(client_of(wire), ChatRequest("claude-x", HI, reasoning_effort="low", stream=stream))
    assert completion.reasoning == "Simulated thoughts."
    assert completion.usage.reasoning_tokens == 64
    assert completion.text.startswith("Simulated answer")
    assert completion.raw["content"][0]["signature"] == "c2ltdWxhdGVk"
    assert (wire.bodies[0]["thinking"], wire.bodies[0]["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})


async def test_tokens_of_the_cache_are_tokens_of_the_prompt(wire):
    long = {"type": "text", "text": "word " * 2000, "cache_control": {"type": "ephemeral"}}
    written = (await answered(client_of(wire), ChatRequest("claude-x", (Message("user", [long]),)))).usage
    assert (written.prompt_tokens, written.cache_write_tokens, written.cached_tokens) == (2004, 1002, 0)
    read = (await answered(client_of(wire), ChatRequest("claude-x", (Message("user", "word " * 2000),)))).usage
    assert (read.prompt_tokens, read.cached_tokens, read.cache_write_tokens) == (2004, 1920, 0)
    assert read.total_tokens == read.prompt_tokens + read.completion_tokens


@pytest.mark.parametrize(
    ("deployment", "finish"),
    [("length", "stop"), ("refusal", "content_filter"), ("claude-pause", "pause_turn"), ("claude-window", "length")],
)
async def test_why_it_stopped_is_said_in_the_words_of_chat(wire, deployment, finish):
    completion = await answered(client_of(wire), ChatRequest(deployment, HI))
    assert completion.finish_reason == (finish if deployment != "length" else "length")
    if deployment == "refusal":
        assert (completion.filtered, completion.refusal) == ("general_harms", "I cannot answer that (simulated).")


async def test_a_stop_sequence_and_a_limit_end_the_answer(wire):
    stopped = await answered(client_of(wire), ChatRequest("claude-x", HI, stop="You"))
    assert (stopped.text, stopped.finish_reason) == ("Simulated answer of claude-x. ", "stop")
    cut = await answered(client_of(wire), ChatRequest("claude-x", HI, max_completion_tokens=2))
    assert (cut.text, cut.finish_reason) == ("Simulated answer", "length")


@pytest.mark.parametrize(
    ("deployment", "kind", "calls"),
    [
        ("fail-529-1", None, 2),
        ("fail-500-2", None, 3),
        ("retry-ms-only", None, 2),
        ("no-backend", ErrorKind.SERVER, 4),
        ("too-long", ErrorKind.CONTEXT_LENGTH, 1),
        ("fail-402-9", ErrorKind.QUOTA, 1),
        ("fail-413-9", ErrorKind.PROTOCOL, 1),
        ("cut-stream", ErrorKind.TRUNCATED, 1),
        ("cut-in-word", ErrorKind.TRUNCATED, 1),
        ("error-in-stream", ErrorKind.SERVER, 1),
        ("event-error", ErrorKind.SERVER, 1),
        ("bad-json", ErrorKind.PROTOCOL, 1),
        ("firewall", ErrorKind.NETWORK_RULE, 1),
    ],
)
async def test_errors_are_understood(wire, deployment, kind, calls):
    client = client_of(wire)
    if kind is None:
        await answered(client, ChatRequest(deployment, HI))
    else:
        with pytest.raises(FoundryError) as caught:
            await answered(client, ChatRequest(deployment, HI))
        assert caught.value.kind is kind
    assert len(wire.sent) == calls


@pytest.mark.parametrize("deployment", ["crlf", "cr", "split-bytes", "comments", "multi-data", "no-blank", "one-burst", "claude-new-events", "after-done"])  # fmt: skip
async def test_streams_of_every_form_are_read(wire, deployment):
    completion = await answered(client_of(wire), ChatRequest(deployment, HI))
    assert completion.text.startswith(f"Simulated answer of {deployment}. You said: Hi there")
