"""Suggests the deployments of a connection: those that were called, and those that its service lists."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from connections.audited import record_listing
from connections.clients import foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.agents import LABEL as AGENT_LABEL
from connections.foundry.values import ListedDeployment
from connections.models import Connection, LearntLesson
from flows.access import find_flow
from flows.models import UsageSeries
from foundryflow.access import editor
from foundryflow.database.threads import in_thread
from foundryflow.http import Request
from foundryflow.regions import page

LISTING = 5.0  # seconds that a service may take to list them
MOST = 200


@dataclass(frozen=True)
class KnownDeployment:
    name: str
    note: str  # how it is known, in a few words


@editor
@require_GET
async def suggest(request: Request, slug: str) -> HttpResponse:
    """Deployments to suggest for a connection: at once those that are known, then, with `ask`, what its service lists.

    Whoever types waits for neither.
    """
    await in_thread(find_flow)(request, slug)
    name = request.GET.get("connection", "").strip()
    found = Connection.objects.foundry().select_related("spill_over_to").filter(name=name)
    context = await deployments_context(request, name, await in_thread(found.first)())
    return await sync_to_async(page)(request, "designer/_deployments.html", {"label": "Deployments", **context})


async def deployments_context(request: Request, name: str, connection: Connection | None) -> dict[str, Any]:
    if connection is None:
        words = f"There is no connection {name} to ask." if name else "Choose a connection: what it has is listed here."
        return {"deployments": [], "words": words}
    known = await in_thread(known_deployments)(connection)
    if "ask" not in request.GET:
        url = f"{request.path}?{urlencode({'connection': name, 'ask': 1})}"
        return {"deployments": known, "words": f"Asking {name} for its list…", "url": url}
    await in_thread(record_listing)(request, connection)
    listed = await listed_deployments(connection)
    words = f"{len(listed)} listed by {name}." if listed is not None else f"{name} gives no list; its portal shows one."
    return {"deployments": merge_deployments([*(listed or ()), *known]), "words": words}


def known_deployments(connection: Connection) -> list[KnownDeployment]:
    """Those that a test or a run has called; costs no request."""
    tested = [connection.default_model] if connection.default_model else []
    series = UsageSeries.objects.filter(connection=connection.name, error="").exclude(deployment="")
    series = series.exclude(deployment__startswith=AGENT_LABEL)
    used = series.order_by("deployment").values_list("deployment", flat=True).distinct()[:MOST]
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint).exclude(model="")
    lessons = lessons.exclude(model__startswith=AGENT_LABEL)
    called = lessons.order_by("model").values_list("model", flat=True).distinct()[:MOST]
    by_note = [("used by its test", tested), ("used in runs", used), ("called before", called)]
    return merge_deployments(KnownDeployment(name, note) for note, names in by_note for name in names)


async def listed_deployments(connection: Connection) -> list[KnownDeployment] | None:
    """Those that the service lists; None where it gives no list in time."""
    try:
        async with asyncio.timeout(LISTING):
            listed = await foundry_client().deployments(connection.target())
    except (KeyUnreadable, EndpointError, TimeoutError):
        return None
    if listed is None:
        return None
    await in_thread(connection.record_list)(listed)
    return [KnownDeployment(each.name, note_of(each)) for each in listed]


def note_of(listed: ListedDeployment) -> str:
    return listed.model if listed.model and listed.model != listed.name else ""


def merge_deployments(deployments: Iterable[KnownDeployment]) -> list[KnownDeployment]:
    """Each name once, with all that is said of it."""
    notes: dict[str, list[str]] = {}
    for deployment in deployments:
        notes.setdefault(deployment.name, []).append(deployment.note)
    found = [KnownDeployment(name, " · ".join(filter(None, said[:2]))) for name, said in notes.items()]
    return found[:MOST]
