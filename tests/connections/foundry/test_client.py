"""What the client passes on, tries once, asks page by page and closes at its end."""

import json
from urllib.parse import parse_qs

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agent_list import ListedAgent
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import FoundryError
from connections.foundry.keys import UnwatchedKeys
from connections.foundry.lessons import EMBEDDINGS, NONE_MADE, SOME_MADE, Lesson, LocalLessonMemory
from connections.foundry.values import ChatRequest, EmbeddingRequest, ListedDeployment, Message, Target
from connections.secret import Secret

NOW = 1_800_000_000.0
ROOT = "https://r.services.ai.azure.com"
PROJECT = f"{ROOT}/api/projects/P"
AGENT = f"{PROJECT}/agents/shop/endpoint/protocols/openai"
ASKED = ChatRequest("m", (Message("user", "Hi"),), stream=False)
DOWN = httpx.Response(500, json={})


class Closing:
    """Stands for what is closed with the client."""

    def __init__(self):
        self.closed = False

    async def aclose(self):
        self.closed = True


class Network(Closing, httpx.MockTransport):
    def __init__(self, answer):
        Closing.__init__(self)
        httpx.MockTransport.__init__(self, self.answered)
        self.answer, self.asked = answer, []

    def answered(self, request):
        self.asked.append(request)
        return self.answer(request) if callable(self.answer) else self.answer


class Keys(Closing, UnwatchedKeys):
    """Watched keys that are closed."""


def client_of(network, **more):
    return FoundryClient(
        destinations=Destinations(), transport=network, clock=lambda: NOW, retry=RetryPolicy(first=0), **more
    )


def target(endpoint=f"{ROOT}/openai/v1"):
    return Target("contoso", parse_endpoint(endpoint), Secret("k"))


async def outcome_of(answer):
    try:
        return await answer
    except FoundryError:
        return None


async def last_of(events):
    return [event async for event in events][-1]


@pytest.mark.parametrize(
    ("ask", "tries"),
    [
        (lambda client: client.deployments(target()), 1),
        (lambda client: client.agents(target(PROJECT)), 1),
        (lambda client: client.agent(target(AGENT)), 1),
        (lambda client: client.embed(target(), EmbeddingRequest("e", "a"), retry=RetryPolicy(attempts=2, first=0)), 2),
        (lambda client: client.embed(target(), EmbeddingRequest("e", "a")), RetryPolicy().attempts),
        (lambda client: last_of(client.chat(target(), ASKED, retry=RetryPolicy(attempts=1))), 1),
        (lambda client: last_of(client.respond(target(), ASKED, retry=RetryPolicy(attempts=1))), 1),
    ],
)
async def test_lists_are_asked_for_once_and_calls_as_often_as_is_wanted(ask, tries):
    network = Network(DOWN)
    assert await outcome_of(ask(client_of(network))) is None
    assert len(network.asked) == tries


@pytest.mark.parametrize(("store", "sent"), [(False, {"store": False}), (True, {"store": True}), (None, {})])
async def test_whether_responses_are_stored_goes_with_every_one(store, sent):
    network = Network(DOWN)
    client = client_of(network, store_responses=store)
    once = RetryPolicy(attempts=1)
    by_responses = target(f"{ROOT}/openai/responses?api-version=2025-04-01-preview")
    await outcome_of(last_of(client.respond(target(), ASKED, retry=once)))
    await outcome_of(last_of(client.chat(by_responses, ASKED, retry=once)))
    await outcome_of(last_of(client.chat(target(), ASKED, retry=once)))
    bodies = [json.loads(request.content) for request in network.asked]
    assert [{name: body[name] for name in body if name == "store"} for body in bodies] == [sent, sent, {}]


def page_of(request):
    """An endless list of deployments and agents, whose third page is missing below `cut`."""
    query = parse_qs(request.url.query.decode())
    number = int(query.get("skip", query.get("after", ["0"]))[0].strip("/ "))
    if "cut" in request.url.path and number == 2:
        return DOWN
    path = str(request.url).partition("?")[0]
    agents = {"data": [{"name": f"a{number}"}], "has_more": True, "last_id": f"/ {number + 1}"}
    deployments = {"value": [{"name": f"d{number}"}], "nextLink": f"{path}?skip={number + 1}"}
    return httpx.Response(200, json=agents if path.endswith("/agents") else deployments)


@pytest.mark.parametrize(("project", "pages"), [("P", 20), ("cut", 2)])
async def test_a_list_is_read_page_by_page_until_there_are_too_many_or_one_fails(project, pages):
    client = client_of(network := Network(page_of))
    listing = target(f"{ROOT}/api/projects/{project}")
    assert await client.deployments(listing) == [ListedDeployment(f"d{number}") for number in range(pages)]
    assert await client.agents(listing) == [ListedAgent(f"a{number}") for number in range(pages)]
    assert network.asked[-1].url.query.decode().endswith("&after=%2F%20" + str(min(pages, 19)))


async def test_a_place_without_a_list_gives_none():
    client = client_of(network := Network(DOWN))
    for endpoint in (f"{ROOT}/openai/v1", "https://gw.contoso.example/v1"):
        assert await client.agents(target(endpoint)) is None
        assert await client.agent(target(endpoint)) is None
    assert network.asked == []


async def test_an_agent_is_described_by_its_project():
    client = client_of(network := Network(httpx.Response(200, json={"name": "shop"})))
    assert await client.agent(target(AGENT)) == ListedAgent("shop")
    assert network.asked[0].url.path == "/api/projects/P/agents/shop"


async def test_that_a_deployment_embeds_after_all_is_remembered():
    memory, name = LocalLessonMemory(), "text-embedding-3-small"
    at = target().endpoint.url
    client = client_of(Network(httpx.Response(200, json={"data": [{"embedding": [1]}]})), memory=memory)
    await client.embed(target(), EmbeddingRequest(name, "a"))
    assert await memory.lessons(at, name) == []
    await memory.learn(at, name, Lesson(EMBEDDINGS, NONE_MADE, "no", 0))
    await client.embed(target(), EmbeddingRequest(name, "a"))
    assert await memory.lessons(at, name) == [Lesson(EMBEDDINGS, SOME_MADE, "", NOW)]


async def test_all_is_closed_with_the_client():
    network, tokens, keys = Network(DOWN), Closing(), Keys()
    await client_of(network, tokens=tokens, keys=keys).aclose()
    assert (network.closed, tokens.closed, keys.closed) == (True, True, True)
