"""A refusal of the way leads to another API, path or version, which is remembered once it has led to an answer."""

import pytest

from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import API, API_VERSION, ENDPOINT, LocalLessonMemory
from connections.foundry.values import EmbeddingRequest
from tests.connections.foundry.refusing_service import (
    CHAT,
    NOT_FOUND,
    RESPONSES,
    ROOT,
    V1,
    RefusingService,
    answered,
    client_of,
    no_chat,
    no_responses,
    no_v1,
    not_at,
    target,
)

PROJECT = "https://r.services.ai.azure.com/api/projects/P"
OF_PROJECT = "/api/projects/P/openai/v1"
SERVERLESS = "https://x.eastus2.models.ai.azure.com"
DEPLOYED = f"{ROOT}/openai/deployments/codex"
DATED = "/openai/deployments/codex/chat/completions?api-version="
OLDER = "/openai/responses?api-version=2025-04-01-preview"
PREVIEW = "2024-12-01-preview"


def enabled_since(version):
    """A resource that wants a newer api-version than the one of the call."""
    message = f"Model {{modelName}} is enabled only for api versions {version} and later"
    error = {"code": "BadRequest", "message": message}
    return lambda url, body: (400, error) if url.params.get("api-version", version) < version else None


def no_tools_with_reasoning(url, body):
    message = (
        "Function tools with reasoning_effort are not supported for gpt-5.4 in /v1/chat/completions."
        " Please use /v1/responses instead."
    )
    error = {"message": message, "param": "reasoning_effort", "code": None}
    return (400, error) if "chat/completions" in url.path else None


WAYS = {
    "a model without chat": (V1, [no_chat], [CHAT, RESPONSES], [(API, "responses")]),
    "a model without Responses": (f"{V1}/responses", [no_responses], [RESPONSES, CHAT], [(API, "chat")]),
    "tools with reasoning": (V1, [no_tools_with_reasoning], [CHAT, RESPONSES], [(API, "responses")]),
    "an older resource": (
        ROOT, [no_v1], [CHAT, f"{DATED}{LAST_GA}"], [(ENDPOINT, f"{DEPLOYED}?api-version={LAST_GA}")],
    ),
    "Responses of an older resource": (
        f"{V1}/responses", [no_v1], [RESPONSES, OLDER], [(ENDPOINT, f"{ROOT}{OLDER}")],
    ),
    "a serverless endpoint": (
        SERVERLESS, [not_at("/chat/")], ["/chat/completions", "/v1/chat/completions"], [(ENDPOINT, f"{SERVERLESS}/v1")],
    ),
    "a project without chat": (
        PROJECT, [not_at(f"{OF_PROJECT}/chat")], [f"{OF_PROJECT}/chat/completions", f"{OF_PROJECT}/responses"],
        [(API, "responses")],
    ),
    "a project without models of its own": (
        PROJECT, [not_at("/api/projects/P")], [f"{OF_PROJECT}/chat/completions", f"{OF_PROJECT}/responses", CHAT],
        [(ENDPOINT, "https://r.services.ai.azure.com/openai/v1")],
    ),
    "a version that the refusal names": (
        DEPLOYED, [enabled_since(PREVIEW)], [f"{DATED}{LAST_GA}", f"{DATED}{PREVIEW}"], [(API_VERSION, PREVIEW)],
    ),
    "the same beside another parameter": (
        f"{DEPLOYED}?api-version=2024-05-01-preview&x=1", [enabled_since(PREVIEW)],
        [f"{DATED}2024-05-01-preview&x=1", f"{DATED}{PREVIEW}&x=1"], [(API_VERSION, PREVIEW)],
    ),
    "an older resource that wants a newer version": (
        ROOT, [no_v1, enabled_since(PREVIEW)], [CHAT, f"{DATED}{LAST_GA}", f"{DATED}{PREVIEW}"],
        [(ENDPOINT, f"{DEPLOYED}?api-version={LAST_GA}"), (API_VERSION, PREVIEW)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("address", "rules", "asked", "learnt"), WAYS.values(), ids=WAYS)
async def test_the_way_that_answers_is_taken_from_then_on(address, rules, asked, learnt):
    service, memory = RefusingService(*rules), LocalLessonMemory()
    client = client_of(service, memory)
    for _ in range(2):
        await answered(client, address)
    assert service.asked == [*asked, asked[-1]]
    lessons = await memory.lessons(parse_endpoint(address).url, "codex")
    assert [(lesson.parameter, lesson.instead) for lesson in lessons] == learnt
    assert ["model" in body for body in service.bodies] == ["/deployments/" not in path for path in service.asked]


async def test_embeddings_of_an_older_resource_are_found_without_v1():
    service = RefusingService(no_v1)
    client = client_of(service)
    for _ in range(2):
        assert (await client.embed(target(), EmbeddingRequest("emb", "x"))).vectors == ((1.0,),)
    old = f"/openai/deployments/emb/embeddings?api-version={LAST_GA}"
    assert service.asked == ["/openai/v1/embeddings", old, old]


def never(url, body):
    return 404, NOT_FOUND


def needs_an_older_version(url, body):
    return 400, {"message": "json_schema is enabled only for api-versions 2024-08-01-preview and later"}


@pytest.mark.parametrize(
    ("address", "rules", "words", "asked"),
    [
        (V1, [no_chat, no_responses], "does not speak this API", [CHAT, RESPONSES]),
        (ROOT, [never], "does not know this path", [CHAT, f"{DATED}{LAST_GA}", "/anthropic/v1/messages"]),
        (
            f"{DEPLOYED}?api-version=2025-01-01-preview", [needs_an_older_version],
            "needs api-version 2024-08-01-preview or later", [f"{DATED}2025-01-01-preview"],
        ),
    ],
)  # fmt: skip
async def test_a_way_that_led_nowhere_is_an_error_and_not_remembered(address, rules, words, asked):
    service, memory = RefusingService(*rules), LocalLessonMemory()
    with pytest.raises(FoundryError, match=words) as caught:
        await answered(client_of(service, memory), address)
    assert (caught.value.kind, service.asked) == (ErrorKind.NOT_FOUND_ROUTE, asked)
    assert await memory.lessons(parse_endpoint(address).url, "codex") == []
