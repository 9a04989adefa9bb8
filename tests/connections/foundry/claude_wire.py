"""A resource with Claude, the simulator, which is strict; everything that was sent to it is kept."""

from collections.abc import Callable
from typing import Any

import httpx

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.lessons import LocalLessonMemory
from connections.foundry.values import (
    ChatRequest,
    Completion,
    Message,
    Target,
)
from connections.secret import Secret
from connections.simulator.app import Simulator
from tests.connections.foundry.stub import QUICK

ROOT = "https://contoso.services.ai.azure.com"
CLAUDE, OPENAI = f"{ROOT}/anthropic", f"{ROOT}/openai/v1"
HI = (Message("user", "Hi there"),)
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
