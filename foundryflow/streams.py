"""Server-sent events: sent as they come, and only as long as whoever listens may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from typing import Any

from django.http import StreamingHttpResponse

from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import MAY_BE_AWAY, is_away

Refusal = Callable[[], Coroutine[Any, Any, None]]  # returns once whoever listens may not any more


def event_stream(events: AsyncGenerator[bytes], refusal: Refusal) -> StreamingHttpResponse:
    """Server-sent events, which nobody on the way keeps or holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    content = until_refused(while_readable(events), refusal)
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=headers)


async def until_refused(events: AsyncGenerator[bytes], refusal: Refusal) -> AsyncGenerator[bytes]:
    """Ends also while nothing happens. The browser comes back by itself, and is told then why it is turned away."""
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=1)  # None: nothing more
    # The events have a task of their own: what they hold is let go in the one that took it.
    tasks = [asyncio.create_task(hand_on(events, pieces)), asyncio.create_task(end_on_refusal(refusal, pieces))]
    try:
        while (piece := await pieces.get()) is not None:
            yield piece
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


async def hand_on(events: AsyncGenerator[bytes], pieces: asyncio.Queue[bytes | None]) -> None:
    try:
        async with aclosing(events):
            async for event in events:
                await pieces.put(event)
    except Exception:
        await pieces.put(None)
        raise
    await pieces.put(None)


async def end_on_refusal(refusal: Refusal, pieces: asyncio.Queue[bytes | None]) -> None:
    try:
        await refusal()
    except Exception:  # it cannot be found out
        await pieces.put(None)
        raise
    await pieces.put(None)


async def while_readable(events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Ends a stream in good order when the database stays away: whoever follows it comes back by itself."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except MAY_BE_AWAY as error:
            if not is_away(error):
                raise
            note_away(error)
