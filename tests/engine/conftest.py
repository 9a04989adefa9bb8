"""What executes runs on the database of the test: this process, and others that can be killed."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Iterator

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings as configured
from django.db import connection

from connections.models import Connection
from flows.engine import budgets
from flows.models import ActionRun, Run
from tests.conftest import Server
from tests.engine.counting import Counting
from tests.factories import finish_run, make_connection, make_flow, make_run
from tests.processes import PATIENCE, said, started


def until(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


async def until_async(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    async with asyncio.timeout(patience):
        while not await sync_to_async(condition)():
            await asyncio.sleep(0.02)


@pytest.fixture
def counting(settings: object, transactional_db: None) -> Iterator[Counting]:
    """The counting model, with a connection `model` to it."""
    app = Counting()
    with Server(app) as server:
        settings.ALLOWED_DESTINATIONS = [server.url.removeprefix("http://")]  # type: ignore[attr-defined]
        make_connection("model", endpoint=f"{server.url}/v1", key="counting")
        yield app
        app.release()


@pytest.fixture
def sim(simulator: str) -> Connection:
    """A connection `sim` to the simulator, when nobody remembers a budget."""
    budgets.recent.clear()
    return make_connection("sim", endpoint=f"{simulator}/openai/v1", key="simulator")


def run_action(type: str, returned: str, *, model: str, **properties: object) -> tuple[Run, ActionRun]:
    """The run of one action that calls a model of `sim`, and its record."""
    action = {"id": "a", "type": type, "properties": {"connection": "sim", "model": model, **properties}}
    returns = {"id": "ret", "type": "return", "properties": {"value": returned}}
    document = {"format": "foundryflow/1", "name": f"x {model}", "inputs": [], "actions": [action, returns]}
    run = finish_run(make_run(make_flow(document)))
    return run, run.actions.get(path="a")


class Process:
    """A command of ours in a process of its own, on the database of the test."""

    def __init__(self, *arguments: str) -> None:
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the process
        self.popen = started(["manage.py", *arguments], environment(), self._output)

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait(PATIENCE)

    def end(self) -> str:
        self.popen.wait(PATIENCE)
        return said(self._output)

    def close(self) -> None:
        self.kill()
        self._output.close()


def environment() -> dict[str, str]:
    parameters = connection.settings_dict
    name = parameters["NAME"]
    if connection.vendor == "postgresql":
        url = f"postgres://{parameters['USER']}@/{name}?host={parameters['OPTIONS']['host']}"
    else:
        url = f"sqlite:///{name}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "foundryflow.settings",
        "FOUNDRYFLOW_DATABASE_URL": url,
        "FOUNDRYFLOW_SIMULATOR": "false",
        "FOUNDRYFLOW_ALLOWED_DESTINATIONS": ",".join(configured.ALLOWED_DESTINATIONS),
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    """Starts commands; whatever still runs at the end of the test is killed."""
    processes: list[Process] = []

    def begin(*arguments: str) -> Process:
        process = Process(*arguments)
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.close()
