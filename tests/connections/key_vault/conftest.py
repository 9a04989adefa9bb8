"""A vault on loopback, over TLS, and a client that believes its certificate."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from azure.keyvault.secrets._shared import http_challenge_cache

from connections.foundry.destinations import Destinations
from connections.foundry.values import Identity
from connections.key_vault.client import KeyVaultClient
from connections.kinds.base import DataTarget
from connections.kinds.key_vault import parse_key_vault
from connections.secret import Secret
from tests.conftest import Server
from tests.connections.key_vault.vault_stand_in import TOKEN, StandIn, certificate

CLIENT_SECRET = "planted-client-secret-77ab"


@dataclass
class StandInTokens:
    """Where tokens come from instead of Microsoft Entra ID."""

    asked: list[tuple[str, bool]] = field(default_factory=list)

    async def token(self, identity: Identity, scope: str, *, fresh: bool = False) -> Secret:
        self.asked.append((scope, fresh))
        return Secret(f"{TOKEN}-fresh" if fresh else TOKEN)

    async def aclose(self) -> None:
        pass


@pytest.fixture(scope="session")
def vault_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("vault"))


@pytest.fixture(scope="session")
def vault_server(vault_certificate: Path) -> Iterator[tuple[StandIn, int]]:
    vault = StandIn()
    with Server(vault, certificate=vault_certificate) as server:
        yield vault, server.port


@pytest.fixture
def vault(vault_server: tuple[StandIn, int]) -> StandIn:
    stand_in = vault_server[0]
    stand_in.__init__()  # type: ignore[misc]
    http_challenge_cache.clear()
    return stand_in


@pytest.fixture
def port(vault_server: tuple[StandIn, int]) -> int:
    return vault_server[1]


@pytest.fixture
def tokens() -> StandInTokens:
    return StandInTokens()


@pytest.fixture
def target(port: int) -> DataTarget:
    identity = Identity("client_secret", "tenant", "client", Secret(CLIENT_SECRET))
    return DataTarget("vault", "key_vault", parse_key_vault(f"https://localhost:{port}").address, identity=identity)


@pytest_asyncio.fixture
async def client(port: int, tokens: Any, vault_certificate: Path) -> AsyncIterator[KeyVaultClient]:
    made = KeyVaultClient(
        Destinations.parse(f"localhost:{port}"),
        tokens,
        backoff=0,
        tls=ssl.create_default_context(cafile=vault_certificate),
    )
    yield made
    await made.aclose()
