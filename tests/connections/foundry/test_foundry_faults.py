"""Every fault of the simulator, by every way of asking: a whole answer or a typed error, never anything else."""

import time

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import ChatRequest, Completion, Message, Target, Waiting
from connections.secret import Secret

REFUSED = {
    "huge": ErrorKind.PROTOCOL,
    "huge-header": ErrorKind.PROTOCOL,
    "quota": ErrorKind.RATE_LIMIT,
    "quota-text": ErrorKind.RATE_LIMIT,
    "rate-limit-reached": ErrorKind.RATE_LIMIT,
    "no-capacity": ErrorKind.RATE_LIMIT,
    "insufficient-quota": ErrorKind.QUOTA,
    "content-filter": ErrorKind.CONTENT_FILTER,
    "filtered-prompt-no-inner": ErrorKind.CONTENT_FILTER,
    "budget-spent": ErrorKind.TRUNCATED,
    "too-long": ErrorKind.CONTEXT_LENGTH,
    "bad-key": ErrorKind.AUTH_KEY,
    "bad-token": ErrorKind.AUTH_TOKEN,
    "no-role": ErrorKind.PERMISSION,
    "no-data-action": ErrorKind.PERMISSION,
    "no-keys": ErrorKind.PERMISSION,
    "blocked": ErrorKind.PERMISSION,
    "firewall": ErrorKind.NETWORK_RULE,
    "private-endpoint": ErrorKind.NETWORK_RULE,
    "not-found": ErrorKind.NOT_FOUND_DEPLOYMENT,
    "not-found-empty": ErrorKind.NOT_FOUND_ROUTE,
    "error-string": ErrorKind.PROTOCOL,
    "error-message": ErrorKind.PROTOCOL,
    "error-code": ErrorKind.PROTOCOL,
    "error-detail": ErrorKind.PROTOCOL,
    "error-object": ErrorKind.PROTOCOL,
    "error-empty": ErrorKind.SERVER,
    "html": ErrorKind.SERVER,
    "html-ok": ErrorKind.PROTOCOL,
    "bad-json": ErrorKind.PROTOCOL,
    "redirect": ErrorKind.PROTOCOL,
    "drop": ErrorKind.CONNECT,
}
BROKEN_STREAM = {
    "cut-stream": ErrorKind.TRUNCATED,
    "cut-in-word": ErrorKind.TRUNCATED,
    "drop-in-stream": ErrorKind.TRUNCATED,
    "error-in-stream": ErrorKind.SERVER,
    "event-error": ErrorKind.SERVER,
}
ANSWERED = {
    "no-chat": "stop",
    "reasoning-1": "stop",
    "deepseek-1": "stop",
    "old-1": "stop",
    "no-schema-1": "stop",
    "no-stop": "stop",
    "no-stream-options": "stop",
    "filtered-answer": "content_filter",
    "filter-down": "stop",
    "refusal": "stop",
    "empty": "stop",
    "length": "length",
    "response-incomplete": "length",
    "no-usage": "stop",
    "late-filter": "stop",
    "usage-on-finish": "stop",
    "held-open": "stop",
    "after-done": "stop",
    "crlf": "stop",
    "cr": "stop",
    "split-bytes": "stop",
    "comments": "stop",
    "multi-data": "stop",
    "no-blank": "stop",
    "one-burst": "stop",
}
WAITED = ["retry-text", "retry-ms-only", "retry-s-only", "retry-garbage", "retry-zero", "retry-limits", "fail-503-1"]
WAYS = [("chat", True), ("chat", False), ("respond", True), ("respond", False)]


@pytest.fixture
async def ask(simulator_server):
    address = simulator_server.removeprefix("http://")
    client = FoundryClient(destinations=Destinations.parse(address), retry=RetryPolicy(first=0.01, most=0.02))

    async def ask(deployment, operation, stream, **more):
        to = Target("simulator", parse_endpoint(f"{simulator_server}/openai/v1"), Secret("simulator"))
        given = {"temperature": 0.2, "max_completion_tokens": 900, "stop": ["zz"], **more}
        request = ChatRequest(deployment, (Message("user", "Where?"),), stream=stream, **given)
        return [event async for event in getattr(client, operation)(to, request)]

    yield ask
    await client.aclose()


@pytest.mark.parametrize(("operation", "stream"), WAYS)
@pytest.mark.parametrize("deployment", REFUSED)
async def test_a_refusal_is_typed_and_explained(ask, deployment, operation, stream):
    with pytest.raises(FoundryError) as caught:
        await ask(deployment, operation, stream)
    assert caught.value.kind is REFUSED[deployment]
    assert caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("operation", ["chat", "respond"])
@pytest.mark.parametrize("deployment", BROKEN_STREAM)
async def test_a_broken_stream_is_said_to_be_one(ask, deployment, operation):
    with pytest.raises(FoundryError) as caught:
        await ask(deployment, operation, True)
    assert caught.value.kind is BROKEN_STREAM[deployment]


@pytest.mark.parametrize(("operation", "stream"), WAYS)
@pytest.mark.parametrize("deployment", ANSWERED)
async def test_an_odd_answer_is_an_answer(ask, deployment, operation, stream):
    started = time.monotonic()
    *_, completion = await ask(deployment, operation, stream)
    assert isinstance(completion, Completion)
    assert completion.finish_reason == ANSWERED[deployment]
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("deployment", WAITED)
async def test_a_wait_is_waited_for_and_said(ask, deployment):
    events = await ask(deployment, "chat", True)
    assert len([event for event in events if isinstance(event, Waiting)]) == 1
    assert isinstance(events[-1], Completion)


async def test_a_rate_that_is_really_limited_is_kept_to(ask):
    for _ in range(3):
        assert isinstance((await ask("rpm-120", "chat", False))[-1], Completion)


async def test_thoughts_come_apart_where_the_service_gives_them(ask):
    *_, completion = await ask("deepseek-1", "chat", True)
    assert completion.reasoning


async def test_images_and_tools_arrive(ask):
    tool = {"type": "function", "function": {"name": "feed", "parameters": {"type": "object", "properties": {}}}}
    for operation, stream in WAYS:
        *_, completion = await ask("fast-1", operation, stream, tools=[tool], tool_choice="required")
        assert [call.name for call in completion.tool_calls] == ["feed"]
        assert completion.finish_reason == "tool_calls"
