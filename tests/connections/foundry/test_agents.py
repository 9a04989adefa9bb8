"""Agents: what refusals teach, what they never change, and lists in whichever form they come."""

import json

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agent_list import ListedAgent, agent_of, page_of_agents
from connections.foundry.agents import (
    AgentCall,
    AgentRequest,
    Memory,
    agent_route,
    conversation_id,
    gone_on_from,
    label_of,
    reference_of,
)
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Completion, Identity, Message, ProtocolError, Target
from connections.secret import Secret

PROJECT = "https://contoso.services.ai.azure.com/api/projects/Shop"
ANSWER = {"id": "resp_1", "status": "completed", "output": [], "model": "gpt-5.2"}


def refusal(status, code, message, **more):
    return httpx.Response(status, json={"error": {"code": code, "message": message, **more}})


def unknown(parameter):
    return refusal(400, "unknown_parameter", f"Unknown parameter: '{parameter}'.", param=parameter)


class Project:
    """Refuses a parameter for as long as it is sent, or answers what it is told; keeps what it was asked."""

    def __init__(self, refuses="", answer=None):
        self.asked, self._refuses, self._answer = [], refuses, answer
        self.client = FoundryClient(
            destinations=Destinations(),
            transport=httpx.MockTransport(self),
            retry=RetryPolicy(first=0, most=0, attempts=2),
            store_responses=False,
        )

    def __call__(self, request):
        body = json.loads(request.content or b"null")
        self.asked.append((str(request.url), body))
        if self._answer:
            return self._answer
        if self._refuses in (body or {}):
            return unknown(self._refuses)
        return httpx.Response(200, json=ANSWER)

    async def ask(self, address=PROJECT, identity=None, **fields):
        request = AgentRequest(label_of("helper"), (Message("user", "Hi"),), agent="helper", stream=False, **fields)
        target = Target("contoso", parse_endpoint(address), Secret("key"), identity)
        return [event async for event in self.client.chat(target, request)]


async def test_before_the_name_of_the_parameter_changed_it_was_agent():
    project = Project(refuses="agent_reference")
    for _ in range(2):
        assert isinstance((await project.ask())[-1], Completion)
    bodies = [body for _, body in project.asked]
    assert [sorted(body) for body in bodies[1:]] == [["agent", "input", "store"]] * 2  # learnt once
    assert bodies[-1]["agent"] == {"type": "agent_reference", "name": "helper"}


async def test_a_service_that_refuses_store_is_asked_without():
    project = Project(refuses="store")
    await project.ask()
    assert [sorted(body) for _, body in project.asked] == [
        ["agent_reference", "input", "store"],
        ["agent_reference", "input"],
    ]


async def test_a_preview_that_the_service_names_is_asked_for():
    message = (
        "Hosted agents is in preview. This operation requires the following opt-in preview feature(s): "
        "HostedAgents=V1Preview. Include the 'Foundry-Features: HostedAgents=V1Preview' header in your request."
    )
    sent = []

    def answer(request):
        sent.append(request.headers.get("Foundry-Features"))
        return httpx.Response(200, json=ANSWER) if sent[-1] else refusal(403, "preview_feature_required", message)

    client = FoundryClient(destinations=Destinations(), transport=httpx.MockTransport(answer))
    target = Target("contoso", parse_endpoint(PROJECT), Secret("key"))
    request = AgentRequest(label_of("helper"), (Message("user", "Hi"),), agent="helper", stream=False)
    for _ in range(2):
        assert isinstance([event async for event in client.chat(target, request)][-1], Completion)
    assert sent == [None, "HostedAgents=V1Preview", "HostedAgents=V1Preview"]


@pytest.mark.parametrize(
    ("memory", "field"), [(Memory.CONVERSATION, "conversation"), (Memory.RESPONSES, "previous_response_id")]
)
async def test_a_conversation_is_never_left_out(memory, field):
    project = Project(refuses=field)
    with pytest.raises(FoundryError) as refused:
        await project.ask(memory=memory, goes_on_from="conv_1")
    assert refused.value.kind is ErrorKind.UNSUPPORTED_PARAMETER
    assert len(project.asked) == 1


async def test_an_agent_that_is_not_there_is_looked_for_nowhere_else():
    project = Project(answer=refusal(404, "404", "Resource not found"))
    with pytest.raises(FoundryError) as missing:
        await project.ask()
    assert missing.value.kind is ErrorKind.NOT_FOUND_ROUTE
    assert {url for url, _ in project.asked} == {f"{PROJECT}/openai/v1/responses"}


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "words"),
    [
        (404, "not_found", "Agent helper with version 9 not found", ErrorKind.NOT_FOUND_AGENT, "has no agent helper"),
        (404, "DeploymentNotFound", "It does not exist.", ErrorKind.NOT_FOUND_AGENT, "has no agent helper"),
        (400, None, "Invalid conversation id 'x', Malformed identifier.", ErrorKind.NOT_FOUND_CONVERSATION, "to go on"),
        (400, "previous_response_not_found", "x not found.", ErrorKind.NOT_FOUND_CONVERSATION, "to go on"),
        (401, "401", "Access denied due to invalid key.", ErrorKind.AUTH_KEY, "want Microsoft Entra ID"),
        (429, "429", "Too many.", ErrorKind.RATE_LIMIT, "rate limit"),
        (500, "500", "Broken.", ErrorKind.SERVER, "the service failed"),
    ],
)
async def test_refusals_in_words_about_agents(status, code, message, kind, words):
    with pytest.raises(FoundryError) as refused:
        await Project(answer=refusal(status, code, message)).ask()
    assert refused.value.kind is kind
    assert words in refused.value.message
    assert (refused.value.status, message in refused.value.raw) == (status, True)


async def test_an_application_says_that_it_takes_no_key():
    with pytest.raises(FoundryError, match="Applications take no key"):
        await Project(answer=refusal(401, "401", "Unauthorized")).ask(f"{PROJECT}/applications/A/protocols/openai")


async def test_an_agent_at_the_address_of_a_resource_is_refused_before_anything_is_sent():
    project = Project()
    with pytest.raises(FoundryError, match="has no agents"):
        await project.ask("https://contoso.services.ai.azure.com")
    assert project.asked == []


def entry(name, **more):
    return {"object": "agent", "id": name, "name": name, **more}


async def test_a_list_goes_on_behind_its_last_agent():
    pages = {
        f"{PROJECT}/agents?api-version=v1": {"data": [entry("a")], "last_id": "a", "has_more": True},
        f"{PROJECT}/agents?api-version=v1&after=a": {"data": [entry("b")], "last_id": "b", "has_more": False},
    }
    client = FoundryClient(
        destinations=Destinations(),
        transport=httpx.MockTransport(lambda request: httpx.Response(200, json=pages[str(request.url)])),
    )
    target = Target("contoso", parse_endpoint(PROJECT), Secret("key"))
    assert [agent.name for agent in await client.agents(target)] == ["a", "b"]


async def test_where_no_list_is_given_there_is_none():
    project = Project(answer=refusal(401, "401", "Unauthorized"))
    target = Target("contoso", parse_endpoint(PROJECT), Secret("key"))
    assert await project.client.agents(target) is None
    resource = Target("contoso", parse_endpoint("https://contoso.openai.azure.com"), Secret("key"))
    assert await project.client.agents(resource) is None
    assert len(project.asked) == 1


@pytest.mark.parametrize(
    ("data", "names", "last"),
    [
        ({"data": [entry("a")], "last_id": "a"}, ["a"], "a"),  # no word of more: an id says it
        ({"data": [], "last_id": "a"}, [], None),
        ({"data": [{"id": "a"}, {"name": 5}, "odd", None]}, ["a"], None),
        ({"data": [entry("a", versions=[]), entry("b", versions={"latest": None})]}, ["a", "b"], None),
    ],
)
def test_lists_of_any_shape(data, names, last):
    found, goes_on_behind = page_of_agents(data)
    assert ([agent.name for agent in found], goes_on_behind) == (names, last)


@pytest.mark.parametrize("data", [None, [], {"data": {}}, {"error": {}}])
def test_what_is_no_list_is_told(data):
    with pytest.raises(ProtocolError):
        page_of_agents(data)


def test_an_agent_says_what_it_is():
    latest = {"version": 4, "description": "Helps.", "definition": {"kind": "prompt", "model": "gpt-5.2"}}
    found = agent_of(entry("a", versions={"latest": latest}))
    assert found == ListedAgent("a", "prompt", "gpt-5.2", "4", "Helps.")
    assert str(found) == "prompt agent · gpt-5.2 · version 4"
    assert str(agent_of(entry("a"))) == "agent"


async def test_a_token_that_is_refused_is_not_called_a_key():
    identity = Identity("client_secret", "t", "c", Secret("s"))

    class Tokens:
        async def token(self, identity, scope, *, fresh=False):
            return Secret("token")

        async def aclose(self): ...

    transport = httpx.MockTransport(lambda request: refusal(401, "401", "Access token is invalid."))
    client = FoundryClient(destinations=Destinations(), transport=transport, tokens=Tokens())
    target = Target("contoso", parse_endpoint(PROJECT), Secret(""), identity)
    request = AgentRequest(label_of("helper"), (Message("user", "Hi"),), agent="helper")
    with pytest.raises(FoundryError) as refused:
        [event async for event in client.chat(target, request)]
    assert refused.value.kind is ErrorKind.AUTH_TOKEN
    assert "The role Foundry User" in refused.value.hint


HELPER, SHOP = (
    f"{PROJECT}/openai/v1/responses?agent_reference=helper%3A2",
    f"{PROJECT}/agents/shop/endpoint/protocols/openai",
)


@pytest.mark.parametrize(
    ("address", "agent", "version", "reference"),
    [
        (PROJECT, "mine", "", "mine"),
        (PROJECT, "mine", "3", "mine:3"),
        (HELPER, "mine", "", "helper:2"),
        (HELPER, "mine", "3", "helper:3"),
        (SHOP, "mine", "", "shop"),
    ],
)
def test_the_agent_of_the_address_goes_before_the_one_that_is_named(address, agent, version, reference):
    request = AgentRequest("label", (Message("user", "Hi"),), agent=agent, version=version)
    assert reference_of(request, parse_endpoint(address)) == reference


@pytest.mark.parametrize(
    ("agent", "words"), [("", "No agent is named"), ("asst_abcdefghijklmnopqrstuvwx", "is a classic agent")]
)
def test_what_names_no_agent_of_a_project_is_refused(agent, words):
    with pytest.raises(FoundryError, match=words) as refused:
        reference_of(AgentRequest("label", (Message("user", "Hi"),), agent=agent), parse_endpoint(PROJECT))
    assert refused.value.kind is ErrorKind.NOT_FOUND_AGENT


def test_a_conversation_has_an_id_that_says_what_it_is():
    assert (conversation_id({"id": "conv_1"}), gone_on_from("conv_1"), gone_on_from("resp_1")) == (
        "conv_1", Memory.CONVERSATION, Memory.RESPONSES,
    )  # fmt: skip
    for data in ({}, {"id": ""}, {"id": 3}, None, []):
        with pytest.raises(ProtocolError, match="has no id"):
            conversation_id(data)


@pytest.mark.parametrize(
    ("address", "operation", "url"),
    [
        (PROJECT, "responses", f"{PROJECT}/openai/v1/responses"),
        (f"{PROJECT}/openai/v1", "conversations", f"{PROJECT}/openai/v1/conversations"),
        (HELPER, "responses", f"{PROJECT}/openai/v1/responses"),
        (SHOP, "responses", f"{SHOP}/responses?api-version=v1"),
        (SHOP, "conversations", f"{SHOP}/conversations?api-version=v1"),
    ],
)
def test_agents_are_asked_where_their_project_is(address, operation, url):
    assert agent_route(parse_endpoint(address), operation).url == url


def test_what_is_no_project_has_no_agents_to_ask():
    with pytest.raises(FoundryError, match=r"This endpoint \(Foundry v1\) has no agents"):
        agent_route(parse_endpoint("https://r.openai.azure.com/openai/v1"))


def test_calls_of_an_agent_are_counted_by_its_label():
    request = AgentRequest(label_of("helper"), (Message("user", "Hi"),))
    assert AgentCall(Target("t", parse_endpoint(PROJECT), Secret("k")), request).model == "agent helper"
