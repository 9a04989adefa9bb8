"""The simulator is as strict about Claude's route as the service, and refuses in its words."""

import base64

import anthropic
import httpx
import httpx2
import pytest

from connections.simulator.app import Simulator

PATH = "/anthropic/v1/messages"
OLD, NEW = "2023-06-01", "2026-10-21"
SCHEMA = {"type": "object", "properties": {}}
TOOL = {"name": "look_up", "input_schema": SCHEMA}
USE = {"type": "tool_use", "id": "t1", "name": "look_up", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t1", "content": "rain"}
PIXEL = base64.b64encode(b"pixel").decode()


def image(**source):
    return {"messages": [user([{"type": "image", "source": source}])]}


def user(content):
    return {"role": "user", "content": content}


def said(content):
    return {"role": "assistant", "content": content}


@pytest.fixture
async def http():
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(Simulator(delay=0)), base_url="http://simulator"
    ) as made:
        yield made


async def asked(http, model="claude-x", version=OLD, path=PATH, **more):
    body = {"model": model, "max_tokens": 2048, "messages": [user("Hi")], **more}
    headers = {"x-api-key": "simulator", **({"anthropic-version": version} if version else {})}
    sent = {name: value for name, value in body.items() if value is not None}
    return await http.post(path, headers=headers, json=sent)


@pytest.mark.parametrize(
    "more",
    [
        {"system": "Be brief."},
        {"system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
        {"thinking": {"type": "enabled", "budget_tokens": 1024}},
        {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
        {"thinking": {"type": "disabled"}},
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        {"temperature": 1, "top_k": 3},
        {"stop_sequences": ["END"], "metadata": {"user_id": "p"}, "service_tier": "auto"},
        {"tools": [TOOL | {"strict": True}], "tool_choice": {"type": "tool", "name": "look_up"}},
        {"tools": [TOOL], "messages": [user("Hi"), said([USE]), user([RESULT, {"type": "text", "text": "So?"}])]},
        {"messages": [user("Hi"), said([{"type": "thinking", "thinking": "x", "signature": "y"}, {"type": "text", "text": "z"}]), user("And?")]},
        image(type="base64", media_type="image/png", data=PIXEL),
        image(type="url", url="https://pictures.example/a.png"),
        {"messages": [user([{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PIXEL}, "title": "a"}])]},
    ],
)  # fmt: skip
async def test_what_claude_takes(http, more):
    answer = await asked(http, **more)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"model": None}, "model: Field required"),
        ({"messages": []}, "messages: Invalid"),
        ({"messages": [user("")]}, "text content blocks must be non-empty"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages.0.role: Invalid value: 'system'"),
        ({"messages": [user([{"type": "image_url", "image_url": {"url": "x"}}])]}, "messages.0.content.0.type"),
        (image(type="base64", media_type="image/tiff", data=PIXEL), "messages.0.content.0.source.media_type"),
        (image(type="base64", media_type="image/png", data="no base64!"), "invalid base64 data"),
        (image(type="url", url="http://pictures.example/a.png"), "Only HTTPS URLs are supported"),
        ({"seed": 7}, "seed: Extra inputs are not permitted"),
        ({"stream_options": {}}, "stream_options: Extra inputs are not permitted"),
        ({"response_format": {"type": "json_object"}}, "response_format: Extra inputs are not permitted"),
        ({"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, "name": "a"}}}, "output_config.format.name: Extra inputs"),
        ({"output_config": {"effort": "none"}}, "output_config.effort: Invalid value: 'none'"),
        ({"temperature": 1.5}, "temperature: Invalid"),
        ({"stop_sequences": ["\n"]}, "each stop sequence must contain non-whitespace"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1000}}, "thinking.budget_tokens: Invalid"),
        ({"thinking": {"type": "enabled", "budget_tokens": 2048}}, "must be greater than `thinking.budget_tokens`"),
        ({"thinking": {"type": "adaptive"}, "temperature": 0.5}, "`temperature` may only be set to 1"),
        ({"thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"}}, "forces tool use"),
        ({"tool_choice": {"type": "auto"}}, "may only be specified while providing tools"),
        ({"messages": [user("Hi"), said([USE]), user("no result")]}, "`tool_use` ids were found without"),
        ({"messages": [user([RESULT])]}, "unexpected `tool_use_id`"),
        ({"version": None}, "anthropic-version: header is required"),
        ({"version": "2025-01-01"}, "is not a valid version"),
        ({"version": NEW, "temperature": 1}, "temperature: Extra inputs are not permitted"),
        ({"path": f"{PATH}?api-version=2024-10-21"}, "api-version query parameter is not allowed"),
        ({"model": "claude-opus-4-7", "temperature": 1}, "`temperature` is deprecated for this model."),
        ({"model": "claude-x", "temperature": 1, "top_p": 1}, "cannot both be specified"),
        ({"model": "claude-opus-4-8", "thinking": {"type": "enabled", "budget_tokens": 1024}}, '"thinking.type.enabled" is not supported'),
        ({"model": "claude-haiku-4-5", "thinking": {"type": "adaptive"}}, "adaptive thinking is not supported on this model"),
        ({"model": "claude-haiku-4-5", "output_config": {"effort": "low"}}, "does not support the effort parameter"),
        ({"model": "claude-haiku-4-5", "max_tokens": 64_001}, "max_tokens: 64001 > 64000"),
        ({"messages": [user("Hi"), said("I")]}, "does not support assistant message prefill"),
    ],
)  # fmt: skip
async def test_what_claude_refuses(http, more, words):
    answer = await asked(http, **more)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert set(answer.json()["error"]) <= {"type", "message", "code"}


async def test_each_surface_serves_its_own_models(http):
    assert (await asked(http, model="gpt-4o")).json()["error"]["code"] == "DeploymentNotFound"
    body = {"model": "claude-x", "messages": [user("Hi")]}
    for path in ("/openai/v1/chat/completions", "/models/chat/completions?api-version=2024-05-01-preview"):
        refused = await http.post(path, headers={"api-key": "simulator"}, json=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "api_not_supported")


async def test_tokens_are_counted_without_a_limit(http):
    answer = await asked(http, path=f"{PATH}/count_tokens", max_tokens=None)
    assert answer.json() == {"input_tokens": 5}


async def test_the_official_client_understands_it():
    """It reads streams and errors by its own types."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(Simulator(delay=0))) as inner:
        client = anthropic.AsyncAnthropicFoundry(
            api_key="simulator", base_url="http://simulator/anthropic", http_client=inner, max_retries=0
        )
        async with client.messages.stream(
            model="claude-x",
            max_tokens=2000,
            messages=[user("call look_up")],
            tools=[{"name": "look_up", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}],
            thinking={"type": "adaptive"},
        ) as stream:
            message = await stream.get_final_message()
        assert [block.type for block in message.content] == ["thinking", "tool_use"]
        assert message.content[1].input == {"city": "simulated"}
        assert message.stop_reason == "tool_use"
        assert message.usage.output_tokens_details.thinking_tokens == 64
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(model="fail-529-1", max_tokens=9, messages=[user("Hi")])
        assert caught.value.status_code == 529
