"""The request as our views know it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict, StreamingHttpResponse
from django_htmx.middleware import HtmxDetails


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


def event_stream(events: AsyncIterator[bytes]) -> StreamingHttpResponse:
    """Server-sent events, which nobody on the way keeps or holds back."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingHttpResponse(events, content_type="text/event-stream", headers=headers)
