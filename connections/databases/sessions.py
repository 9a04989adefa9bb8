"""Open connections to databases: some for each target, kept while they are used, never shared with another target."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from connections.databases.query import DatabaseQuery, QueryResult
from connections.kinds.base import DataTarget

MOST_OF_ONE = 5  # connections to a target at the same time; more queries wait
MOST_IDLE = 50  # connections that nobody uses, of all targets
IDLE = 60.0  # seconds after which one is closed


class Session(Protocol):
    """One connection to a database."""

    is_usable: bool  # False once nobody can say what state it is in

    async def run(self, query: DatabaseQuery) -> QueryResult:
        """Raises DataSourceError. A cancellation cancels the statement where it runs."""

    async def aclose(self) -> None: ...


OpenSession = Callable[[DataTarget], Awaitable[Session]]


class TargetSessions:
    """Of one target, and so of one version of one connection: its address and its secrets are part of it."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(MOST_OF_ONE)
        self.idle: list[tuple[float, Session]] = []  # with when it was used last, the latest at the end
        self.users = 0


class SessionPools:
    def __init__(self, open: OpenSession) -> None:
        self._open = open
        self._targets: dict[DataTarget, TargetSessions] = {}
        self._sweeper: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lease(self, target: DataTarget) -> AsyncIterator[Session]:
        """A session for one query; waits while too many are in use. Raises DataSourceError."""
        sessions = self._targets.setdefault(target, TargetSessions())
        sessions.users += 1
        try:
            async with sessions.places:
                session = sessions.idle.pop()[1] if sessions.idle else await self._open(target)
                try:
                    yield session
                finally:
                    await self._give_back(sessions, session)
        finally:
            sessions.users -= 1
            self._forget_unused()

    async def _give_back(self, sessions: TargetSessions, session: Session) -> None:
        if session.is_usable and self.idle_count < MOST_IDLE:
            sessions.idle.append((time.monotonic(), session))
            if self._sweeper is None or self._sweeper.done():
                self._sweeper = asyncio.create_task(self._close_idle())
        else:
            await session.aclose()

    @property
    def idle_count(self) -> int:
        return sum(len(sessions.idle) for sessions in self._targets.values())

    async def _close_idle(self) -> None:
        while self.idle_count:
            await asyncio.sleep(IDLE / 4)
            for sessions in list(self._targets.values()):
                old = [session for used, session in sessions.idle if time.monotonic() - used > IDLE]
                sessions.idle = [entry for entry in sessions.idle if entry[1] not in old]
                for session in old:
                    await session.aclose()
            self._forget_unused()

    def _forget_unused(self) -> None:
        for target, sessions in list(self._targets.items()):
            if not sessions.users and not sessions.idle:
                del self._targets[target]

    async def aclose(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for sessions in self._targets.values():
            idle, sessions.idle = sessions.idle, []
            for _, session in idle:
                await session.aclose()
        self._forget_unused()
