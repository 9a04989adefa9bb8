"""Keeps the rate limits that services told last, for each deployment; an answer costs no statement."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from connections.foundry.told_limits import ToldLimits
from connections.models import SeenLimits
from foundryflow.database.jobs import execute

log = logging.getLogger(__name__)

STORED_EVERY = 15.0  # seconds, for each deployment and process
MOST_KEPT = 5_000  # deployments; beyond, the oldest go

Deployment = tuple[str, str]  # canonical address, name


class LimitWatch:
    """Those of one event loop. The first of a quiet deployment is stored at once, then the newest of each while."""

    def __init__(self) -> None:
        self._pending: dict[Deployment, tuple[ToldLimits, datetime]] = {}
        self._storing: dict[Deployment, asyncio.Task[None]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def note_limits(self, endpoint: str, model: str, told: ToldLimits) -> None:
        place = endpoint, model[:200]
        self._pending[place] = told, timezone.now()
        if place not in self._storing:
            self._storing[place] = asyncio.get_running_loop().create_task(self._store_while_told(place))

    async def aclose(self) -> None:
        for task in self._storing.values():
            task.cancel()
        self._storing.clear()
        for place in list(self._pending):
            await self._store(place)
        await asyncio.gather(*self._writing)

    async def _store_while_told(self, place: Deployment) -> None:
        while place in self._pending:
            await self._store(place)
            await asyncio.sleep(STORED_EVERY)
        del self._storing[place]

    async def _store(self, place: Deployment) -> None:
        """In a task of its own, which the end of this one does not stop."""
        writing = asyncio.get_running_loop().create_task(self._write(place, *self._pending.pop(place)))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.shield(writing)

    async def _write(self, place: Deployment, told: ToldLimits, at: datetime) -> None:
        try:
            await execute(lambda: store_limits(place, told, at))
        except (DatabaseError, InterfaceError):
            # It is not worth a call; the next answer tells it again.
            log.warning("action=limits_not_stored model=%s", place[1])


def store_limits(place: Deployment, told: ToldLimits, at: datetime) -> None:
    endpoint, model = place
    SeenLimits.objects.update_or_create(endpoint=endpoint, model=model, defaults={"told": told, "seen_at": at})
    oldest = SeenLimits.objects.order_by("-seen_at", "-pk").values_list("pk", flat=True)[MOST_KEPT:]
    if found := list(oldest[:100]):
        SeenLimits.objects.filter(pk__in=found).delete()
