"""The real server with its simulator in a process of its own, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.fernet import Fernet
from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import chromium_served
from tests.processes import LoadedCommands, free_port, listening, loaded_commands, said

PREPARE = """
import sqlite3
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from connections.models import Connection
from connections.secret import Secret

ada = User.objects.create_superuser(
    "ada@contoso.example", "ada@contoso.example", "correct horse staple", first_name="Ada Nilsen"
)
visitor = Client()
visitor.force_login(ada)
connection.connection.backup(sqlite3.connect("{signed_up}"))
for name in ("contoso", "contoso-west"):
    Connection.objects.create(name=name, endpoint="{simulator}/openai/v1", key=Secret("simulator"))
print(visitor.cookies["sessionid"].value)
"""


@dataclass(frozen=True)
class Installation:
    """Its address, its simulator, and how to run its commands."""

    url: str
    simulator: str
    commands: LoadedCommands

    def manage(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
            process = self.commands.start(["manage.py", *arguments], (output, errors), given)
            return subprocess.CompletedProcess(arguments, process.wait(60), said(output), said(errors))


@dataclass(frozen=True)
class Prepared:
    """A database to begin with, and the cookies of whoever is signed in."""

    database: Path
    environment: dict[str, str]
    cookies: dict[str, str]
    commands: LoadedCommands  # on the copy that is served

    @contextmanager
    def served(self) -> Iterator[Installation]:
        """From a copy, which lies where the last one lay."""
        copied = copy_of(self.database)
        for file in copied.parent.glob(f"{copied.name}*"):
            file.unlink()
        copy(self.database, copied)
        with serving(self.environment, self.commands, free_port()) as installation:
            yield installation


def copy_of(database: Path) -> Path:
    return database.parent / "served" / database.name


def copy(source: Path, target: Path) -> None:
    """With what the database has not yet moved from its journal into its file."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def own_environment() -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "foundryflow.settings",
        "FOUNDRYFLOW_ENV_FILE": os.devnull,
        "FOUNDRYFLOW_SECRET_KEY": settings.SECRET_KEY,  # so that the set-up code is known
        "FOUNDRYFLOW_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "SIMULATOR_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }


def environment_of(environment: dict[str, str], database: Path) -> dict[str, str]:
    return {**environment, "FOUNDRYFLOW_DATABASE_URL": f"sqlite:///{database}"}


def simulator_of(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['SIMULATOR_PORT']}"


@contextmanager
def serving(environment: dict[str, str], commands: LoadedCommands, port: int) -> Iterator[Installation]:
    arguments = ["manage.py", "serve", "--port", str(port)]
    with listening(arguments, commands, [port, int(environment["SIMULATOR_PORT"])]):
        prefix = environment.get("FOUNDRYFLOW_PREFIX", "")
        yield Installation(f"http://127.0.0.1:{port}{prefix}", simulator_of(environment), commands)


@contextmanager
def installed(environment: dict[str, str], database: Path) -> Iterator[Installation]:
    """Serves this database."""
    environment = environment_of(environment, database)
    with loaded_commands(environment) as commands, serving(environment, commands, free_port()) as installation:
        yield installation


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[tuple[Prepared, Prepared]]:
    """Ada is signed in; in the second installation there are two connections to the simulator."""
    folder, environment = tmp_path_factory.mktemp("prepared"), own_environment()
    signed_up, connected = folder / "signed-up.sqlite3", folder / "connected.sqlite3"
    copy_of(folder / "any").parent.mkdir()
    shutil.copy(migrated, connected)
    with loaded_commands(environment_of(environment, connected)) as commands:
        preparing = Installation("", simulator_of(environment), commands)
        script = PREPARE.format(signed_up=signed_up, simulator=preparing.simulator)
        made = preparing.manage("shell", "-v0", "-c", script)
    assert made.returncode == 0, made.stderr
    cookies = {"sessionid": made.stdout.strip()}
    with ExitStack() as stack:
        yield tuple(  # type: ignore[misc]
            Prepared(
                database,
                environment,
                cookies,
                stack.enter_context(loaded_commands(environment_of(environment, copy_of(database)))),
            )
            for database in (signed_up, connected)
        )


@pytest.fixture(scope="session")
def signed_up(prepared: tuple[Prepared, Prepared]) -> Prepared:
    return prepared[0]


@pytest.fixture(scope="session")
def connected(prepared: tuple[Prepared, Prepared]) -> Prepared:
    return prepared[1]


@pytest.fixture
def fresh(tmp_path: Path, migrated: Path) -> Iterator[Installation]:
    """Nobody has set it up, and it is reached below a path."""
    shutil.copy(migrated, tmp_path / "fresh.sqlite3")
    environment = {**own_environment(), "FOUNDRYFLOW_PREFIX": "/below/foundryflow"}
    with installed(environment, tmp_path / "fresh.sqlite3") as installation:
        yield installation


@pytest.fixture
def installation(signed_up: Prepared) -> Iterator[Installation]:
    with signed_up.served() as installation:
        yield installation


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chromium_served(tmp_path_factory.mktemp("chromium")) as address:
        yield address


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    # Connected for a module: the event loop of Playwright would stay open under the asynchronous tests of others.
    with sync_playwright() as playwright:
        yield playwright.chromium.connect(chromium)


@dataclass
class Visitor:
    """A page, and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def axe(self, *rules: str) -> list[str]:
        """What violates these rules, or any."""
        options = {"resultTypes": ["violations"], **({"runOnly": rules} if rules else {})}
        found = Axe().run(self.page, options=options).response["violations"]
        return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]

    def axe_in_both_themes(self) -> list[str]:
        """The dark one has other colours, and nothing else."""
        self.page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        dark = self.axe("color-contrast")
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        return [*self.axe(), *dark]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce", bypass_csp=False)
    page = context.new_page()
    made = Visitor(page)
    page.on("console", lambda message: made.complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.set_default_timeout(10_000)
    yield made
    context.close()


@pytest.fixture
def ada(installation: Installation, signed_up: Prepared, visitor: Visitor) -> Visitor:
    """Is signed in."""
    cookies = [{"name": name, "value": value, "url": installation.url} for name, value in signed_up.cookies.items()]
    visitor.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    visitor.page.goto(installation.url)
    visitor.page.get_by_role("heading", name="Three steps to a first answer").wait_for()
    return visitor
