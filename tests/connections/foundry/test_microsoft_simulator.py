"""Microsoft's own simulator of the API, end to end: its quirks, and its real rate limits."""

import httpx
import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Message,
    Target,
    TextDelta,
    Waited,
    Waiting,
)
from connections.secret import Secret
from connections.simulator.app import Simulator

ROOT = "http://127.0.0.1:8000/aoai-api-simulator"
HI = (Message("user", "Hi"),)


class Clock:
    """Time that passes where somebody sleeps."""

    now = 1_000.0

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


class Wire(httpx.ASGITransport):
    """The simulator, and the headers of what it answered."""

    def __init__(self, clock):
        super().__init__(Simulator(delay=0, clock=clock))
        self.answers = []

    async def handle_async_request(self, request):
        answer = await super().handle_async_request(request)
        self.answers.append(answer)
        return answer


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def wire(clock):
    return Wire(clock)


@pytest.fixture
async def client(wire, clock):
    allowed = Destinations.parse("127.0.0.1:8000")
    made = FoundryClient(destinations=allowed, transport=wire, clock=clock, sleep=clock.sleep)
    yield made
    await made.aclose()


def target(deployment, key="simulator", version="2024-10-21"):
    url = f"{ROOT}/openai/deployments/{deployment}?api-version={version}"
    return Target("microsoft", parse_endpoint(url), Secret(key))


async def events_of(client, deployment, **more):
    return [event async for event in client.chat(target(deployment), ChatRequest(deployment, HI, **more))]


async def test_a_stream_without_a_type_ends_by_length_and_counts_no_tokens(client, wire):
    events = await events_of(client, "gpt-4o")
    completion = events[-1]
    assert isinstance(completion, Completion)
    assert completion.text == "Simulated answer of gpt-4o. You said: Hi"
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == completion.text
    assert (completion.finish_reason, completion.usage.total_tokens) == ("length", 0)
    (answer,) = wire.answers
    assert "content-type" not in answer.headers


async def test_an_answer_in_one_piece_and_embeddings_are_read(client):
    completion = (await events_of(client, "gpt-4o", stream=False))[-1]
    assert completion.text.startswith("Simulated answer")
    vectors = await client.embed(target("emb"), EmbeddingRequest("emb", ["a", "b"]))
    assert len(vectors.vectors) == 2


async def test_what_is_not_there_and_a_wrong_key_are_said(client):
    with pytest.raises(FoundryError) as missing:
        await events_of(client, "not-found")
    assert missing.value.kind is ErrorKind.NOT_FOUND_DEPLOYMENT
    with pytest.raises(FoundryError) as refused:
        async for _ in client.chat(target("gpt-4o", "wrong"), ChatRequest("gpt-4o", HI)):
            pass
    assert refused.value.kind is ErrorKind.AUTH_KEY
    assert (await client.test(target("gpt-4o"), "gpt-4o")).ok


async def test_its_limits_of_requests_are_waited_for(client, clock, wire):
    """Two requests in ten seconds, as two thousand tokens a minute have."""
    started = clock.now
    for _ in range(5):
        assert (await events_of(client, "tpm-2000"))[-1].text
    assert 20 <= clock.now - started <= 30
    refused = [answer for answer in wire.answers if answer.status_code == 429]
    assert refused
    assert all("content-type" not in answer.headers and answer.headers["retry-after"] for answer in refused)


async def test_its_limit_of_tokens_is_waited_for_as_long_as_it_says(client, clock):
    """It sees `max_tokens` alone, which older versions are sent."""
    old = target("tpm-500", version="2024-06-01")
    request, waits = ChatRequest("tpm-500", HI, max_completion_tokens=400), []
    started = clock.now
    for _ in range(2):
        clock.now += 10
        waits += [event async for event in client.chat(old, request) if isinstance(event, Waiting | Waited)]
    refused, waited = waits
    assert (refused.status, waited.throttled) == (429, True)
    assert "token" in refused.reason
    assert clock.now - started >= 60
    unseen = ChatRequest("tpm-500", HI, max_completion_tokens=400)
    clock.now += 60
    for _ in range(3):
        clock.now += 10
        events = [event async for event in client.chat(target("tpm-500"), unseen)]
        assert not [event for event in events if isinstance(event, Waiting)]
