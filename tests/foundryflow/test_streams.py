"""Streams are sent as they come, to whoever may listen, as long as they may."""

import asyncio

import pytest
from django.db import OperationalError

from foundryflow.streams import event_stream, until_refused


async def never():
    await asyncio.Event().wait()


async def pieces_of(response):
    return [piece async for piece in response]


async def test_a_stream_is_kept_by_nobody_and_sends_what_there_is():
    async def events():
        yield b"one"
        yield b"two"

    response = event_stream(events(), never)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Accel-Buffering"] == "no"
    assert await pieces_of(response) == [b"one", b"two"]


async def test_a_stream_ends_in_good_order_when_the_database_stays_away():
    async def events():
        yield b"one"
        raise OperationalError("the connection is lost")

    assert await pieces_of(event_stream(events(), never)) == [b"one"]


async def test_a_stream_hides_no_other_error():
    async def events():
        yield b"one"
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        await pieces_of(event_stream(events(), never))


async def test_a_stream_in_which_nothing_happens_ends_when_whoever_listens_may_not_any_more():
    refused, left = asyncio.Event(), []

    async def events():
        try:
            yield b"one"
            await asyncio.Event().wait()
        finally:
            left.append("in order")

    pieces = aiter(event_stream(events(), refused.wait))
    assert await anext(pieces) == b"one"
    refused.set()
    assert [piece async for piece in pieces] == []
    assert left == ["in order"]


async def test_a_stream_whose_browser_leaves_leaves_nothing_behind():
    left = []

    async def events():
        try:
            while True:
                yield b"more"
        finally:
            left.append("in order")

    pieces = until_refused(events(), never)
    assert await anext(pieces) == b"more"
    await pieces.aclose()
    assert left == ["in order"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_stream_ends_when_nobody_can_say_whether_it_may_go_on():
    async def events():
        await asyncio.Event().wait()
        yield b""

    async def broken():
        raise LookupError("a fault of ours")

    with pytest.raises(LookupError):
        await pieces_of(event_stream(events(), broken))
