"""The cast and the stage: alice owns the installation, bob reads; the simulator answers on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from connections.simulator.app import Simulator

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that nobody waits for it at the end."""
    items.sort(key=lambda item: not any(name in item.nodeid for name in ("test_on_postgres", "ten_thousand", "chaos")))


@pytest.fixture(autouse=True, scope="session")
def only_loopback_is_open() -> Iterator[None]:
    """A test that reaches out of this machine fails."""
    real = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"A test wanted to connect to {address[0]}.")
        real(self, address)  # type: ignore[arg-type]

    socket.socket.connect = guarded  # type: ignore[method-assign]
    yield
    socket.socket.connect = real  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """PostgreSQL drops no database that somebody is connected to; threads of ended event loops may be."""
    yield
    if settings.POSTGRESQL:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        with django_db_blocker.unblock(), connection.cursor() as cursor:
            cursor.execute(f"{others} AND pid <> pg_backend_pid()")


@pytest.fixture
def alice(db: None) -> User:
    """Owns the installation: may do everything."""
    return User.objects.create_superuser("alice", "alice@example.com", "a long enough password", first_name="Alice")


@pytest.fixture
def bob(db: None) -> User:
    """Reads."""
    return User.objects.create_user("bob", "bob@example.com", "another long password", first_name="Bob")


@pytest.fixture
def client_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


@pytest.fixture
def client_bob(bob: User) -> Client:
    client = Client()
    client.force_login(bob)
    return client


class Server:
    """uvicorn in a thread, on a free loopback port."""

    def __init__(self, app: object, lifespan: str = "off", certificate: Path | None = None) -> None:
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,  # type: ignore[arg-type]
                log_level="warning",
                lifespan=lifespan,  # type: ignore[arg-type]
                timeout_graceful_shutdown=2,
                ssl_certfile=certificate,
            )
        )
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # else Nagle's algorithm
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.01)
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._socket.close()


@pytest.fixture(scope="session")
def simulator_server() -> Iterator[str]:
    with Server(Simulator(delay=0)) as server:
        yield server.url


@pytest.fixture
def simulator(simulator_server: str, settings: object) -> str:
    """Its base address, allowed as a destination."""
    settings.ALLOWED_DESTINATIONS = [simulator_server.removeprefix("http://")]  # type: ignore[attr-defined]
    return simulator_server
