"""Whether people who listen to a stream still may. Their session was looked at once, when they came.

One look asks for everybody who listens in this process.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Iterable
from dataclasses import dataclass

from asgiref.sync import ThreadSensitiveContext
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from foundryflow.account.sessions import leads_in
from foundryflow.database.absence_log import note_away
from foundryflow.database.errors import MAY_BE_AWAY
from foundryflow.database.threads import read_patiently
from foundryflow.http import Request
from foundryflow.roles import Role, role_of

PAUSE = 2.0  # seconds between two looks


@dataclass(frozen=True)
class Listener:
    """As somebody was when they came."""

    session: str  # its key
    person: int | None  # its number
    role: Role | None


async def session_end(request: Request) -> None:
    """Returns once the session is over, or its person has another role: what they are sent goes by it."""
    user = await request.auser()
    await _watch.wait(Listener(request.session.session_key or "", user.pk, role_of(user)))


class SessionWatch:
    """Looks as long as somebody listens."""

    def __init__(self) -> None:
        self._ends: dict[Listener, tuple[asyncio.Event, int]] = {}  # and how many streams wait for it
        self._looking: asyncio.Task[None] | None = None

    async def wait(self, listener: Listener) -> None:
        end, count = self._ends.get(listener, (asyncio.Event(), 0))
        self._ends[listener] = end, count + 1
        if self._looking is None:
            # Not in the context of this request, which ends before the others.
            self._looking = asyncio.create_task(self._look(), context=contextvars.Context())
        try:
            await end.wait()
        finally:
            self._leave(listener)

    def _leave(self, listener: Listener) -> None:
        end, count = self._ends.pop(listener)
        if count > 1:
            self._ends[listener] = end, count - 1
        if not self._ends and self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        async with ThreadSensitiveContext():
            while True:
                await asyncio.sleep(PAUSE)
                try:
                    refused = await read_patiently(refused_listeners, list(self._ends))
                except MAY_BE_AWAY as error:
                    note_away(error)  # as long as it is away, nothing is sent either
                    continue
                for listener in refused:
                    if listener in self._ends:
                        self._ends[listener][0].set()


_watch = SessionWatch()


def refused_listeners(listeners: Iterable[Listener]) -> list[Listener]:
    found = list(listeners)
    keys, people = {each.session for each in found}, {each.person for each in found}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).in_bulk()
    users = User.objects.select_related("account").in_bulk(people)
    return [each for each in found if not may_listen(each, sessions.get(each.session), users.get(each.person))]


def may_listen(listener: Listener, session: Session | None, user: User | None) -> bool:
    if session is None or user is None or not user.is_active or role_of(user) != listener.role:
        return False
    return leads_in(session, user)
