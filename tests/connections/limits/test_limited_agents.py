"""Agents keep to the limits of their connection, as models do."""

import asyncio

import httpx

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentRequest, ConversationOpened, Memory, label_of
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import Completion, Limits, Message, Target, Waiting
from connections.limits.client import LimitedClient
from connections.secret import Secret
from connections.simulator.app import KEY, Simulator
from tests.connections.limits.test_limits import LocalLedger

PROJECT = "https://r.services.ai.azure.com/api/projects/P"


async def test_a_message_waits_until_the_one_before_it_is_answered():
    client = FoundryClient(destinations=Destinations(), transport=httpx.ASGITransport(Simulator(delay=0)))
    target = Target("p", parse_endpoint(PROJECT), Secret(KEY), limits=Limits(calls=1), account="p")
    ledger = LocalLedger()

    async def same(name):
        return target

    limited = LimitedClient(client, ledger, same)
    said = (Message("user", "Hi"),)
    request = AgentRequest(label_of("slow-0.2s"), said, agent="slow-0.2s", memory=Memory.CONVERSATION)

    async def events():
        return [event async for event in limited.chat(target, request)]

    both = await asyncio.gather(events(), events())
    waits = [[event for event in each if isinstance(event, Waiting)] for each in both]
    assert sum(map(bool, waits)) == 1
    for each in both:
        assert sum(isinstance(event, ConversationOpened) for event in each) == 1
        assert any(isinstance(event, Completion) for event in each)
