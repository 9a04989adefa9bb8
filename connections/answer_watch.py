"""Keeps that a stored connection answered while something ran: that verifies it as well as a test does."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import datetime

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from connections.endpoint.endpoint import EndpointError
from connections.fields import KeyUnreadable
from connections.foundry.values import Target
from connections.kinds.address import AddressError
from connections.kinds.base import DataTarget
from connections.models import Connection
from foundryflow.database.jobs import execute

log = logging.getLogger(__name__)

KEPT_EVERY = 60.0  # seconds, for each connection and process
MOST_KNOWN = 1_000


class AnswerWatch:
    """The answers of one event loop: the first of a minute is kept, the others cost a look into a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[Target | DataTarget, float] = {}
        self._storing: set[asyncio.Task[None]] = set()

    def note_answer(self, target: Target | DataTarget) -> None:
        now = time.monotonic()
        if now < self._kept.get(target, 0.0):
            return
        if len(self._kept) >= MOST_KNOWN:
            self._kept.clear()
        self._kept[target] = now + KEPT_EVERY
        task = asyncio.get_running_loop().create_task(self._store(target, timezone.now()))
        self._storing.add(task)
        task.add_done_callback(self._storing.discard)

    async def aclose(self) -> None:
        await asyncio.gather(*self._storing)

    async def _store(self, target: Target | DataTarget, at: datetime) -> None:
        try:
            await execute(lambda: store_answer(target, at))
        except (DatabaseError, InterfaceError):
            # It is not worth a call; the next minute says that it answers.
            log.warning("action=answer_not_stored connection=%s", target.name)


def store_answer(target: Target | DataTarget, at: datetime) -> None:
    """Unless the connection is another one by now, or was checked later."""
    connection = Connection.objects.select_related("spill_over_to").filter(name=target.name).first()
    if connection is None or stored_target(connection) != target:
        return
    answered = {"check_ok": True, "check_status": None, "check_kind": "", "check_ms": None, "checked_by_run": True}
    Connection.objects.filter(pk=connection.pk).exclude(checked_at__gt=at).update(checked_at=at, **answered)


def stored_target(connection: Connection) -> Target | DataTarget | None:
    """What clients get of it; None when that cannot be read."""
    try:
        return connection.target() if connection.is_foundry else connection.data_target()
    except (KeyUnreadable, AddressError, EndpointError):
        return None
