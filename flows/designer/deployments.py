"""The deployments that a connection is known to have: those its service lists, and those that were called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from connections.clients import foundry_client
from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.values import ListedDeployment
from connections.models import Connection, LearntLesson
from flows.models import UsageSeries

LISTING = 5.0  # seconds that a service may take to list them
MOST = 200


@dataclass(frozen=True)
class KnownDeployment:
    name: str
    note: str  # how it is known, in a few words


def known_deployments(connection: Connection) -> list[KnownDeployment]:
    """Those that a test or a run has called; costs no request."""
    tested = [connection.default_model] if connection.default_model else []
    series = UsageSeries.objects.filter(connection=connection.name, error="").exclude(deployment="")
    used = series.order_by("deployment").values_list("deployment", flat=True).distinct()[:MOST]
    lessons = LearntLesson.objects.filter(endpoint=connection.endpoint).exclude(model="")
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
    return None if listed is None else [KnownDeployment(each.name, note_of(each)) for each in listed]


def note_of(listed: ListedDeployment) -> str:
    return listed.model if listed.model and listed.model != listed.name else ""


def merge_deployments(deployments: Iterable[KnownDeployment]) -> list[KnownDeployment]:
    """Each name once, with all that is said of it."""
    notes: dict[str, list[str]] = {}
    for deployment in deployments:
        notes.setdefault(deployment.name, []).append(deployment.note)
    found = [KnownDeployment(name, " · ".join(filter(None, said[:2]))) for name, said in notes.items()]
    return found[:MOST]
