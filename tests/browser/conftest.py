"""The real server with its simulator in a process of its own, and a real Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from cryptography.fernet import Fernet
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Installation:
    """A fresh one: its address, its simulator, and how to run its commands."""

    url: str
    simulator: str
    environment: dict[str, str]

    def manage(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT, env=self.environment, input=given, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    port, simulator = free_port(), free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "foundryflow.settings",
        "FOUNDRYFLOW_ENV_FILE": os.devnull,
        "FOUNDRYFLOW_SECRET_KEY": "only-for-browser-tests",
        "FOUNDRYFLOW_ENCRYPTION_KEY": Fernet.generate_key().decode(),
        "FOUNDRYFLOW_DATABASE_URL": f"sqlite:///{tmp_path / 'test.sqlite3'}",
        "SIMULATOR_PORT": str(simulator),
        "PYTHONUNBUFFERED": "1",
    }
    server = subprocess.Popen(
        [sys.executable, "manage.py", "serve", "--port", str(port)],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert server.stdout is not None
    for line in server.stdout:
        if "simulator answers" in line:
            break
    wait_for(port)
    yield Installation(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{simulator}", environment)
    server.terminate()
    server.wait(15)
    server.stdout.close()


def wait_for(port: int) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 0.5).close()
        except OSError:
            time.sleep(0.02)
            continue
        return
    raise TimeoutError(f"nothing listens on {port}")


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
def ada(installation: Installation, visitor: Visitor) -> Visitor:
    """Has set the server up and is signed in."""
    page = visitor.page
    page.goto(installation.url)
    page.get_by_label("Your name").fill("Ada Nilsen")
    page.get_by_label("Email").fill("ada@contoso.example")
    page.get_by_label("Password").fill("correct horse staple")
    page.get_by_role("button", name="Create administrator").click()
    page.get_by_role("heading", name="Three steps to a first answer").wait_for()
    return visitor
