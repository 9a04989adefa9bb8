"""What Claude refuses teaches: thinking, effort, sampling, limits, forms and versions."""

import httpx

from connections.foundry.client import FoundryClient
from connections.foundry.lessons import LocalLessonMemory
from connections.foundry.values import (
    Adapted,
    ChatRequest,
)
from tests.connections.foundry.claude_wire import (
    HI,
    LOOK_UP,
    SCHEMA,
    Wire,
    answered,
    client_of,
    events_of,
)


async def test_thinking_gets_a_budget_where_it_cannot_decide_for_itself(wire):
    memory = LocalLessonMemory()
    client, request = client_of(wire, memory), ChatRequest("claude-sonnet-4-5", HI, reasoning_effort="medium")
    events = await events_of(client, request)
    thinking = [(body.get("thinking"), body.get("output_config")) for body in wire.bodies]
    assert thinking == [
        ({"type": "adaptive"}, {"effort": "medium"}),
        ({"type": "enabled", "budget_tokens": 16384}, {"effort": "medium"}),
        ({"type": "enabled", "budget_tokens": 16384}, None),
    ]
    [told] = [event for event in events if isinstance(event, Adapted)]
    assert told.sentences == ("adaptive thinking is not asked for", "output_config.effort is not sent")
    wire.sent.clear()
    again = await events_of(client, request)
    assert len(wire.sent) == 1
    assert not [event for event in again if isinstance(event, Adapted)]


async def test_nothing_is_guessed_from_the_name(wire):
    await answered(client_of(wire), ChatRequest("claude-sonnet-4-6", HI, reasoning_effort="high"))
    await answered(client_of(wire), ChatRequest("claude-opus-4-7", HI, reasoning_effort="high"))
    assert {tuple(body["thinking"]) for body in wire.bodies} == {("type",)}


async def test_no_effort_disables_thinking_and_where_it_cannot_leaves_it_out(wire):
    await answered(client_of(wire), ChatRequest("claude-fable", HI, reasoning_effort="none"))
    assert [body.get("thinking") for body in wire.bodies] == [{"type": "disabled"}, None]
    assert all("output_config" not in body for body in wire.bodies)


async def test_an_effort_that_the_model_lacks_is_the_one_below(wire):
    await answered(client_of(wire), ChatRequest("claude-opus-4-6", HI, reasoning_effort="xhigh"))
    assert [body["output_config"] for body in wire.bodies] == [{"effort": "xhigh"}, {"effort": "high"}]


async def test_sampling_is_dropped_on_refusal_with_one_notice(wire):
    client = client_of(wire)
    events = await events_of(client, ChatRequest("claude-opus-4-7", HI, temperature=0.5, top_p=0.9))
    assert [event for event in events if isinstance(event, Adapted)] == [
        Adapted(("temperature is not sent", "top_p is not sent"))
    ]
    assert [request.headers["anthropic-version"] for request in wire.sent] == ["2023-06-01", "2023-06-01", "2026-10-21"]
    assert not await has_notice(client, ChatRequest("claude-opus-4-7", HI, temperature=0.5))


async def has_notice(client: FoundryClient, request: ChatRequest) -> bool:
    return any(isinstance(event, Adapted) for event in await events_of(client, request))


async def test_of_two_sampling_values_that_exclude_each_other_one_is_sent(wire):
    client = client_of(wire)
    await answered(client, ChatRequest("claude-sonnet-4-6", HI, temperature=0.5, top_p=0.9))
    assert "top_p" not in wire.bodies[-1]
    await answered(client, ChatRequest("claude-sonnet-4-6", HI, top_p=0.9))
    assert wire.bodies[-1]["top_p"] == 0.9


async def test_a_temperature_that_thinking_forbids_is_sent_without_thinking(wire):
    client = client_of(wire)
    await answered(client, ChatRequest("claude-sonnet-4-6", HI, temperature=0.5, reasoning_effort="low"))
    assert "temperature" not in wire.bodies[-1]
    await answered(client, ChatRequest("claude-sonnet-4-6", HI, temperature=0.5))
    assert wire.bodies[-1]["temperature"] == 0.5


async def test_a_limit_that_is_too_high_is_the_highest(wire):
    completion = await answered(client_of(wire), ChatRequest("claude-haiku-4-5", HI, max_completion_tokens=128_001))
    assert [body["max_tokens"] for body in wire.bodies] == [128_001, 64_000]
    assert completion.finish_reason == "stop"


async def test_a_schema_that_is_refused_becomes_an_instruction(wire):
    format = {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}
    await answered(client_of(wire), ChatRequest("claude-no-format", HI, response_format=format))
    assert [body.get("output_config") for body in wire.bodies] == [
        {"format": {"type": "json_schema", "schema": SCHEMA}},
        None,
    ]
    assert '"additionalProperties": false' in wire.bodies[-1]["system"]


async def test_a_forced_tool_is_called_without_thinking(wire):
    choice = {"type": "function", "function": {"name": "look_up"}}
    request = ChatRequest("claude-x", HI, tools=[LOOK_UP], tool_choice=choice, reasoning_effort="high")
    assert (await answered(client_of(wire), request)).tool_calls
    assert wire.bodies[0]["tool_choice"] == {"type": "tool", "name": "look_up"}
    assert "thinking" not in wire.bodies[0]


async def test_a_service_that_knows_the_older_version_alone_gets_it():
    old = {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": 'anthropic-version: "2026-10-21" is not a valid version'},
    }
    wire = Wire(
        lambda sent: httpx.Response(400, json=old) if sent.headers["anthropic-version"] == "2026-10-21" else None
    )
    client = client_of(wire)
    for _ in range(2):
        await answered(client, ChatRequest("claude-x", HI))
    assert [sent.headers["anthropic-version"] for sent in wire.sent] == ["2026-10-21", "2023-06-01", "2023-06-01"]
