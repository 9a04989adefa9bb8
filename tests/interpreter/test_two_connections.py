"""Two connections of one resource, used at the same time by many: every call carries the key of its own."""

import asyncio
import json
from collections import Counter

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import ChatRequest, Completion, Message, Target
from connections.secret import Secret
from connections.simulator.app import Simulator
from flows.actions.services import MemoryServices
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from tests.conftest import Server

MANY, AT_ONCE = 200, 20
NAMES = ("east", "west")


class Listening:
    """The simulator, and of each call its key beside its prompt; refuses every seventh call for a moment."""

    def __init__(self):
        self._simulator, self.calls = Simulator(delay=0), []

    async def __call__(self, scope, receive, send):
        body = (await receive())["body"]
        key = dict(scope["headers"])[b"api-key"].decode()
        self.calls.append((key, json.loads(body)["messages"][-1]["content"]))
        if len(self.calls) % 7 == 0:
            headers = [(b"retry-after-ms", b"1"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 429, "headers": headers})
            await send({"type": "http.response.body", "body": b'{"error": {"code": "429", "message": "Slower."}}'})
            return
        given = [{"type": "http.request", "body": body, "more_body": False}]

        async def again():
            return given.pop() if given else await receive()

        await self._simulator(scope, again, send)


@pytest.fixture(scope="module")
def resource():
    app = Listening()
    with Server(app) as server:
        app.url = f"{server.url}/openai/v1"
        yield app


@pytest.fixture
async def client(resource):
    resource.calls.clear()
    host = resource.url.removeprefix("http://").partition("/")[0]
    patient = RetryPolicy(attempts=20, first=0.001, most=0.002)
    made = FoundryClient(destinations=Destinations.parse(host), retry=patient)
    yield made
    await made.aclose()


def key_of(name):
    return f"simulator-{name}"


def connections(resource):
    return {name: Target(name, parse_endpoint(resource.url), Secret(key_of(name))) for name in NAMES}


def check_keys(resource):
    """Every prompt names the connection whose key it came with; nothing was lost."""
    assert {key == key_of(prompt.split()[0]) for key, prompt in resource.calls} == {True}
    assert len(resource.calls) > MANY  # some were refused, and asked again
    calls = Counter(prompt.split()[0] for prompt in {prompt for _, prompt in resource.calls})
    assert calls == dict.fromkeys(NAMES, MANY // 2)


async def test_calls_of_one_client_keep_their_keys(resource, client):
    targets = connections(resource)

    async def ask(number):
        name = NAMES[number % 2]
        request = ChatRequest("fast", (Message("user", f"{name} {number}"),))
        events = [event async for event in client.chat(targets[name], request)]
        return next(event.text for event in events if isinstance(event, Completion))

    answers = await asyncio.gather(*map(ask, range(MANY)))
    assert all(answer.endswith(f"{NAMES[number % 2]} {number}") for number, answer in enumerate(answers))
    check_keys(resource)


async def test_a_variable_that_is_switched_in_parallel_iterations_keeps_its_keys(resource, client):
    """Each iteration makes its connection in a variable of the same name, and calls by it."""
    customers = [{"name": NAMES[number % 2], "number": number} for number in range(MANY)]
    connect = {
        "api_key": "{{ keys[customer.name] }}",
        "endpoint": resource.url,
        "connection_variable_name": "connection",
    }
    ask = {
        "dynamic_connection": "connection",
        "model": "fast",
        "user_prompt": "{{ customer.name }} {{ customer.number }}",
    }
    body = [
        {"id": "connect", "type": "create_azure_ai_connection", "properties": connect},
        {"id": "ask", "type": "chat_completion", "properties": ask},
    ]
    loop = {"items": "{{ customers }}", "item_variable_name": "customer", "parallelism": AT_ONCE}
    actions = [
        {"id": "each", "type": "for_each", "properties": loop, "branches": [{"id": "each-body", "actions": body}]}
    ]
    inputs = [{"name": "customers", "type": "list"}, {"name": "keys", "type": "object"}]
    document = parse({"format": "foundryflow/1", "name": "Switch", "inputs": inputs, "actions": actions})
    given = {"customers": customers, "keys": {name: key_of(name) for name in NAMES}}
    await execute(document, given, MemoryJournal(), MemoryServices(client))
    check_keys(resource)
