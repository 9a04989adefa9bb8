"""Claude on a resource: the Messages API behind the same `chat()`, against the simulator, which is strict."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import API, KEY_HEADER, Lesson, LocalLessonMemory
from connections.foundry.routes import absent_fields
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Message,
    Target,
    TextDelta,
    ToolCall,
    Usage,
)
from connections.secret import Secret
from connections.simulator.app import Simulator
from tests.connections.foundry.stub import QUICK

ROOT = "https://contoso.services.ai.azure.com"
CLAUDE, OPENAI = f"{ROOT}/anthropic", f"{ROOT}/openai/v1"
HI = (Message("user", "Hi there"),)
PIXEL = "iVBORw0KGgo="
LOOK_UP = {
    "type": "function",
    "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False, "required": []}


class Wire(httpx.AsyncBaseTransport):
    """The simulator, with everything that was sent to it. `answer` may answer instead."""

    def __init__(self, answer: Callable[[httpx.Request], httpx.Response | None] = lambda request: None) -> None:
        self.sent: list[httpx.Request] = []
        self._simulator, self._answer = httpx.ASGITransport(Simulator(delay=0)), answer

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        return self._answer(request) or await self._simulator.handle_async_request(request)

    @property
    def paths(self) -> list[str]:
        return [request.url.raw_path.decode() for request in self.sent]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [httpx.Response(200, content=request.content).json() for request in self.sent]


@pytest.fixture
def wire() -> Wire:
    return Wire()


def client_of(wire: Wire, memory: LocalLessonMemory | None = None) -> FoundryClient:
    return FoundryClient(
        destinations=Destinations.parse(""), transport=wire, memory=memory or LocalLessonMemory(), retry=QUICK
    )


async def events_of(
    client: FoundryClient, request: ChatRequest, url: str = CLAUDE, key: str = "simulator"
) -> list[Any]:
    return [event async for event in client.chat(Target("contoso", parse_endpoint(url), Secret(key)), request)]


async def answered(client: FoundryClient, request: ChatRequest, url: str = CLAUDE) -> Completion:
    completion = (await events_of(client, request, url))[-1]
    assert isinstance(completion, Completion)
    return completion


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


# --- What refusals teach ---


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


# --- Keys ---

DENIED = {"error": {"code": "401", "message": "Access denied due to invalid subscription key or wrong API endpoint."}}
NO_TOKEN = {
    "statusCode": 401,
    "message": "Unauthorized. Access token is missing, invalid, audience is incorrect, or have expired.",
}


async def test_a_key_that_is_refused_is_sent_once_as_a_bearer_and_remembered():
    def bearer_alone(sent: httpx.Request) -> httpx.Response | None:
        if sent.headers.get("authorization") != "Bearer simulator":
            return httpx.Response(401, json=DENIED)
        sent.headers["x-api-key"] = "simulator"  # as the simulator wants it
        return None

    wire, memory = Wire(bearer_alone), LocalLessonMemory()
    client = client_of(wire, memory)
    for _ in range(2):
        await answered(client, ChatRequest("claude-x", HI))
    assert [sent.headers.get("authorization") for sent in wire.sent] == [None, "Bearer simulator", "Bearer simulator"]
    [lesson] = await memory.lessons(CLAUDE, "claude-x")
    assert (lesson.parameter, lesson.instead) == (KEY_HEADER, "bearer")


async def test_a_wrong_key_is_a_wrong_key_however_it_is_sent():
    wire = Wire(lambda sent: httpx.Response(401, json=NO_TOKEN if "authorization" in sent.headers else DENIED))
    memory = LocalLessonMemory()
    with pytest.raises(FoundryError) as caught:
        await answered(client_of(wire, memory), ChatRequest("claude-x", HI))
    assert caught.value.kind is ErrorKind.AUTH_KEY
    assert len(wire.sent) == 2
    assert await memory.lessons(CLAUDE, "claude-x") == []


# --- One connection of a resource ---


@pytest.mark.parametrize("url", [OPENAI, ROOT, f"{ROOT}/models", f"{ROOT}/api/projects/P"])
async def test_a_connection_of_a_resource_serves_claude_too(wire, url):
    memory = LocalLessonMemory()
    client = client_of(wire, memory)
    for _ in range(2):
        assert (await answered(client, ChatRequest("claude-x", HI), url)).text.startswith(
            "Simulated answer of claude-x"
        )
    assert wire.paths[-2:] == ["/anthropic/v1/messages"] * 2
    assert len(wire.paths) == 3
    lessons = await memory.lessons(parse_endpoint(url).url, "claude-x")
    assert [(lesson.parameter, lesson.instead) for lesson in lessons] == [(API, "messages")]


async def test_a_connection_of_claude_serves_other_models_too(wire):
    client = client_of(wire)
    for _ in range(2):
        assert (await answered(client, ChatRequest("gpt-4o", HI))).text.startswith("Simulated answer of gpt-4o")
    assert wire.paths == ["/anthropic/v1/messages", *["/openai/v1/chat/completions"] * 2]
    target = Target("contoso", parse_endpoint(CLAUDE), Secret("simulator"))
    made = await client.embed(target, EmbeddingRequest("text-embedding-3-small", "x"))
    assert made.url == f"{OPENAI}/embeddings"
    assert await client.deployments(target)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": {"code": "api_not_supported", "message": "Requested API is currently not supported"}}),
        (
            404,
            {
                "error": {
                    "code": "DeploymentNotFound",
                    "message": "The API deployment for this resource does not exist.",
                }
            },
        ),
        (400, {"error": {"code": "unknown_model", "message": "Unknown model: claude-x", "details": "x"}}),
        (404, {"detail": "Not Found"}),
    ],
)
async def test_what_leads_to_the_other_surface(status, body):
    wire = Wire(lambda sent: None if "/anthropic/" in sent.url.path else httpx.Response(status, json=body))
    await answered(client_of(wire), ChatRequest("claude-x", HI), OPENAI)
    assert wire.paths[-1] == "/anthropic/v1/messages"


@pytest.mark.parametrize("status", [401, 403, 429])
async def test_what_does_not_lead_there(status):
    wire = Wire(
        lambda sent: httpx.Response(
            status, json={"error": {"code": str(status), "message": "no"}}, headers={"retry-after": "500"}
        )
    )
    with pytest.raises(FoundryError):
        await answered(client_of(wire), ChatRequest("claude-x", HI), OPENAI)
    assert set(wire.paths) == {"/openai/v1/chat/completions"}


async def test_a_deployment_that_is_nowhere_is_missing(wire):
    with pytest.raises(FoundryError) as caught:
        await answered(client_of(wire), ChatRequest("gpt-35-turbo-0125", HI))
    assert caught.value.kind is ErrorKind.NOT_FOUND_DEPLOYMENT
    assert wire.paths == ["/anthropic/v1/messages", "/openai/v1/chat/completions"]


# --- Errors ---


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


async def test_the_test_of_a_connection_speaks_to_claude(wire):
    result = await client_of(wire).test(
        Target("contoso", parse_endpoint(CLAUDE), Secret("simulator")), "claude-haiku-4-5"
    )
    assert (result.ok, result.url, result.request["body"]["max_tokens"]) == (True, f"{CLAUDE}/v1/messages", 16)
    assert result.deployments
    missing = await client_of(wire).test(
        Target("contoso", parse_endpoint(CLAUDE), Secret("simulator")), "gpt-35-turbo-0125"
    )
    assert (missing.ok, missing.wrong) == (False, "deployment")


def test_what_claude_does_not_have_is_said():
    claude, other = parse_endpoint(CLAUDE), parse_endpoint(OPENAI)
    none = {"verbosity", "seed", "frequency_penalty", "presence_penalty", "top_logprobs"}
    assert set(absent_fields(claude, "m", ())) == none
    assert absent_fields(other, "m", ()) == {}
    learnt = absent_fields(other, "m", [Lesson(API, "messages", "404", 0)])
    assert learnt["seed"] == "There is no such parameter in Messages of Claude, so it is not sent."
