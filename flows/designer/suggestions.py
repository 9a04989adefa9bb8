"""Names to suggest for a connection: at once those that are known, then, asked again, what its service lists.

Whoever types waits for neither.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from connections.audit import record_listing
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.models import Connection
from flows.access import find_flow
from foundryflow.access import editor
from foundryflow.database.threads import in_thread
from foundryflow.http import Request
from foundryflow.regions import page

LISTING = 5.0  # seconds that a service may take to list them
MOST = 200


@dataclass(frozen=True)
class Suggestion:
    name: str
    note: str  # how it is known, in a few words


@dataclass(frozen=True)
class SuggestedNames:
    """What is suggested, in which words, and where it comes from. In `{}` stands the name of the connection."""

    label: str
    without_connection: str
    asking: str
    without_list: str
    known: Callable[[Connection], list[Suggestion]]  # costs no request
    listed: Callable[[Connection], Awaitable[list[Suggestion] | None]]  # by the service; None where it gives no list
    why_none: Callable[[Connection], str] = lambda connection: ""  # why there is nothing to suggest, in a sentence


@editor
@require_GET
async def suggest(request: Request, slug: str, names: SuggestedNames) -> HttpResponse:
    """`names` are given by the address; with `ask` those that the service lists are among them."""
    await in_thread(find_flow)(request, slug)
    name = request.GET.get("connection", "").strip()
    found = Connection.objects.foundry().select_related("spill_over_to").filter(name=name)
    context = await suggestions_context(request, name, await in_thread(found.first)(), names)
    return await sync_to_async(page)(request, "designer/_suggestions.html", {"label": names.label, **context})


async def suggestions_context(
    request: Request, name: str, connection: Connection | None, names: SuggestedNames
) -> dict[str, Any]:
    if connection is None:
        return {"words": f"There is no connection {name} to ask." if name else names.without_connection}
    if why := names.why_none(connection):
        return {"words": why}
    known = await in_thread(names.known)(connection)
    if "ask" not in request.GET:
        url = f"{request.path}?{urlencode({'connection': name, 'ask': 1})}"
        return {"suggestions": known, "words": names.asking.format(name), "url": url}
    await in_thread(record_listing)(request, connection, names.label.lower())
    try:
        async with asyncio.timeout(LISTING):
            listed = await names.listed(connection)
    except (KeyUnreadable, EndpointError, TimeoutError):
        listed = None
    words = names.without_list.format(name) if listed is None else f"{len(listed)} listed by {name}."
    return {"suggestions": merge_suggestions([*(listed or ()), *known]), "words": words}


def merge_suggestions(suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    """Each name once, with all that is said of it."""
    notes: dict[str, list[str]] = {}
    for each in suggestions:
        notes.setdefault(each.name, []).append(each.note)
    found = [Suggestion(name, " · ".join(filter(None, said[:2]))) for name, said in notes.items()]
    return found[:MOST]
