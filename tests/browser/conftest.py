"""The real server with its simulator in a process of its own, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page, sync_playwright

from tests.processes import ROOT, free_port, listening

CONNECTIONS = """
from connections.models import Connection
from connections.secret import Secret
for name in ("contoso", "contoso-west"):
    Connection.objects.create(name=name, endpoint="{simulator}/openai/v1", key=Secret("simulator"))
"""


@dataclass(frozen=True)
class Installation:
    """Its address, its simulator, and how to run its commands."""

    url: str
    simulator: str
    environment: dict[str, str]

    def manage(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, input=given, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """A database to begin with, and the cookies of whoever is signed in."""

    database: Path
    environment: dict[str, str]
    cookies: dict[str, str]

    @contextmanager
    def served(self, folder: Path) -> Iterator[Installation]:
        """From a copy in the folder."""
        database, port = folder / "test.sqlite3", free_port()
        copy(self.database, database)
        with serving(environment_of(self.environment, database), port) as installation:
            yield installation


def copy(source: Path, target: Path) -> None:
    """With what the database has not yet moved from its journal into its file."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def own_environment() -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "foundryflow.settings",
        "FOUNDRYFLOW_ENV_FILE": os.devnull,
        "FOUNDRYFLOW_SECRET_KEY": "only-for-browser-tests",
        "FOUNDRYFLOW_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "SIMULATOR_PORT": str(free_port()),
        "PYTHONUNBUFFERED": "1",
    }


def environment_of(environment: dict[str, str], database: Path) -> dict[str, str]:
    return {**environment, "FOUNDRYFLOW_DATABASE_URL": f"sqlite:///{database}"}


@contextmanager
def serving(environment: dict[str, str], port: int) -> Iterator[Installation]:
    simulator = int(environment["SIMULATOR_PORT"])
    with listening(["manage.py", "serve", "--port", str(port)], environment, [port, simulator]):
        yield Installation(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator}", environment)


@pytest.fixture(scope="session")
def signed_up(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Ada has set the server up and is signed in. Prepared once: setting up takes its time."""
    database, environment = tmp_path_factory.mktemp("signed-up") / "prepared.sqlite3", own_environment()
    with serving(environment_of(environment, database), free_port()) as installation, httpx.Client() as visitor:
        form = visitor.get(installation.url, follow_redirects=True)
        data = {
            "csrfmiddlewaretoken": visitor.cookies["csrftoken"],
            "name": "Ada Nilsen", "email": "ada@contoso.example", "password": "correct horse staple",
        }  # fmt: skip
        assert visitor.post(form.url, data=data).status_code == 302
        cookies = dict(visitor.cookies)
    return Prepared(database, environment, cookies)


@pytest.fixture(scope="session")
def connected(signed_up: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """There are two connections to the simulator."""
    database = tmp_path_factory.mktemp("connected") / "prepared.sqlite3"
    copy(signed_up.database, database)
    simulator = f"http://127.0.0.1:{signed_up.environment['SIMULATOR_PORT']}"
    commands = Installation("", simulator, environment_of(signed_up.environment, database))
    made = commands.manage("shell", "-c", CONNECTIONS.format(simulator=simulator))
    assert made.returncode == 0, made.stderr
    return replace(signed_up, database=database)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Installation]:
    """Nobody has set it up."""
    with serving(environment_of(own_environment(), tmp_path / "fresh.sqlite3"), free_port()) as installation:
        yield installation


@pytest.fixture
def installation(signed_up: Prepared, tmp_path: Path) -> Iterator[Installation]:
    with signed_up.served(tmp_path) as installation:
        yield installation


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Not for the session: its event loop would stay open under the asynchronous tests of other modules.
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@dataclass
class Visitor:
    """A page, and everything that went wrong on it."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def axe(self) -> list[str]:
        found = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:160]}" for each in found for node in each["nodes"]]


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
