"""The clients of this process: of each one for each event loop, so that what is open is kept and shared."""

from __future__ import annotations

import asyncio
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

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, FoundryClient] = WeakKeyDictionary()
_databases: WeakKeyDictionary[asyncio.AbstractEventLoop, DatabaseClient] = WeakKeyDictionary()
_vaults: WeakKeyDictionary[asyncio.AbstractEventLoop, KeyVaultClient] = WeakKeyDictionary()
_answers: WeakKeyDictionary[asyncio.AbstractEventLoop, AnswerWatch] = WeakKeyDictionary()
_http: WeakKeyDictionary[asyncio.AbstractEventLoop, HttpClient] = WeakKeyDictionary()


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
    loop = asyncio.get_running_loop()
    if loop not in _answers:
        _answers[loop] = AnswerWatch()
    return _answers[loop]


def foundry_client() -> FoundryClient:
    loop = asyncio.get_running_loop()
    if loop not in _clients:
        _clients[loop] = FoundryClient(
            destinations=configured_destinations(),
            memory=memory,
            keys=DatabaseKeyWatch(answer_watch()),
            store_responses=False,  # what customers ask is kept by nobody but this installation
        )
    return _clients[loop]


def database_client() -> DatabaseClient:
    loop = asyncio.get_running_loop()
    if loop not in _databases:
        _databases[loop] = DatabaseClient(
            configured_destinations(), configured_files(), note_answer=answer_watch().note_answer
        )
    return _databases[loop]


def vault_client() -> KeyVaultClient:
    loop = asyncio.get_running_loop()
    if loop not in _vaults:
        _vaults[loop] = KeyVaultClient(configured_destinations(), note_answer=answer_watch().note_answer)
    return _vaults[loop]


def http_client() -> HttpClient:
    loop = asyncio.get_running_loop()
    if loop not in _http:
        _http[loop] = HttpClient(configured_destinations())
    return _http[loop]


def configured_files() -> FileRules:
    """Which files of SQLite may be opened: never the database that all of this is in."""
    own = settings.DATABASES["default"]
    files = [] if settings.POSTGRESQL else [str(own["NAME"]), str(own.get("TEST", {}).get("NAME") or "")]
    return FileRules(
        settings.SQLITE_DIRECTORIES,
        [f"{file}{end}" for file in files if file for end in ("", "-wal", "-shm", "-journal")],
    )


async def check_sign_in(target: DataTarget) -> SignInCheck:
    """Signs in to a database or a vault. Never raises."""
    return await (database_client() if target.kind in DATABASES else vault_client()).sign_in(target)


async def close_client() -> None:
    """Closes what this loop has kept open."""
    loop = asyncio.get_running_loop()
    for clients in (_clients, _databases, _vaults, _http, _answers):
        client = clients.pop(loop, None)
        if client is not None:
            await client.aclose()
