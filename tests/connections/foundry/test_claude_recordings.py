"""What is sent to Claude is what Anthropic's own client for Foundry sends: recorded side by side."""

import json

import anthropic
import httpx
import httpx2
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import ChatRequest, Identity, Message, Target, ToolCall
from connections.secret import Secret

BASE = "https://contoso.services.ai.azure.com/anthropic"
CREDENTIALS = ("x-api-key", "api-key", "authorization", "anthropic-version")
PIXEL = "iVBORw0KGgo="
HI = (Message("user", "Hi"),)
SAID = [{"role": "user", "content": "Hi"}]
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FUNCTION = {"name": "look_up", "description": "Looks it up.", "parameters": SCHEMA}
TOOL = {"name": "look_up", "description": "Looks it up.", "input_schema": SCHEMA}
ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hi"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


def recorded(request):
    credentials = {name: request.headers[name] for name in CREDENTIALS if name in request.headers}
    return request.method, str(request.url), credentials, json.loads(request.content)


def sent_by_the_official_client(url, credentials, fields):
    sent = []

    def answer(request):
        sent.append(recorded(request))
        return httpx2.Response(200, json=ANSWER)

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as inner:
        client = anthropic.AnthropicFoundry(base_url=url, http_client=inner, **credentials)
        client.messages.create(model="claude-x", **{"max_tokens": 300, "messages": SAID, **fields})
    return sent


class Tokens:
    async def token(self, identity, scope, *, fresh=False):
        assert scope == "https://ai.azure.com/.default"
        return Secret("a.b.c")

    async def aclose(self):
        pass


async def sent_by_us(url, request, identity=None):
    sent = []

    def answer(request):
        sent.append(recorded(request))
        return httpx.Response(200, json=ANSWER)

    client = FoundryClient(destinations=Destinations.parse(""), transport=httpx.MockTransport(answer), tokens=Tokens())
    target = Target("contoso", parse_endpoint(url), Secret("" if identity else "planted-key"), identity)
    async for _ in client.chat(target, request):
        pass
    await client.aclose()
    return sent


CALLS = [
    ({}, {}),
    ({"stream": False}, {"stream": None}),
    ({"messages": (Message("system", "Be brief."), *HI)}, {"system": "Be brief."}),
    (
        {"messages": (Message("user", "A"), Message("assistant", "B"), Message("user", "C"))},
        {"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}, {"role": "user", "content": "C"}]},
    ),
    ({"max_completion_tokens": 64_000}, {"max_tokens": 64_000}),
    ({"stop": ["END", "STOP"]}, {"stop_sequences": ["END", "STOP"]}),
    ({"stop": "END"}, {"stop_sequences": ["END"]}),
    ({"user": "person-7"}, {"metadata": {"user_id": "person-7"}}),
    ({"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
    ({"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
    (
        {"temperature": 0.2, "top_p": 0.9},
        {"extra_body": {"temperature": 0.2, "top_p": 0.9}, "extra_headers": {"anthropic-version": "2023-06-01"}},
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ),
    ({"tools": [{"type": "function", "function": FUNCTION}]}, {"tools": [TOOL]}),
    (
        {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "required"},
        {"tools": [TOOL], "tool_choice": {"type": "any"}},
    ),
    (
        {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": "none"},
        {"tools": [TOOL], "tool_choice": {"type": "none"}},
    ),
    (
        {"tools": [{"type": "function", "function": FUNCTION}], "tool_choice": {"type": "function", "function": {"name": "look_up"}}},
        {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "look_up"}},
    ),
    (
        {"tools": [{"type": "function", "function": FUNCTION}], "parallel_tool_calls": False},
        {"tools": [TOOL], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}},
    ),
    (
        {
            "messages": (
                *HI,
                Message("assistant", None, (ToolCall("t1", "look_up", '{"a": "x"}'),)),
                Message("tool", "rain", tool_call_id="t1"),
            ),
            "tools": [{"type": "function", "function": FUNCTION}],
        },
        {
            "messages": [
                *SAID,
                {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look_up", "input": {"a": "x"}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rain"}]},
            ],
            "tools": [TOOL],
        },
    ),
    (
        {
            "messages": (
                Message(
                    "user",
                    [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
                        {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}},
                    ],
                ),
            )
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is it?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                        {"type": "image", "source": {"type": "url", "url": "https://pictures.example/a.png"}},
                    ],
                }
            ]
        },
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given", "official"), CALLS)
async def test_a_call_is_what_the_official_client_sends(given, official):
    request = ChatRequest("claude-x", **{"messages": HI, "max_completion_tokens": 300, **given})
    fields = {"stream": True, **official}
    fields = {name: value for name, value in fields.items() if value is not None}
    theirs = sent_by_the_official_client(BASE, {"api_key": "planted-key"}, fields)
    assert await sent_by_us(BASE, request) == theirs
    assert await sent_by_us(f"{BASE}/v1/messages", request) == theirs


async def test_a_token_goes_alone_as_the_official_client_sends_it():
    theirs = sent_by_the_official_client(BASE, {"azure_ad_token_provider": lambda: "a.b.c"}, {"stream": True})
    ours = await sent_by_us(BASE, ChatRequest("claude-x", HI, max_completion_tokens=300), Identity("managed_identity"))
    assert ours == theirs
    assert ours[0][2] == {"authorization": "Bearer a.b.c", "anthropic-version": "2026-10-21"}
