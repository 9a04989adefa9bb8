"""How much of an answer is read, what a request looks like on its way, and what is behind a failure of the network."""

import asyncio
import gzip
import socket
import ssl
from types import SimpleNamespace

import aiohttp
import httpx
import pytest

from connections.foundry import transport
from connections.foundry.destinations import DestinationBlocked, Destinations
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.transport import (
    DEFAULT_HEADERS,
    HttpAnswer,
    HttpTransport,
    causes_of,
    connection_error,
    encode_body,
    read_headers,
)
from tests.connections.foundry.stub import whole

KIB, MIB = 1024, 1024 * 1024
LOST = httpx.ReadError("lost")
URL = "https://r.example/x"


class Body(httpx.AsyncByteStream):
    """Gives its parts in turn, raises those that are errors, and knows whether it was closed."""

    def __init__(self, *parts):
        self.parts, self.closed = parts, False

    async def __aiter__(self):
        for part in self.parts:
            if isinstance(part, Exception):
                raise part
            yield part

    async def aclose(self):
        self.closed = True


def answer_of(*parts):
    return HttpAnswer(httpx.Response(200, stream=Body(*parts), request=httpx.Request("POST", URL)))


@pytest.mark.parametrize(
    ("parts", "length", "seen"),
    [
        ([b"abc", b"de"], 2, b"abc"),
        ([b"abc", LOST], 3, b"abc"),
        ([b"a", b"b", b"c", b"d"], 3, b"abc"),
        ([b"a"], 3, b"a"),
        ([], 3, b""),
        ([b" \n", b" a", b"b", b"c"], 2, b"ab"),
        ([b" " * 4 * KIB, LOST], 1, b""),  # blanks without end
        ([b" " * (4 * KIB - 1), b"a"], 1, b"a"),
    ],
)
async def test_the_beginning_of_a_body_is_seen_before_it_is_read(parts, length, seen):
    answer = answer_of(*parts)
    assert await answer.peek(length) == seen
    if LOST not in parts:
        assert await answer.body() == b"".join(parts)
        assert await answer.body() == b""


@pytest.mark.parametrize("read", [lambda answer: answer.peek(9), HttpAnswer.body, HttpAnswer.beginning])
async def test_a_body_that_breaks_off_is_a_connection_that_was_closed_early(read):
    with pytest.raises(FoundryError) as caught:
        await read(answer_of(b"abc", LOST))
    assert (caught.value.kind, caught.value.message) == (
        ErrorKind.TRUNCATED,
        "r.example closed the connection early.",
    )


async def test_a_body_of_sixteen_mebibytes_is_the_largest():
    parts = [b" " * 8 * MIB, b" " * 4 * MIB, b" " * 4 * MIB]
    assert len(await answer_of(*parts).body()) == 16 * MIB
    answer = answer_of(*parts, b" ")
    await answer.peek(1)  # what was seen before counts, too
    with pytest.raises(FoundryError, match="larger than 16 MiB") as caught:
        await answer.body()
    assert (caught.value.kind, caught.value.hint) == (ErrorKind.PROTOCOL, "Ask for less.")


@pytest.mark.parametrize(
    ("parts", "length"),
    [
        ([b"a" * 40 * KIB, b"b" * 24 * KIB], 64 * KIB),
        ([b"a" * 40 * KIB, b"b" * 24 * KIB, b"c"], 64 * KIB + 1),
        ([b"a" * 40 * KIB, b"b" * 40 * KIB, LOST], 64 * KIB + 1),
    ],
)
async def test_of_a_refusal_the_beginning_is_read_and_whether_it_goes_on(parts, length):
    read = await answer_of(*parts).beginning()
    assert read == b"".join(part for part in parts if part is not LOST)[:length]
    assert len(read) == length


def test_headers_are_bounded_and_their_names_are_in_lower_case():
    raw = [(b"X-Long-Name", b"a" * (64 * KIB - 19)), (b"X-Caf\xe9", b"\xe9")]
    assert sum(len(name) + len(value) for name, value in raw) == 64 * KIB - 1
    assert read_headers(raw) == {"x-long-name": "a" * (64 * KIB - 19), "x-café": "é"}
    assert read_headers([*raw, (b"a", b"")])["a"] == ""
    with pytest.raises(FoundryError, match="larger than 64 KiB") as caught:
        read_headers([*raw, (b"a", b"b")])
    assert caught.value.kind is ErrorKind.PROTOCOL


class Network(httpx.AsyncBaseTransport):
    """Remembers what is sent through it, and answers."""

    def __init__(self, *parts):
        self.sent, self.body, self.closed = [], Body(*parts), False

    async def handle_async_request(self, request):
        self.sent.append((request.method, str(request.url), dict(request.headers), request.content))
        self.timeouts = request.extensions["timeout"]
        return httpx.Response(200, stream=self.body)

    async def aclose(self):
        self.closed = True


async def test_a_request_goes_out_as_it_is_written_and_its_answer_is_closed():
    network = Network(b"ok")
    http = HttpTransport(Destinations(), network)
    async with http.send("POST", URL, {"api-key": "k"}, {"text": "é", "n": [1, 2]}) as answer:
        assert (answer.status, network.body.closed) == (200, False)
    content = '{"text":"é","n":[1,2]}'.encode()
    headers = {
        "accept": "application/json, text/event-stream", "accept-encoding": "identity",
        "content-type": "application/json", "user-agent": "FoundryFlow", "api-key": "k",
    }  # fmt: skip
    about = {"host": "r.example", "content-length": "23"}
    assert network.sent == [("POST", URL, {**headers, **about}, content)]
    assert network.timeouts == {"connect": 10, "read": 600, "write": 600, "pool": 600}
    assert network.body.closed  # though nobody has read it
    async with http.send("GET", URL, {}, None) as answer:
        assert await answer.body() == b"ok"
    assert network.sent[1][3] == b""
    assert not network.closed
    await http.aclose()
    assert network.closed


async def test_whoever_closes_a_connection_early_is_named():
    with pytest.raises(FoundryError, match=r"r\.example closed the connection early"):
        async with HttpTransport(Destinations(), Network(b"o", LOST)).send("GET", URL, {}, None) as answer:
            await answer.body()


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (float("nan"), "Out of range float values are not JSON compliant"),
        (object, "Object of type type is not JSON serializable"),
    ],
)
def test_what_cannot_be_written_as_json_is_said(value, why):
    with pytest.raises(FoundryError) as caught:
        encode_body({"value": value})
    assert caught.value.kind is ErrorKind.PROTOCOL
    assert caught.value.message.startswith(f"The request cannot be written as JSON: {why}")
    assert caught.value.hint == "Check the values of the properties."


def caused(error, cause):
    error.__cause__ = cause
    return error


def test_causes_are_followed_and_none_twice():
    first, second, third = OSError("1"), OSError("2"), OSError("3")
    first.__cause__, first.__context__, second.__context__, third.__context__ = second, third, third, first
    assert [*causes_of(first)] == [first, second, third]


KEY = SimpleNamespace(host="r.example", port=443, ssl=True, is_ssl=True)
REFUSED, EARLY = "r.example refused the connection.", "r.example closed the connection without an answer."
SLOW, NO_HOST = "r.example did not answer in time.", "There is no host r.example."
K = ErrorKind


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (caused(httpx.ConnectError("x"), DestinationBlocked("10.0.0.1")), K.BLOCKED_DESTINATION, "10.0.0.1 which is loopback"),
        (ssl.SSLError(), K.TLS, "r.example has no valid certificate."),
        (
            caused(httpx.ConnectError("x"), aiohttp.ClientConnectorCertificateError(KEY, ValueError())),
            K.TLS, "r.example has no valid certificate.",
        ),
        (socket.gaierror(), K.DNS, NO_HOST),
        (aiohttp.ClientConnectorDNSError(KEY, OSError()), K.DNS, NO_HOST),
        (ConnectionRefusedError(), K.CONNECT, REFUSED),
        (caused(httpx.ConnectTimeout("x"), aiohttp.ClientConnectorError(KEY, OSError())), K.CONNECT, REFUSED),
        (
            aiohttp.ClientResponseError(None, ()),
            K.PROTOCOL, "r.example sent something that is not HTTP as it should be.",
        ),
        (TimeoutError(), K.TIMEOUT, SLOW),
        (httpx.ReadTimeout("x"), K.TIMEOUT, SLOW),
        (caused(httpx.ConnectTimeout("x"), aiohttp.ServerDisconnectedError()), K.CONNECT, EARLY),
        (caused(httpx.ConnectTimeout("x"), ConnectionResetError()), K.CONNECT, EARLY),
        (httpx.ConnectError("x"), K.CONNECT, "r.example could not be reached."),
        (caused(httpx.ConnectError("x"), ConnectionResetError()), K.CONNECT, EARLY),
        (httpx.RemoteProtocolError("x"), K.CONNECT, EARLY),
    ],
)  # fmt: skip
def test_what_is_behind_a_failure_is_told(error, kind, message):
    found = connection_error(error, "r.example")
    assert (found.kind, found.message[: len(message)]) == (kind, message)
    assert found.hint
    if message == EARLY:
        begun = connection_error(error, "r.example", begun=True)
        assert (begun.kind, begun.message) == (K.TRUNCATED, "r.example closed the connection early.")
        assert begun.hint == found.hint == "Try again."


async def ask(http, stub):
    async with http.send("POST", f"{stub.url}/x", {}, {}) as answer:
        return await answer.body()


async def test_few_connections_are_kept_that_nobody_uses(stub, monkeypatch):
    monkeypatch.setattr(transport, "MOST_IDLE", 1)
    meeting = asyncio.Barrier(3)

    async def answer_together(reader, writer):
        await meeting.wait()
        writer.write(whole(200, b"ok"))

    server = await stub(answer_together, keep_alive=True)
    http = HttpTransport(Destinations.parse(f"127.0.0.1:{server.port}"))
    for _ in range(2):
        assert await asyncio.gather(*(ask(http, server) for _ in range(3))) == [b"ok"] * 3
    await http.aclose()
    assert server.connections == 5  # three, of which one is kept, and two more


async def test_no_proxy_is_used_and_nothing_is_unpacked_twice(stub, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    server = await stub(whole(200, gzip.compress(b"ok"), "Content-Encoding: gzip", "Set-Cookie: a=b"), keep_alive=True)
    http = HttpTransport(Destinations.parse(f"127.0.0.1:{server.port}"))
    assert [await ask(http, server) for _ in range(2)] == [b"ok", b"ok"]
    await http.aclose()
    assert "cookie" not in server.asked[1].headers
    assert {name.lower(): value for name, value in DEFAULT_HEADERS.items()}.items() <= server.asked[0].headers.items()
