"""What goes to agents is what Microsoft's client for projects sends: method, address, query, sign-in and body."""

import json
from dataclasses import replace

import httpx
import httpx2
import pytest
from azure.ai.projects import AIProjectClient
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import HttpTransport

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentRequest, Memory, label_of
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import Identity, Message, Target
from connections.secret import Secret

PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
TOKEN = "token-of-entra"
SAID = {"id": "resp_1", "object": "response", "status": "completed", "output": [], "model": "gpt-5.2"}
SAID |= {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}


def answer_to(path):
    """What the service says to each of the calls."""
    if path.endswith("/conversations"):
        return {"id": "conv_1", "object": "conversation", "created_at": 1, "metadata": {}}
    return {"object": "list", "data": [], "has_more": False} if path.endswith("/agents") else SAID


def recorded(method, url, authorization, body):
    parsed = httpx.URL(url)
    return method, f"{parsed.scheme}://{parsed.host}{parsed.path}", dict(parsed.params), authorization, body


def event_stream(said):
    event = {"type": "response.completed", "sequence_number": 1, "response": said}
    return f"event: response.completed\ndata: {json.dumps(event)}\n\n".encode()


class Credential:
    def get_token(self, *scopes, **_):
        assert scopes == ("https://ai.azure.com/.default",)
        return AccessToken(TOKEN, 4_000_000_000)


class AzureTransport(HttpTransport):
    """Records what azure-core would have sent, and lets an error end the call."""

    def __init__(self, calls):
        self.calls = calls

    def send(self, request, **_):
        self.calls.append(recorded(request.method, request.url, request.headers.get("Authorization"), None))
        raise ConnectionAbortedError

    def open(self): ...

    def close(self): ...

    def __exit__(self, *_): ...


def official(calls, agent=None):
    """Their clients for the project, and for agents: of the project, or one at its own endpoint."""

    def answer(request):
        body = json.loads(request.content or b"null")
        calls.append(recorded(request.method, str(request.url), request.headers["Authorization"], body))
        said = answer_to(request.url.path)
        if body and body.get("stream"):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=event_stream(said))
        return httpx2.Response(200, json=said)

    project = AIProjectClient(PROJECT, Credential(), allow_preview=True, transport=AzureTransport(calls))
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    return project, project.get_openai_client(agent_name=agent, http_client=http)


class Tokens:
    async def token(self, identity, scope, *, fresh=False):
        assert scope == "https://ai.azure.com/.default"
        return Secret(TOKEN)

    async def aclose(self): ...


def ours(calls):
    def answer(request):
        body = json.loads(request.content) if request.content else None
        calls.append(recorded(request.method, str(request.url), request.headers["Authorization"], body))
        said = answer_to(request.url.path)
        if body and body.get("stream"):
            return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=event_stream(said))
        return httpx.Response(200, json=said)

    return FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(answer), tokens=Tokens())


def target(address):
    return Target("contoso", parse_endpoint(address), Secret(""), Identity("client_secret", "t", "c", Secret("s")))


async def sent_by_us(address, **fields):
    calls = []
    request = AgentRequest(label_of("helper"), (Message("user", "Hi"),), agent="helper")
    [event async for event in ours(calls).chat(target(address), replace(request, **fields))]
    return calls


REFERENCE = {"type": "agent_reference", "name": "helper"}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("fields", "theirs"),
    [
        ({}, {"extra_body": {"agent_reference": REFERENCE}}),
        ({"version": "2"}, {"extra_body": {"agent_reference": {**REFERENCE, "version": "2"}}}),
        (
            {"memory": Memory.CONVERSATION, "goes_on_from": "conv_1"},
            {"conversation": "conv_1", "extra_body": {"agent_reference": REFERENCE}},
        ),
        (
            {"memory": Memory.RESPONSES, "goes_on_from": "resp_1"},
            {"previous_response_id": "resp_1", "extra_body": {"agent_reference": REFERENCE}},
        ),
        (
            {"messages": (Message("user", "One"), Message("assistant", "1"), Message("user", "Two"))},
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_text", "text": "One"}]},
                    {"role": "assistant", "content": [{"type": "output_text", "text": "1"}]},
                    {"role": "user", "content": [{"type": "input_text", "text": "Two"}]},
                ],
                "extra_body": {"agent_reference": REFERENCE},
            },
        ),
    ],
)
async def test_an_agent_of_a_project_is_asked_as_the_official_client_does(fields, theirs, stream):
    expected = []
    _, client = official(expected)
    said = client.responses.create(**{"input": "Hi", **theirs}, **({"stream": True} if stream else {}))
    if stream:
        list(said)

    assert await sent_by_us(PROJECT, stream=stream, **fields) == expected


async def test_a_conversation_is_opened_and_then_goes_on():
    expected = []
    _, client = official(expected)
    conversation = client.conversations.create()
    client.responses.create(input="Hi", conversation=conversation.id, extra_body={"agent_reference": REFERENCE})

    assert await sent_by_us(PROJECT, stream=False, memory=Memory.CONVERSATION) == expected


async def test_an_agent_at_its_own_endpoint_is_asked_as_the_official_client_does():
    expected = []
    _, client = official(expected, agent="helper")
    conversation = client.conversations.create()
    client.responses.create(input="Hi", conversation=conversation.id)
    list(client.responses.create(input="Hi", stream=True))

    address = f"{PROJECT}/agents/helper/endpoint/protocols/openai"
    calls = await sent_by_us(address, stream=False, memory=Memory.CONVERSATION) + await sent_by_us(address)
    assert calls == expected


async def test_agents_are_listed_as_the_official_client_does():
    expected, calls = [], []
    project, _ = official(expected)
    with pytest.raises(ConnectionAbortedError):
        list(project.agents.list())

    assert await ours(calls).agents(target(PROJECT)) == []
    assert calls == expected


async def test_one_agent_is_looked_up_as_the_official_client_does():
    expected, calls = [], []
    project, _ = official(expected)
    with pytest.raises(ConnectionAbortedError):
        project.agents.get("helper")

    await ours(calls).agent(target(f"{PROJECT}/agents/helper/endpoint/protocols/openai"))
    assert calls == expected
