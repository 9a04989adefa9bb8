"""Keeps the rate limits that services told last, for each deployment; an answer costs no statement."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from connections.foundry.told_limits import ToldLimits
from connections.models import SeenLimits
from connections.throttled_writer import ThrottledWriter
from foundryflow.database.jobs import execute

log = logging.getLogger(__name__)

STORED_EVERY = 15.0  # seconds, for each deployment and process
MOST_KEPT = 5_000  # deployments; beyond, the oldest go

Deployment = tuple[str, str]  # canonical address, name


class LimitWatch:
    """Those of one event loop. The first of a quiet deployment is stored at once, then the newest of each while."""

    def __init__(self) -> None:
        self._limits = ThrottledWriter(STORED_EVERY, store)

    def note_limits(self, endpoint: str, model: str, told: ToldLimits) -> None:
        self._limits.put((endpoint, model[:200]), (told, timezone.now()))

    async def aclose(self) -> None:
        await self._limits.aclose()


async def store(place: Deployment, seen: tuple[ToldLimits, datetime]) -> None:
    try:
        await execute(lambda: store_limits(place, *seen))
    except (DatabaseError, InterfaceError):
        # It is not worth a call; the next answer tells it again.
        log.warning("action=limits_not_stored model=%s", place[1])


def store_limits(place: Deployment, told: ToldLimits, at: datetime) -> None:
    endpoint, model = place
    SeenLimits.objects.update_or_create(endpoint=endpoint, model=model, defaults={"told": told, "seen_at": at})
    oldest = SeenLimits.objects.order_by("-seen_at", "-pk").values_list("pk", flat=True)[MOST_KEPT:]
    if found := list(oldest[:100]):
        SeenLimits.objects.filter(pk__in=found).delete()
