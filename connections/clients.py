"""The clients of this process: of each one for each event loop, so that what is open is kept and shared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, TypeVar, cast
from weakref import WeakKeyDictionary

from django.conf import settings

from connections.answer_watch import AnswerWatch
from connections.databases.client import DatabaseClient
from connections.databases.places import FileRules
from connections.endpoint.endpoint import Endpoint
from connections.foundry.auth import identity_refusal
from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.http.client import HttpClient
from connections.key_vault.client import KeyVaultClient
from connections.key_watch import DatabaseKeyWatch
from connections.kinds.base import DataTarget, SignInCheck
from connections.kinds.identity import identity_refusal as data_identity_refusal
from connections.kinds.registry import DATABASES
from connections.lesson_memory import memory
from foundryflow.database.sqlite_file import BESIDE


class Closable(Protocol):
    async def aclose(self) -> None: ...


Client = TypeVar("Client", bound=Closable)
_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[type[Closable], Closable]] = WeakKeyDictionary()


def client_of_loop(kind: type[Client], make: Callable[[], Client]) -> Client:
    """That of the loop that is running, made when it is first asked for."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if kind not in clients:
        clients[kind] = make()
    return cast(Client, clients[kind])


def configured_destinations() -> Destinations:
    """What the settings allow and trust."""
    return Destinations.parse(",".join(settings.ALLOWED_DESTINATIONS))


def identity_problem(endpoint: Endpoint) -> str:
    """Why an endpoint gets no token of this server, as a sentence; empty when it gets one."""
    return "" if configured_destinations().trusts(endpoint) else " ".join(identity_refusal(endpoint))


def data_identity_problem(target: DataTarget) -> str:
    """The same of a database or a vault."""
    return data_identity_refusal(target, configured_destinations())


def answer_watch() -> AnswerWatch:
    return client_of_loop(AnswerWatch, AnswerWatch)


def foundry_client() -> FoundryClient:
    return client_of_loop(
        FoundryClient,
        lambda: FoundryClient(
            destinations=configured_destinations(),
            memory=memory,
            keys=DatabaseKeyWatch(answer_watch()),
            store_responses=False,  # what customers ask is kept by nobody but this installation
        ),
    )


def database_client() -> DatabaseClient:
    return client_of_loop(
        DatabaseClient,
        lambda: DatabaseClient(configured_destinations(), configured_files(), note_answer=answer_watch().note_answer),
    )


def vault_client() -> KeyVaultClient:
    return client_of_loop(
        KeyVaultClient, lambda: KeyVaultClient(configured_destinations(), note_answer=answer_watch().note_answer)
    )


def http_client() -> HttpClient:
    return client_of_loop(HttpClient, lambda: HttpClient(configured_destinations()))


def configured_files() -> FileRules:
    """Which files of SQLite may be opened: never the database that all of this is in."""
    own = settings.DATABASES["default"]
    files = [] if settings.POSTGRESQL else [str(own["NAME"]), str(own.get("TEST", {}).get("NAME") or "")]
    return FileRules(
        settings.SQLITE_DIRECTORIES,
        [f"{file}{end}" for file in files if file for end in BESIDE],
    )


async def check_sign_in(target: DataTarget) -> SignInCheck:
    """Signs in to a database or a vault. Never raises."""
    return await (database_client() if target.kind in DATABASES else vault_client()).sign_in(target)


async def close_client() -> None:
    """Closes what this loop has kept open."""
    clients = _clients.pop(asyncio.get_running_loop(), {})
    for kind in sorted(clients, key=lambda kind: kind is AnswerWatch):  # the others may still tell it of answers
        await clients[kind].aclose()
