"""The image, the compose files, the units and the make-up of secrets, each read by its own tool or run."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from foundryflow.env import Environment
from tests.conftest import Server
from tests.processes import ROOT

DEPLOY, BIN = ROOT / "deploy", Path(sys.executable).parent
COMPOSE = ["compose.yaml", "compose.sqlite.yaml"]
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir() if path.suffix in (".service", ".timer"))
SYSTEMD = shutil.which("systemd-analyze") or ""
needs_systemd = pytest.mark.skipif(
    not SYSTEMD, reason="There is no systemd-analyze here: the units were read by nobody."
)


def output_of(*command: str | Path, **more: str) -> str:
    done = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, env={**os.environ, **more}, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def composed(name: str, **more: str) -> dict:
    """As docker compose understands it, with the settings of the example."""
    command = [BIN / "docker-compose", "--file", DEPLOY / name, "--env-file", DEPLOY / "example.env"]
    return json.loads(output_of(*command, "config", "--format", "json", **more))


def test_the_image_is_built_as_hadolint_wants_it():
    output_of(BIN / "hadolint", DEPLOY / "Containerfile")


def test_nothing_but_what_the_server_needs_goes_into_the_image():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in allowed)
    assert not any(path.startswith((".", "tests", "deploy/secrets")) for path in allowed)
    packages = {path.parent.name for path in ROOT.glob("*/apps.py")}
    assert packages | {
        "manage.py",
        "requirements.txt",
        "CHANGELOG.md",
        "static",
        "templates",
        "deploy/healthcheck.py",
    } == set(allowed)


def test_what_the_server_reads_beside_its_code_is_in_the_image():
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    written = {".env", "foundryflow.sqlite3", "samples"}
    for package in ("connections", "flows", "foundryflow"):
        for file in (ROOT / package).rglob("*.py"):
            read = set(re.findall(r'BASE_DIR / "([^"]+)"', file.read_text()))
            assert read - written <= set(allowed), file


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_understands_the_file_and_every_container_is_locked_down(name):
    services = composed(name)["services"]
    for label, service in services.items():
        assert service["restart"]
        if label == "database":
            continue
        assert (service["read_only"], service["cap_drop"], service["init"]) == (True, ["ALL"], True), label
        assert "no-new-privileges:true" in service["security_opt"]
        assert "user" not in service  # the image has one
        secrets = {each["target"] for each in service["secrets"]}
        environment = service["environment"]
        # Keys are files. What names a file names one that is there.
        assert {value for key, value in environment.items() if key.endswith("_FILE")} == secrets
        assert not {"FOUNDRYFLOW_SECRET_KEY", "FOUNDRYFLOW_ENCRYPTION_KEY"} & set(environment)
        known = (ROOT / "docs" / "settings.md").read_text()
        assert [key for key in environment if f"`{key.removesuffix('_FILE')}" not in known] == []
    assert services["web"]["ports"][0]["host_ip"] == "127.0.0.1"  # the proxy is the way in


@pytest.mark.parametrize("name", COMPOSE)
def test_every_setting_of_the_env_file_reaches_the_server(name, tmp_path):
    deploy = tmp_path / "deploy"
    shutil.copytree(DEPLOY, deploy)
    mail = {"FOUNDRYFLOW_EMAIL_URL": "smtp://mail.contoso.com", "FOUNDRYFLOW_TIME_ZONE": "Europe/Oslo"}
    lines = [f"{key}={value}" for key, value in {"FOUNDRYFLOW_HOSTS": "flows.contoso.com", **mail}.items()]
    (deploy / ".env").write_text("\n".join(lines))
    told = json.loads(output_of(BIN / "docker-compose", "--file", deploy / name, "config", "--format", "json"))
    servers = [service for label, service in told["services"].items() if label != "database"]
    assert all(mail.items() <= service["environment"].items() for service in servers)


def test_what_must_be_there_first_is_waited_for():
    services = composed("compose.yaml")["services"]
    waits = {
        name: {on: each["condition"] for on, each in service.get("depends_on", {}).items()}
        for name, service in services.items()
    }
    both = {"database": "service_healthy", "migrate": "service_completed_successfully"}
    assert waits == {"database": {}, "migrate": {"database": "service_healthy"}, "web": both, "worker": both}
    assert len({service["image"] for name, service in services.items() if name != "database"}) == 1


def test_workers_can_be_many_and_have_time_to_hand_their_runs_over():
    def worker(**more):
        return composed("compose.yaml", **more)["services"]["worker"]

    assert worker()["scale"] == 2
    assert worker(FOUNDRYFLOW_WORKERS="5")["scale"] == 5
    assert seconds(worker()["stop_grace_period"]) > int(worker()["environment"]["FOUNDRYFLOW_WORKER_GRACE"])


def seconds(text: str) -> int:
    found = re.fullmatch(r"(?:(\d+)m)?(\d+)s", text)
    assert found, text
    return 60 * int(found[1] or 0) + int(found[2])


def test_compose_does_not_start_without_the_name_of_the_server():
    command = [BIN / "docker-compose", "--file", DEPLOY / "compose.yaml", "--env-file", os.devnull, "config"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "write the name of the server into deploy/.env" in done.stderr


def test_secrets_are_made_once_and_are_what_the_settings_want(tmp_path):
    folder = tmp_path / "secrets"
    output_of(DEPLOY / "make-secrets", folder)
    made = {path.name: path.read_text() for path in folder.iterdir()}
    assert set(made) == {"secret_key", "encryption_key", "database_password"}
    assert len(set(made.values())) == 3
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    environment = Environment(None, {f"FOUNDRYFLOW_{name.upper()}_FILE": str(folder / name) for name in made})
    assert environment.signing_key("SECRET_KEY") == made["secret_key"]
    assert environment.key_ring("ENCRYPTION_KEY") == [made["encryption_key"]]
    output_of(DEPLOY / "make-secrets", folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


async def answering(scope, receive, send):
    """A server that goes by one name and one path."""
    right = (scope["path"], dict(scope["headers"])[b"host"]) == ("/below/healthz", b"flows.contoso.com")
    await send({"type": "http.response.start", "status": 200 if right else 400, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def test_the_health_check_asks_under_a_name_of_the_server():
    def status(port, **more):
        command = [sys.executable, str(DEPLOY / "healthcheck.py"), str(port)]
        return subprocess.run(command, env=more, capture_output=True, timeout=60).returncode

    names = {"FOUNDRYFLOW_HOSTS": "flows.contoso.com, localhost", "FOUNDRYFLOW_PREFIX": "/below"}
    with Server(answering) as server:
        assert status(server.port, **names) == 0
        assert status(server.port, FOUNDRYFLOW_PREFIX="/below") == 1
        assert status(server.port, FOUNDRYFLOW_HOSTS="flows.contoso.com") == 1
        gone = server.port
    assert status(gone, **names) == 1


@pytest.fixture
def units(tmp_path):
    """As they are, but for the place where the code is."""
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/foundryflow/current", str(ROOT)))
    return [tmp_path / name for name in UNITS]


@needs_systemd
def test_systemd_understands_the_units(units):
    done = subprocess.run([SYSTEMD, "verify", "--man=no", *map(str, units)], capture_output=True, text=True, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "foundryflow" in line]
    assert ours == []


@needs_systemd
def test_a_unit_may_do_little(units):
    for unit in units:
        if unit.suffix == ".service":
            output_of(SYSTEMD, "security", "--offline=true", "--threshold=25", "--no-pager", unit)


def test_a_unit_stops_the_server_and_nothing_that_it_started():
    for name in ("foundryflow-web.service", "foundryflow-worker@.service"):
        text = (DEPLOY / "systemd" / name).read_text()
        assert "\nKillMode=mixed\n" in text
        grace = int(
            re.search(r"FOUNDRYFLOW_WORKER_GRACE=(\d+)", (DEPLOY / "systemd/environment.example").read_text())[1]
        )
        assert "worker" not in name or int(re.search(r"\nTimeoutStopSec=(\d+)\n", text)[1]) > grace


def test_every_setting_of_the_examples_is_one():
    known = (ROOT / "docs" / "settings.md").read_text()
    deploying = {"FOUNDRYFLOW_LISTEN", "FOUNDRYFLOW_VERSION", "FOUNDRYFLOW_WORKERS", "FOUNDRYFLOW_WORKER_CONCURRENCY"}
    for file in (DEPLOY / "example.env", DEPLOY / "systemd" / "environment.example"):
        named = set(re.findall(r"^#?(FOUNDRYFLOW_\w+)=", file.read_text(), re.MULTILINE))
        assert {name for name in named - deploying if f"`{name.removesuffix('_FILE')}" not in known} == set(), file
