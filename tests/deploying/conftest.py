"""The real server behind a real nginx with the configuration of `deploy/nginx`: other ports and paths, else as it is."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Installation, own_environment
from tests.connections.key_vault.vault_stand_in import certificate
from tests.processes import PATIENCE, ROOT, LoadedCommands, free_port, listening, listens, loaded_commands, said

EXAMPLES = ROOT / "deploy" / "nginx"
HOST = {"": "flows.contoso.com", "/foundryflow": "intranet.contoso.com"}
STRANGER = "127.0.0.2"  # calls nginx from an address that no proxy has
NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")

# Ada, with one of everything that pages lead to.
PREPARE = """
from django.contrib.auth.models import User
from django.test import Client
from connections.models import Connection
from connections.secret import Secret
from flows.batch.models import Batch
from flows.catalog.sample import add_sample
from flows.language.document import parse
from flows.models import Flow, Room, Run
from foundryflow.models import ApiKey
from tests.playground.session_factory import make_full_session, make_run

ada = User.objects.create_superuser("ada@contoso.example", "ada@contoso.example", "correct horse staple")
visitor = Client()
visitor.force_login(ada)
session = make_full_session(ada)
make_run(session, session.turns.first().answers.first())
Connection.objects.filter(name="contoso").update(endpoint="{simulator}/openai/v1", key=Secret("simulator"))
for name in ("answer-a-customer", "loop-over-a-list"):
    add_sample(name, by=ada)
chat = {{"id": "chat", "type": "chat_completion", "properties": {{
    "connection": "contoso", "model": "long-100", "user_prompt": "Tell me everything."}}}}
slow = Flow.objects.create_flow(parse({{"format": "foundryflow/1", "name": "Slow", "inputs": [], "actions": [chat]}}), by=ada)
wait = {{"id": "wait", "type": "wait", "properties": {{"seconds": 6}}}}
Flow.objects.create_flow(parse({{"format": "foundryflow/1", "name": "Wait", "inputs": [], "actions": [wait]}}), by=ada)
Flow.objects.create_flow(slow.current.parsed(), by=ada, room=Room.BATCH)
Batch.objects.create(name="B", owner=ada, flow=Flow.objects.get(room=Room.BATCH), variants=[], columns=[], concurrency=1)
ended = Run.objects.start(flow=slow, inputs={{}}, by=ada, via="run page")
Run.objects.filter(pk=ended.pk).update(state="succeeded", ended_at=ended.created_at)
print(visitor.cookies["sessionid"].value, ApiKey.objects.issue("robot", ["read", "run"], by=ada)[1])
"""


@dataclass(frozen=True)
class Site:
    """What a visitor has of it, and what stands behind it."""

    host: str
    prefix: str
    secure: int  # port of nginx that speaks https
    plain: int  # that of http
    server: int  # port of the server itself
    session: str
    key: str
    certificate: Path
    commands: LoadedCommands

    @property
    def origin(self) -> str:
        return f"https://{self.host}:{self.secure}"

    def client(
        self, *, signed_in: bool = True, host: str = "", caller: str = "127.0.0.1", port: int = 0
    ) -> httpx.Client:
        """Calls nginx by the name of the site: nobody asks a name server."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        transport = ByName(self.host, httpx.HTTPTransport(verify=context, local_address=caller, retries=0))
        cookies = {"sessionid": self.session} if signed_in else {}
        headers = {"Host": host or f"{self.host}:{self.secure}"}
        url = f"http://127.0.0.1:{port}" if port else f"https://127.0.0.1:{self.secure}"
        return httpx.Client(base_url=url, transport=transport, cookies=cookies, headers=headers, timeout=30)

    @contextmanager
    def serving(self) -> Iterator[None]:
        with listening(["manage.py", "serve", "--port", str(self.server)], self.commands, [self.server]):
            yield


class ByName(httpx.BaseTransport):
    """Names the site in the handshake, whatever the address."""

    def __init__(self, host: str, inner: httpx.BaseTransport) -> None:
        self.host, self.inner = host, inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions["sni_hostname"] = self.host
        return self.inner.handle_request(request)

    def close(self) -> None:
        self.inner.close()


def example(name: str, changes: dict[str, str]) -> str:
    """A file of `deploy/nginx` with these changes, of which each has to be one."""
    text = (EXAMPLES / name).read_text()
    for old, new in changes.items():
        assert old in text, f"{name} has no {old!r} any more"
        text = text.replace(old, new)
    return text


def site_configuration(site: Site, folder: Path, *, cut_off: bool) -> str:
    """The part of nginx's configuration that stands in `http`."""
    includes = {"/etc/nginx/foundryflow/": f"{EXAMPLES}/"}
    server = {"127.0.0.1:8000": f"127.0.0.1:{site.server}"}
    if not site.prefix:
        tls = "/etc/nginx/tls/flows.contoso.com"
        return example(
            "foundryflow.conf",
            {
                "    listen [::]:80;\n": "", "    listen [::]:443 ssl http2;\n": "",
                "listen 80;": f"listen 127.0.0.1:{site.plain};", "listen 443": f"listen 127.0.0.1:{site.secure}",
                f"{tls}.pem": str(site.certificate), f"{tls}.key": str(site.certificate), **includes, **server,
            },
        )  # fmt: skip
    (folder / "path.conf").write_text(
        example("foundryflow-path.conf", {**includes, "127.0.0.1:8000;": f"127.0.0.1:{site.server}{'/' * cut_off};"})
    )
    return f"""
        server {{
            listen 127.0.0.1:{site.secure} ssl;
            server_name {site.host};
            ssl_certificate {site.certificate};
            ssl_certificate_key {site.certificate};
            include {folder}/path.conf;
            location / {{ return 200 "the intranet"; }}
        }}"""


@contextmanager
def nginx(folder: Path, configuration: str, ports: Sequence[int]) -> Iterator[None]:
    """Until it ends it serves what the configuration says, with everything that it writes in the folder."""
    if NGINX is None:
        pytest.skip("There is no nginx here (scripts/get-nginx): nothing of deploy/nginx was tried.")
    places = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = folder / "nginx.conf"
    main.write_text(
        f"{'user root;' if os.getuid() == 0 else ''}\ndaemon off;\nworker_processes 1;\npid {folder}/nginx.pid;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off; {places}\n{configuration} }}\n"
    )
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([NGINX, "-e", "stderr", "-c", str(main)], stdout=output, stderr=output, text=True)
        try:
            for port in ports:
                assert listens(port, process), f"nginx does not listen on {port}:\n{said(output)}"
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)


@contextmanager
def deployed(folder: Path, migrated: Path, prefix: str = "", *, cut_off: bool = False) -> Iterator[Site]:
    """The server and nginx, with Ada's installation."""
    database, environment = folder / "test.sqlite3", own_environment()
    shutil.copy(migrated, database)
    secure, host = free_port(), HOST[prefix]
    environment |= {
        "FOUNDRYFLOW_DATABASE_URL": f"sqlite:///{database}",
        "FOUNDRYFLOW_HTTPS": "true",
        "FOUNDRYFLOW_HOSTS": host,
        "FOUNDRYFLOW_TRUSTED_ORIGINS": f"https://{host}:{secure}",
        "FOUNDRYFLOW_TRUSTED_PROXIES": "127.0.0.1",
        "FOUNDRYFLOW_PREFIX": prefix,
    }
    simulator = f"http://127.0.0.1:{environment['SIMULATOR_PORT']}"
    with loaded_commands(environment) as commands:
        made = Installation("", simulator, commands).manage("shell", "-v0", "-c", PREPARE.format(simulator=simulator))
        assert made.returncode == 0, made.stderr
        session, key = made.stdout.split()
        signed = certificate(folder, host)
        site = Site(host, prefix, secure, free_port(), free_port(), session, key, signed, commands)
        ports = [secure] if prefix else [secure, site.plain]
        with nginx(folder, site_configuration(site, folder, cut_off=cut_off), ports):
            yield site


@pytest.fixture(scope="session")
def sites(tmp_path_factory: Any, migrated: Path) -> Iterator[Callable[[str], Site]]:
    """The site of a way to deploy it, started when it is first asked for: a path, and whether nginx cuts it off."""
    with ExitStack() as stack:

        @cache
        def site_of(way: str) -> Site:
            prefix, _, cut_off = way.partition(",")
            folder = tmp_path_factory.mktemp("site")
            made = stack.enter_context(deployed(folder, migrated, prefix, cut_off=bool(cut_off)))
            stack.enter_context(made.serving())
            return made

        yield site_of


@pytest.fixture
def site(sites: Callable[[str], Site]) -> Site:
    """With a name of its own."""
    return sites("")


@pytest.fixture(params=["", "/foundryflow", "/foundryflow, cut off"])
def every_site(request: Any, sites: Callable[[str], Site]) -> Site:
    """With a name of its own, and below a path that nginx leaves or cuts off."""
    return sites(request.param)
