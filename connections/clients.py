"""The Foundry client of this process: one for each event loop, so that connections are kept alive and shared."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from django.conf import settings

from connections.endpoint.endpoint import Endpoint
from connections.foundry.auth import identity_refusal
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.key_watch import DatabaseKeyWatch
from connections.lesson_memory import memory

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, FoundryClient] = WeakKeyDictionary()


def configured_destinations() -> Destinations:
    """What the settings allow and trust."""
    return Destinations.parse(",".join(settings.ALLOWED_DESTINATIONS))


def identity_problem(endpoint: Endpoint) -> str:
    """Why an endpoint gets no token of this server, as a sentence; empty when it gets one."""
    return "" if configured_destinations().trusts(endpoint) else " ".join(identity_refusal(endpoint))


def foundry_client() -> FoundryClient:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = FoundryClient(
            destinations=configured_destinations(),
            memory=memory,
            keys=DatabaseKeyWatch(),
            store_responses=False,  # what customers ask is kept by nobody but this installation
        )
    return _clients[loop]


async def close_client() -> None:
    """Closes the kept-alive connections of this loop."""
    if client := _clients.pop(asyncio.get_running_loop(), None):
        await client.aclose()
