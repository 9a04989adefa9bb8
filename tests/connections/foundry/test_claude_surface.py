"""One connection of a resource serves Claude and all other models, each at its own surface and with its own headers."""

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import API, KEY_HEADER, Lesson, LocalLessonMemory
from connections.foundry.routes import absent_fields
from connections.foundry.values import (
    ChatRequest,
    EmbeddingRequest,
    Target,
)
from connections.secret import Secret
from tests.connections.foundry.claude_wire import CLAUDE, HI, OPENAI, ROOT, Wire, answered, client_of

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
    assert set(absent_fields(claude, ())) == none
    assert absent_fields(other, ()) == {}
    learnt = absent_fields(other, [Lesson(API, "messages", "404", 0)])
    assert learnt["seed"] == "There is no such parameter in Messages of Claude, so it is not sent."
