"""A client that may reach the stub of a model's server; and a resource with Claude."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from connections.foundry.backoff import RetryPolicy
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import ChatRequest, Message
from tests.connections.foundry.claude_wire import Wire
from tests.connections.foundry.stub import QUICK, Stub, target


@pytest.fixture
async def talk() -> AsyncIterator[Callable[..., Any]]:
    """`talk(stub)` -> the events of one chat, as an async iterator."""
    clients = []

    def chat(stub: Stub, path: str = "/openai/v1", retry: RetryPolicy = QUICK, **more: Any) -> Any:
        client = FoundryClient(destinations=Destinations.parse(f"127.0.0.1:{stub.port}"), retry=retry)
        clients.append(client)
        return client.chat(target(stub.url + path), ChatRequest("m", (Message("user", "Where?"),), **more))

    yield chat
    for client in clients:
        await client.aclose()


@pytest.fixture
def wire() -> Wire:
    return Wire()
