"""Agents keep to the limits of their connection, as models do."""

import asyncio

import httpx

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import AgentRequest, ConversationOpened, Memory, label_of
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.values import Completion, Limits, Message, Target, Waiting
from connections.secret import Secret
from connections.simulator.app import KEY, Simulator
from tests.connections.jumping_time import now, run
from tests.connections.limits.test_limited_client import client_of, collect

PROJECT = "https://r.services.ai.azure.com/api/projects/P"


def test_a_message_waits_until_the_one_before_it_is_answered():
    client = FoundryClient(destinations=Destinations(), transport=httpx.ASGITransport(Simulator(delay=0)), clock=now)
    target = Target("p", parse_endpoint(PROJECT), Secret(KEY), limits=Limits(calls=1), account="p")
    said = (Message("user", "Hi"),)
    request = AgentRequest(label_of("slow-0.2s"), said, agent="slow-0.2s", memory=Memory.CONVERSATION)

    async def both():
        limited = client_of(client)
        return await asyncio.gather(*(collect(limited, target, request) for _ in range(2)))

    first, second = run(both())
    assert not any(isinstance(event, Waiting) for event in first)
    assert any(isinstance(event, Waiting) for event in second)
    for each in (first, second):
        assert sum(isinstance(event, ConversationOpened) for event in each) == 1
        assert any(isinstance(event, Completion) for event in each)
