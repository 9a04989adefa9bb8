"""Suggests the agents of a connection: those that runs have asked, and those that its project lists."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpResponse
from django.views.decorators.http import require_GET

from connections.audited import record_listing
from connections.clients import foundry_client
from connections.endpoint.agent_place import AgentPlace, agent_place
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.agents import LABEL
from connections.models import Connection
from flows.access import find_flow
from flows.designer.deployments import LISTING, MOST, KnownDeployment, merge_deployments
from flows.models import UsageSeries
from foundryflow.access import editor
from foundryflow.database.threads import in_thread
from foundryflow.http import Request
from foundryflow.regions import page

PLACE_WORDS = {
    AgentPlace.NONE: "{} has no agents: it is no connection to a Foundry project.",
    AgentPlace.AGENT: "{} is the endpoint of one agent: leave this empty.",
}


@editor
@require_GET
async def suggest(request: Request, slug: str) -> HttpResponse:
    """Agents to suggest for a connection: at once those that are known, then, with `ask`, what its project lists."""
    await in_thread(find_flow)(request, slug)
    name = request.GET.get("connection", "").strip()
    found = Connection.objects.foundry().select_related("spill_over_to").filter(name=name)
    context = await agents_context(request, name, await in_thread(found.first)())
    return await sync_to_async(page)(request, "designer/_deployments.html", {"label": "Agents", **context})


async def agents_context(request: Request, name: str, connection: Connection | None) -> dict[str, Any]:
    if connection is None:
        words = f"There is no connection {name} to ask." if name else "Choose a connection: its agents are listed here."
        return {"deployments": [], "words": words}
    place = agent_place(connection.endpoint)
    if place in PLACE_WORDS:
        return {"deployments": [], "words": PLACE_WORDS[place].format(name)}
    known = await in_thread(asked_agents)(connection)
    if "ask" not in request.GET:
        url = f"{request.path}?{urlencode({'connection': name, 'ask': 1})}"
        return {"deployments": known, "words": f"Asking {name} for its agents…", "url": url}
    await in_thread(record_listing)(request, connection, "agents")
    listed = await listed_agents(connection)
    words = f"{len(listed)} listed by {name}." if listed is not None else f"{name} gives no list; type the name."
    return {"deployments": merge_deployments([*(listed or ()), *known]), "words": words}


def asked_agents(connection: Connection) -> list[KnownDeployment]:
    """Those that runs have asked; costs no request."""
    series = UsageSeries.objects.filter(connection=connection.name, error="", deployment__startswith=LABEL)
    labels = series.order_by("deployment").values_list("deployment", flat=True).distinct()[:MOST]
    return [KnownDeployment(label.removeprefix(LABEL), "asked in runs") for label in labels]


async def listed_agents(connection: Connection) -> list[KnownDeployment] | None:
    """Those that the project lists; None where it gives no list in time."""
    try:
        async with asyncio.timeout(LISTING):
            listed = await foundry_client().agents(connection.target())
    except (KeyUnreadable, EndpointError, TimeoutError):
        return None
    return None if listed is None else [KnownDeployment(each.name, str(each)) for each in listed]
