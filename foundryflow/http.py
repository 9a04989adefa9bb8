"""The request as our views know it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django_htmx.middleware import HtmxDetails

from foundryflow.database import is_away, note_away


class Request(HttpRequest):
    """A request of somebody who is signed in; `htmx` is true when htmx sent it."""

    htmx: HtmxDetails
    user: User  # type: ignore[assignment]


def posted(request: HttpRequest) -> QueryDict:
    """What a form sent: lines end alike, without null characters, which nobody means and no database keeps."""
    sent = request.POST.copy()
    for name, values in request.POST.lists():
        sent.setlist(name, [value.replace("\r\n", "\n").replace("\x00", "") for value in values])
    return sent


def whole_number(text: str | None, digits: int = 14) -> int | None:
    """What a form or an address says; None when that is no whole number, or one with more digits."""
    return int(text) if text and text.isdecimal() and len(text) <= digits else None


def event_stream(events: AsyncGenerator[bytes]) -> StreamingHttpResponse:
    """Server-sent events, which nobody on the way keeps or holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(while_readable(events), content_type="text/event-stream", headers=headers)


async def while_readable(events: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Ends a stream in good order when the database stays away: whoever follows it comes back by itself."""
    async with aclosing(events):
        try:
            async for event in events:
                yield event
        except (OperationalError, InterfaceError) as error:
            if not is_away(error):
                raise
            note_away(error)
