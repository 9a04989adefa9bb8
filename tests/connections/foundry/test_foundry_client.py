"""The client against the simulator, over real sockets."""

import socket
import time

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import EMBEDDINGS, NONE_MADE, SOME_MADE, Lesson, LocalLessonMemory
from connections.foundry.values import (
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Message,
    Target,
    TextDelta,
    Waiting,
)
from connections.secret import Secret

QUICK = RetryPolicy(first=0.01, most=0.02)


@pytest.fixture
async def client(simulator_server):
    made = FoundryClient(destinations=Destinations.parse(simulator_server.removeprefix("http://")), retry=QUICK)
    yield made
    await made.aclose()


def target(base, path="/openai/v1", key="simulator"):
    return Target("simulator", parse_endpoint(base + path), Secret(key))


def asking(model="fast", text="Where?", **more):
    return ChatRequest(model, (Message("user", text),), **more)


async def events_of(client, *args):
    return [event async for event in client.chat(*args)]


@pytest.mark.parametrize("path", ["/openai/v1", "/openai/deployments/fast", "/models", "/api/projects/p", "/v1"])
@pytest.mark.parametrize("stream", [True, False])
async def test_every_family_of_paths_answers(client, simulator_server, path, stream):
    events = await events_of(client, target(simulator_server, path), asking(stream=stream, max_completion_tokens=50))
    completion = events[-1]
    assert isinstance(completion, Completion)
    assert completion.text == "Simulated answer of fast. You said: Where?"
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == completion.text
    assert completion.finish_reason == "stop"
    if path != "/models" or not stream:
        assert completion.usage.total_tokens > 0


@pytest.mark.parametrize(
    ("model", "kind", "status"),
    [
        ("bad-key", ErrorKind.AUTH_KEY, 401),
        ("no-role", ErrorKind.PERMISSION, 401),
        ("firewall", ErrorKind.NETWORK_RULE, 403),
        ("not-found", ErrorKind.NOT_FOUND_DEPLOYMENT, 404),
        ("content-filter", ErrorKind.CONTENT_FILTER, 400),
        ("too-long", ErrorKind.CONTEXT_LENGTH, 400),
        ("quota", ErrorKind.RATE_LIMIT, 429),
        ("cut-stream", ErrorKind.TRUNCATED, 200),
        ("error-in-stream", ErrorKind.SERVER, 500),
        ("bad-json", ErrorKind.PROTOCOL, 200),
        ("cut-in-word", ErrorKind.TRUNCATED, 200),
        ("html", ErrorKind.SERVER, 502),
        ("no-keys", ErrorKind.PERMISSION, 403),
        ("fail-500-9", ErrorKind.SERVER, 500),
    ],
)
async def test_a_fault_has_a_type_a_sentence_and_a_hint(client, simulator_server, model, kind, status):
    with pytest.raises(FoundryError) as caught:
        await events_of(client, target(simulator_server), asking(model))
    assert (caught.value.kind, caught.value.status) == (kind, status)
    assert caught.value.message
    assert caught.value.hint


async def test_the_category_of_a_content_filter_is_named(client, simulator_server):
    with pytest.raises(FoundryError, match="violence, medium"):
        await events_of(client, target(simulator_server), asking("content-filter"))


async def test_a_rate_limit_is_waited_for_and_said(client, simulator_server):
    events = await events_of(client, target(simulator_server), asking("fail-429-2"))
    waits = [event for event in events if isinstance(event, Waiting)]
    assert [wait.attempt for wait in waits] == [1, 2]
    assert isinstance(events[-1], Completion)


@pytest.mark.parametrize("model", ["late-filter", "held-open"])
async def test_an_odd_end_of_a_stream_is_a_good_end(client, simulator_server, model):
    completion = (await events_of(client, target(simulator_server), asking(model)))[-1]
    assert completion.text == f"Simulated answer of {model}. You said: Where?"
    assert completion.usage.total_tokens > 0


async def test_a_schema_that_is_refused_becomes_an_object(client, simulator_server):
    schema = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    request = asking("no-schema", response_format=schema)
    assert isinstance((await events_of(client, target(simulator_server), request))[-1], Completion)


@pytest.mark.parametrize("model", ["reasoning-x", "old-x"])
async def test_a_refused_parameter_is_adapted_and_remembered(client, simulator_server, model):
    request = asking(model, temperature=0.2, max_completion_tokens=100)
    assert isinstance((await events_of(client, target(simulator_server), request))[-1], Completion)
    assert isinstance((await events_of(client, target(simulator_server), request))[-1], Completion)


async def test_a_wrong_key_is_masked_in_what_came_back(client, simulator_server):
    with pytest.raises(FoundryError) as caught:
        await events_of(client, target(simulator_server, key="planted-key-1"), asking())
    assert caught.value.kind is ErrorKind.AUTH_KEY
    assert "planted-key-1" not in caught.value.raw


async def test_a_refused_connection_is_not_a_timeout():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    client = FoundryClient(destinations=Destinations.parse(address), retry=RetryPolicy(attempts=1))
    with pytest.raises(FoundryError) as caught:
        await events_of(client, target(f"http://{address}"), asking())
    assert caught.value.kind is ErrorKind.CONNECT
    await client.aclose()


@pytest.mark.parametrize(
    "base",
    ["http://127.0.0.1:1", "https://127.0.0.1:1", "https://10.0.0.1", "https://169.254.169.254", "https://localhost"],
)
async def test_a_destination_that_is_not_listed_is_blocked(base):
    client = FoundryClient(destinations=Destinations(), retry=QUICK)
    with pytest.raises(FoundryError) as caught:
        await events_of(client, target(base), asking())
    assert caught.value.kind is ErrorKind.BLOCKED_DESTINATION
    await client.aclose()


async def test_a_host_that_does_not_exist_is_a_dns_error(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    client = FoundryClient(destinations=Destinations(), retry=QUICK)
    with pytest.raises(FoundryError) as caught:
        await events_of(client, target("https://nowhere.invalid"), asking())
    assert caught.value.kind is ErrorKind.DNS
    await client.aclose()


async def test_leaving_a_stream_closes_it_at_once(client, simulator_server):
    started = time.monotonic()
    async for event in client.chat(target(simulator_server), asking("fast-long-2000")):
        if isinstance(event, TextDelta):
            break
    assert time.monotonic() - started < 1


async def test_a_test_of_a_deployment_that_embeds_says_so(client, simulator_server):
    good = await client.test(target(simulator_server), "text-embedding-3-small")
    assert (good.ok, good.dimensions, good.text, good.wrong) == (True, 8, "A vector of 8 numbers", "")
    assert good.request["url"].endswith("/openai/v1/embeddings")
    assert (await client.test(target(simulator_server), "gpt-4o-mini")).dimensions is None


async def test_a_text_is_embedded_where_that_is_to_be_tested(client, simulator_server):
    good = await client.test(target(simulator_server), "text-embedding-3-small", "Two words")
    assert (good.ok, good.dimensions, len(good.first_values), good.asked_to_embed) == (True, 8, 8, True)
    assert (good.usage.prompt_tokens, good.request["body"]["input"]) == (2, "Two words")
    bad = await client.test(target(simulator_server), "gpt-4o-mini", "Two words")
    assert (bad.ok, bad.dimensions, bad.wrong) == (False, None, "")
    assert bad.error.message == "400: gpt-4o-mini makes no embeddings."
    gone = await client.test(target(simulator_server, key="wrong"), "text-embedding-3-small", "Two words")
    assert (gone.error.kind, gone.wrong) == (ErrorKind.AUTH_KEY, "key")
    assert "wrong" not in str(gone.request)


async def test_that_a_deployment_makes_no_embeddings_is_remembered_until_it_does(simulator_server):
    memory = LocalLessonMemory()
    client = FoundryClient(destinations=Destinations.parse(simulator_server.removeprefix("http://")), memory=memory)
    sim = target(simulator_server)

    async def learnt(model):
        return [(each.parameter, each.instead) for each in await memory.lessons(sim.endpoint.url, model)]

    for _ in range(2):
        with pytest.raises(FoundryError):
            await client.embed(sim, EmbeddingRequest("gpt-4o-mini", "x"))
    assert await learnt("gpt-4o-mini") == [(EMBEDDINGS, NONE_MADE)]
    with pytest.raises(FoundryError):
        await client.embed(sim, EmbeddingRequest("not-found", "x"))
    assert await learnt("not-found") == []
    name = "text-embedding-3-small"
    await client.embed(sim, EmbeddingRequest(name, "x"))
    assert await learnt(name) == []
    await memory.learn(sim.endpoint.url, name, Lesson(EMBEDDINGS, NONE_MADE, "", 0))
    await client.embed(sim, EmbeddingRequest(name, "x"))
    assert await learnt(name) == [(EMBEDDINGS, SOME_MADE)]
    await client.aclose()


async def test_a_test_reports_what_came_back(client, simulator_server):
    good = await client.test(target(simulator_server), "gpt-4o-mini")
    assert (good.ok, good.status, good.model) == (True, 200, "gpt-4o-mini-simulated")
    bad = await client.test(target(simulator_server, key="wrong"), "gpt-4o-mini")
    assert (bad.ok, bad.status, bad.error.kind) == (False, 401, ErrorKind.AUTH_KEY)
    assert "wrong" not in str(good.request) + str(bad.request)
