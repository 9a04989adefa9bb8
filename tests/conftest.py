"""The cast and the stage: alice owns the installation, bob reads; the simulator answers on loopback."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import uvicorn
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.management import create_contenttypes
from django.db.models.signals import post_migrate
from django.test import Client

from connections.simulator.app import Simulator
from foundryflow.accounts import give_role
from foundryflow.roles import Role
from tests.postgres import PostgresServer
from tests.processes import exclusive, installed_on, ran

# How long an example takes is no behaviour: the machine may be busy.
hypothesis.settings.register_profile("suite", deadline=None)
hypothesis.settings.load_profile("suite")

LOOPBACK = ("127.0.0.1", "::1", "localhost")
LONGEST = ("test_on_postgres", "ten_thousand", "tests/chaos")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What asks nothing of the database is not run a second time on PostgreSQL."""
    if settings.POSTGRESQL:
        without = [item for item in items if not asks_the_database(item)]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]
    items[:] = dealt_out(items, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1)))


def pytest_sessionfinish() -> None:
    """What the loops of tests have left open is told to a log that is closed by then: that says nothing of a test."""
    logging.raiseExceptions = False


def dealt_out(items: list[pytest.Item], workers: int) -> list[pytest.Item]:
    """What takes longest comes first, so that nobody waits for it at the end: to each worker some of it, at the
    beginning of the part that pytest-xdist gives it."""
    longest = [item for item in items if any(name in item.nodeid for name in LONGEST)]
    rest = [item for item in items if item not in longest]
    dealt: list[pytest.Item] = []
    for worker in range(workers):
        first, size = longest[worker::workers], (len(items) - len(dealt)) // (workers - worker)
        dealt += first + rest[: size - len(first)]
        rest = rest[size - len(first) :]
    return dealt


def asks_the_database(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    return bool(item.get_closest_marker("django_db") or {"db", "transactional_db"} & {*fixtures})


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
def shared_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The same one in all workers of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


@pytest.fixture(scope="session")
def migrated(shared_folder: Path) -> Path:
    """A SQLite file that `migrate` has made from nothing, for all workers: migrating takes longer than most tests."""
    file = shared_folder / "migrated.sqlite3"
    with exclusive(shared_folder / "migrated.lock"):
        if not file.exists():
            made = shared_folder / "made.sqlite3"
            code, said = ran(["manage.py", "migrate"], 120, installed_on(f"sqlite:///{made}"))
            assert code == 0, said
            made.rename(file)
    return file


@pytest.fixture(scope="session")
def postgres(shared_folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL for all workers."""
    with PostgresServer(shared_folder) as server:
        yield server


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, request: pytest.FixtureRequest
) -> None:
    if not settings.POSTGRESQL:
        shutil.copy(request.getfixturevalue("migrated"), settings.DATABASES["default"]["TEST"]["NAME"])


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> None:
    """Emptying the tables after a test makes no permissions and content types, which nothing here asks for: that would
    take twenty times as long as the rest."""
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)


@pytest.fixture
def alice(db: None) -> User:
    """Owns the installation: may do everything."""
    return User.objects.create_superuser("alice", "alice@example.com", "a long enough password", first_name="Alice")


@pytest.fixture
def bob(db: None) -> User:
    """Reads."""
    return User.objects.create_user("bob", "bob@example.com", "another long password", first_name="Bob")


@pytest.fixture
def person(db: None) -> Callable[[Role], User]:
    """Somebody with this role, the same one each time."""

    def person_of(role: Role) -> User:
        user, is_new = User.objects.get_or_create(username=f"{role}@contoso.example", email=f"{role}@contoso.example")
        if is_new:
            give_role(user, role, by=None)
        return user

    return person_of


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
