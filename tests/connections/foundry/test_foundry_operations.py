"""Embeddings, lists of deployments, and what else a chat can carry."""

import base64
import json
import struct

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    ChatRequest,
    EmbeddingRequest,
    FilterResult,
    Header,
    ListedDeployment,
    Message,
    Target,
    ToolCall,
)
from connections.secret import Secret
from tests.connections.foundry.stub import DONE, KEY, QUICK, event

ROOT = "https://r.services.ai.azure.com"


class Service:
    """Answers by method and URL, and keeps what it was asked."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __call__(self, request):
        self.asked.append(request)
        answer = self.answers.get("any") or self.answers.get(request.url.path.rsplit("/", 1)[1])
        return answer(request) if callable(answer) else httpx.Response(200, json=answer)


def client_of(service):
    return FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(service), retry=QUICK)


def target(endpoint=f"{ROOT}/openai/v1", **more):
    return Target("contoso", parse_endpoint(endpoint), Secret(KEY), **more)


async def whole(service, to=None, **more):
    request = ChatRequest("m", more.pop("messages", (Message("user", "Where?"),)), **more)
    return [found async for found in client_of(service).chat(to or target(), request)][-1]


EMBEDDED = {
    "data": [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1.5, 2]}],
    "model": "ada",
    "usage": {"prompt_tokens": 4, "total_tokens": 4},
}


@pytest.mark.parametrize(
    ("endpoint", "url", "model"),
    [
        (ROOT, f"{ROOT}/openai/v1/embeddings", True),
        (f"{ROOT}/api/projects/P", f"{ROOT}/openai/v1/embeddings", True),
        (f"{ROOT}/models", f"{ROOT}/models/embeddings?api-version=2024-05-01-preview", True),
        (
            f"{ROOT}/openai/deployments/e/embeddings?api-version=2023-05-15",
            f"{ROOT}/openai/deployments/e/embeddings?api-version=2023-05-15",
            False,
        ),
    ],
)
async def test_embeddings_come_back_in_the_order_of_their_inputs(endpoint, url, model):
    service = Service(embeddings=EMBEDDED)
    found = await client_of(service).embed(target(endpoint), EmbeddingRequest("e", ["a", "b"]))
    assert found.vectors == ((1.5, 2.0), (3.0, 4.0))
    assert found.usage.total_tokens == 4
    assert str(service.asked[0].url) == url
    assert json.loads(service.asked[0].content) == {"input": ["a", "b"], **({"model": "e"} if model else {})}


async def test_packed_vectors_are_unpacked():
    packed = base64.b64encode(struct.pack("<3f", 1, 2.5, -3)).decode()
    service = Service(embeddings={"data": [{"embedding": packed}]})
    request = EmbeddingRequest("e", "a", dimensions=3, encoding_format="base64")
    assert (await client_of(service).embed(target(), request)).vectors == ((1.0, 2.5, -3.0),)
    assert json.loads(service.asked[0].content) == {
        "model": "e", "input": "a", "dimensions": 3, "encoding_format": "base64",
    }  # fmt: skip


@pytest.mark.parametrize("data", [{}, {"data": [1]}, {"data": [{"embedding": "!"}]}, {"data": [{"embedding": ["x"]}]}])
async def test_what_is_no_embedding_is_a_protocol_error(data):
    with pytest.raises(FoundryError) as caught:
        await client_of(Service(embeddings=data)).embed(target(), EmbeddingRequest("e", "a"))
    assert caught.value.kind is ErrorKind.PROTOCOL


async def test_deployments_of_a_resource_are_listed_not_its_catalogue():
    service = Service(deployments={"data": [{"id": "my-gpt", "model": "gpt-4o", "status": "succeeded"}]})
    assert await client_of(service).deployments(target()) == [ListedDeployment("my-gpt", "gpt-4o", "succeeded")]
    assert str(service.asked[0].url) == f"{ROOT}/openai/deployments?api-version=2023-03-15-preview"
    assert service.asked[0].method == "GET"


async def test_deployments_of_a_project_are_listed_page_by_page():
    def page(request):
        rest = {"nextLink": f"{ROOT}/api/projects/P/deployments?api-version=v1&skip=1"}
        first = {"value": [{"name": "a", "type": "ModelDeployment", "modelName": "gpt-4o"}], **rest}
        return httpx.Response(200, json=first if "skip" not in str(request.url) else {"value": [{"name": "b"}]})

    service = Service(deployments=page)
    found = await client_of(service).deployments(target(f"{ROOT}/api/projects/P"))
    assert found == [ListedDeployment("a", "gpt-4o"), ListedDeployment("b")]


async def test_a_next_page_on_another_host_is_not_fetched():
    service = Service(deployments={"value": [{"name": "a"}], "nextLink": "https://evil.example/deployments"})
    assert await client_of(service).deployments(target(f"{ROOT}/api/projects/P")) == [ListedDeployment("a")]
    assert len(service.asked) == 1


async def test_a_service_without_a_list_gives_none():
    service = Service(deployments=lambda request: httpx.Response(404, json={}))
    assert await client_of(service).deployments(target()) is None


TOOL = {"type": "function", "function": {"name": "feed", "parameters": {"type": "object"}}}


async def test_tools_go_out_and_their_calls_come_back():
    calls = [{"id": "c1", "type": "function", "function": {"name": "feed", "arguments": '{"n": 1}'}}]
    choice = {"message": {"content": None, "tool_calls": calls}, "finish_reason": "tool_calls"}
    service = Service(completions={"choices": [choice]})
    found = await whole(service, tools=[TOOL], tool_choice="auto", stream=False)
    assert found.tool_calls == (ToolCall("c1", "feed", '{"n": 1}'),)
    assert json.loads(service.asked[0].content)["tools"] == [TOOL]


async def test_calls_that_come_in_pieces_are_put_together():
    def delta(*pieces, finish=None):
        return event({"choices": [{"delta": {"tool_calls": list(pieces)}, "finish_reason": finish}]})

    stream = (
        delta({"index": 0, "id": "c1", "function": {"name": "feed", "arguments": ""}})
        + delta({"index": 0, "function": {"arguments": '{"n"'}}, {"index": 1, "id": "c2", "function": {"name": "pet"}})
        + delta({"index": 0, "function": {"arguments": ": 1}"}}, finish="tool_calls")
        + DONE
    )
    headers = {"content-type": "text/event-stream"}
    found = await whole(Service(any=lambda request: httpx.Response(200, headers=headers, content=stream)))
    assert found.tool_calls == (ToolCall("c1", "feed", '{"n": 1}'), ToolCall("c2", "pet", ""))


async def test_an_answer_to_a_tool_call_is_sent_as_one():
    service = Service(completions={"choices": [{"message": {"content": "ok"}}]})
    messages = (Message("assistant", None, [ToolCall("c1", "feed", "{}")]), Message("tool", "fed", tool_call_id="c1"))
    await whole(service, messages=messages, stream=False)
    assert json.loads(service.asked[0].content)["messages"] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "feed", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "fed", "tool_call_id": "c1"},
    ]


async def test_system_and_developer_are_never_sent_together():
    service = Service(completions={"choices": [{"message": {"content": "ok"}}]})
    messages = (Message("developer", "a"), Message("system", "b"), Message("user", "c"))
    await whole(service, messages=messages, stream=False)
    assert [m["role"] for m in json.loads(service.asked[0].content)["messages"]] == ["system", "system", "user"]


async def test_what_the_filters_found_is_kept_apart_for_prompt_and_completion():
    violence = {"violence": {"filtered": True, "severity": "medium"}}
    data = {
        "choices": [
            {"message": {"content": "part"}, "finish_reason": "content_filter", "content_filter_results": violence}
        ],
        "prompt_filter_results": [{"content_filter_results": {"hate": {"filtered": False, "severity": "low"}}}],
    }
    found = await whole(Service(completions=data), stream=False)
    assert found.filters == (
        FilterResult("prompt", "hate", False, "low"),
        FilterResult("completion", "violence", True, "medium"),
    )
    assert found.filtered == "violence, medium"


async def test_a_filter_that_is_down_is_no_finding():
    choice = {"message": {"content": "ok"}, "content_filter_results": {"error": {"code": "content_filter_error"}}}
    assert (await whole(Service(completions={"choices": [choice]}), stream=False)).filters == ()


async def test_thoughts_are_kept_apart_from_the_answer():
    data = {"choices": [{"message": {"content": "42", "reasoning_content": "Hmm."}}]}
    found = await whole(Service(completions=data), stream=False)
    assert (found.text, found.reasoning) == ("42", "Hmm.")


@pytest.mark.parametrize(
    ("more", "headers"),
    [
        ({"key_header": "bearer"}, {"authorization": f"Bearer {KEY}"}),
        ({"key_header": "Ocp-Apim-Subscription-Key"}, {"ocp-apim-subscription-key": KEY}),
        ({"extra_header": Header("X-Team", Secret("blue-team"))}, {"api-key": KEY, "x-team": "blue-team"}),
        ({"extra_header": Header("Ocp-Apim-Subscription-Key")}, {"api-key": KEY, "ocp-apim-subscription-key": KEY}),
    ],
)
async def test_a_gateway_gets_the_headers_its_owner_chose(more, headers):
    service = Service(completions={"choices": [{"message": {"content": "ok"}}]})
    await whole(service, target("https://gw.contoso.com/openai/deployments/d", **more), stream=False)
    sent = service.asked[0].headers
    names = ("api-key", "authorization", "ocp-apim-subscription-key", "x-team")
    assert {name: sent[name] for name in names if name in sent} == headers


async def test_a_key_that_was_read_as_a_token_is_sent_again_as_a_key():
    message = (
        "Unauthorized. Access token is missing, invalid, audience is incorrect (https://cognitiveservices.azure.com)."
    )

    def answer(request):
        if "authorization" in request.headers:
            return httpx.Response(401, json={"statusCode": 401, "message": message})
        return httpx.Response(200, json={"choices": [{"message": {"content": "ok"}}]})

    service = Service(any=answer)
    to = target("https://gw.contoso.com/openai/deployments/d", key_header="bearer")
    assert (await whole(service, to, stream=False)).text == "ok"
    assert len(service.asked) == 2


async def test_a_secret_that_is_echoed_is_masked_in_every_form():
    key = 'pla"nted/key+1'

    def answer(request):
        return httpx.Response(400, text=json.dumps({"error": {"message": f"bad {key}"}}) + " %22nted%2Fkey " + key)

    with pytest.raises(FoundryError) as caught:
        await whole(Service(any=answer), Target("c", parse_endpoint(ROOT), Secret(key)), stream=False)
    assert "nted/key" not in caught.value.raw + caught.value.message
