"""Queries databases: checks where they are, signs in, and keeps to the limits of a query."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from connections.databases.places import FileRules, resolve
from connections.databases.postgresql import open_postgresql
from connections.databases.query import DatabaseQuery, QueryResult, timed_out
from connections.databases.sessions import DatabaseSession, SessionPools
from connections.databases.sql_server import open_sql_server
from connections.databases.sqlite import SqliteSession
from connections.databases.threads import DriverThreads
from connections.foundry.auth import EntraTokens, TokenSource
from connections.foundry.destinations import Destinations
from connections.kinds.base import DataSourceError, DataTarget, NoteAnswer, SignInCheck, ignore_answer
from connections.kinds.identity import token_for
from connections.kinds.postgresql import POSTGRESQL
from connections.kinds.registry import KINDS
from connections.kinds.sqlite import SQLITE

TEST = DatabaseQuery("SELECT 1 AS answer", timeout=15.0)


@dataclass
class DatabaseClient:
    """One of an event loop, which keeps what it has opened for the next query."""

    destinations: Destinations
    files: FileRules = field(default_factory=FileRules)
    tokens: TokenSource = field(default_factory=EntraTokens)
    note_answer: NoteAnswer = ignore_answer

    def __post_init__(self) -> None:
        self._threads = DriverThreads()
        self._pools = SessionPools(self._open)

    async def query(self, target: DataTarget, query: DatabaseQuery) -> QueryResult:
        """Raises DataSourceError."""
        try:
            async with asyncio.timeout(query.timeout), self._pools.lease(target) as session:
                found = await session.run(query)
        except TimeoutError:
            raise timed_out(query) from None
        self.note_answer(target)
        return found

    async def sign_in(self, target: DataTarget) -> SignInCheck:
        """Signs in anew and asks for nothing but an answer."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(TEST.timeout):
                session = await self._open(target)
                try:
                    await session.run(TEST)
                finally:
                    await session.aclose()
        except TimeoutError:
            sentence = (
                f"{target.address.place} did not answer in time. Check server, port and the firewalls on the way."
            )
            return SignInCheck(False, sentence, "timeout", milliseconds_since(started))
        except DataSourceError as error:
            return SignInCheck(False, f"{error.message} {error.hint}".strip(), error.kind, milliseconds_since(started))
        sentence = f"{target.address.place} answered as {KINDS[target.kind].label}."
        return SignInCheck(True, sentence, latency_ms=milliseconds_since(started))

    async def _open(self, target: DataTarget) -> DatabaseSession:
        if target.kind == SQLITE.name:
            return SqliteSession(target, self.files, self._threads)
        addresses = await resolve(self.destinations, target.address)
        token = await token_for(target, self.tokens, self.destinations)
        if target.kind == POSTGRESQL.name:
            return await open_postgresql(target, addresses, token or target.password)
        return await open_sql_server(target, self.destinations, token, self._threads)

    async def aclose(self) -> None:
        await self._pools.aclose()
        await self.tokens.aclose()
        self._threads.close()


def milliseconds_since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)
