"""httpx behind one method: how long anything may take, and how much may come back.

httpx is the client API; its own pool costs O(n) a request, so it runs on aiohttp's.
"""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from connections.endpoint.endpoint import Endpoint
from connections.foundry.destinations import (
    CheckedResolver,
    DestinationBlocked,
    Destinations,
    blocked_error,
    callable_url,
)
from connections.foundry.errors import REQUEST_IDS, ErrorKind, FoundryError
from connections.foundry.masking import Masker

LARGEST_BODY = 16 * 1024 * 1024  # bytes
LARGEST_REFUSAL = 64 * 1024  # bytes read of an answer that is an error
LARGEST_HEADERS = 64 * 1024
MOST_BLANKS = 4 * 1024  # bytes in front of what an answer says
TIMEOUTS = httpx.Timeout(600, connect=10).as_dict()  # seconds; reasoning takes minutes
# Compressed streams are held back until a block is full, and small bodies can unfold to huge ones.
DEFAULT_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "FoundryFlow",
}
MOST_CONNECTIONS = 2_000
MOST_IDLE = 200

FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, aiohttp.ClientError)


class NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookie. Does not even read one: aiohttp logs the names that it does not like."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        pass


class HttpAnswer:
    """What came back: status and headers (names in lower case) at once, the body as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._bytes = response.aiter_bytes()
        self._ahead = b""  # read already, but not yet given to anybody
        self.status = response.status_code
        self.headers = read_headers(response.headers.raw)

    def mask_headers(self, masker: Masker) -> None:
        """Those that are shown to anybody."""
        for name in REQUEST_IDS:
            if name in self.headers:
                self.headers[name] = masker.text(self.headers[name])

    async def peek(self, length: int) -> bytes:
        """The beginning of the body without the blanks in front of it, `length` bytes or all there is. It is not taken
        away from those who read the body afterwards."""
        try:
            while len(self._ahead.lstrip()) < length and len(self._ahead) < MOST_BLANKS:
                self._ahead += await anext(self._bytes)
        except StopAsyncIteration:
            pass
        except FAILURES as error:
            raise connection_error(error, self._response.url.host, begun=True) from None
        return self._ahead.lstrip()

    async def chunks(self) -> AsyncGenerator[bytes]:
        size, self._ahead, ahead = len(self._ahead), b"", self._ahead
        if ahead:
            yield ahead
        try:
            async for chunk in self._bytes:
                size += len(chunk)
                if size > LARGEST_BODY:
                    raise FoundryError(ErrorKind.PROTOCOL, "The answer is larger than 16 MiB.", "Ask for less.")
                yield chunk
        except FAILURES as error:
            # Here, so that the reader knows how far it came: nothing is tried again once text was shown.
            raise connection_error(error, self._response.url.host, begun=True) from None

    async def body(self) -> bytes:
        return b"".join([chunk async for chunk in self.chunks()])

    async def beginning(self) -> bytes:
        """As much of the body as is read of an error, and one byte more where it goes on."""
        read = b""
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                read += chunk
                if len(read) > LARGEST_REFUSAL:
                    break
        return read[: LARGEST_REFUSAL + 1]


def read_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Raises FoundryError when they are too large."""
    if sum(len(name) + len(value) for name, value in raw) > LARGEST_HEADERS:
        raise FoundryError(
            ErrorKind.PROTOCOL, "The headers of the answer are larger than 64 KiB.", "Is this the endpoint of a model?"
        )
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


class BoundedConnector(aiohttp.TCPConnector):
    """Keeps a bounded number of connections that nobody uses, however many hosts are called one after the other."""

    def _release(self, key: Any, protocol: Any, *, should_close: bool = False) -> None:
        idle = sum(map(len, self._conns.values()))
        super()._release(key, protocol, should_close=should_close or idle >= MOST_IDLE)


class HttpTransport:
    """One pool of kept-alive connections. Belongs to one event loop. `over` replaces the network, for tests.

    Requests go to the transport without a client of httpx around it: no redirects, cookies or proxies are wanted.
    """

    def __init__(self, destinations: Destinations, over: httpx.AsyncBaseTransport | None = None) -> None:
        self._destinations = destinations
        self._over = over or AiohttpTransport(client=self._session)

    def trusts(self, endpoint: Endpoint) -> bool:
        return self._destinations.trusts(endpoint)

    def _session(self) -> aiohttp.ClientSession:
        connector = BoundedConnector(
            limit=MOST_CONNECTIONS, resolver=CheckedResolver(self._destinations), keepalive_timeout=60
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=NoCookies())

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> AsyncIterator[HttpAnswer]:
        """A call of a model. Raises FoundryError."""
        content = None if body is None else encode_body(body)
        async with self.send_content(method, url, {**DEFAULT_HEADERS, **headers}, content) as answer:
            yield answer

    @asynccontextmanager
    async def send_content(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None
    ) -> AsyncIterator[HttpAnswer]:
        """Any request, with these headers alone. Raises FoundryError."""
        address = callable_url(url, self._destinations)
        request = httpx.Request(method, address, headers=headers, content=content, extensions={"timeout": TIMEOUTS})
        try:
            response = await self._over.handle_async_request(request)
            response.request = request
            try:
                yield HttpAnswer(response)
            finally:
                await response.aclose()
        except FAILURES as error:
            # What is below may repeat what was sent or what came back.
            raise connection_error(error, address.host) from None

    async def aclose(self) -> None:
        await self._over.aclose()


def encode_body(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise FoundryError(
            ErrorKind.PROTOCOL,
            f"The request cannot be written as JSON: {error}.",
            "Check the values of the properties.",
        ) from None


def connection_error(error: BaseException, host: str, *, begun: bool = False) -> FoundryError:
    """The typed error behind what httpx and aiohttp raise.

    httpx-aiohttp reports every failure to connect, a refused one included, as a timeout or connect error; the
    cause tells them apart.
    """
    causes = list(causes_of(error))
    if found := next((c for c in causes if isinstance(c, DestinationBlocked)), None):
        return blocked_error(host, f"{found} which is loopback, private or link-local")
    if any(isinstance(c, ssl.SSLError | aiohttp.ClientConnectorCertificateError) for c in causes):
        return FoundryError(ErrorKind.TLS, f"{host} has no valid certificate.", "Check the name of the host.")
    if any(isinstance(c, socket.gaierror | aiohttp.ClientConnectorDNSError) for c in causes):
        return FoundryError(
            ErrorKind.DNS, f"There is no host {host}.", "Check the name of the resource in the endpoint."
        )
    if any(isinstance(c, ConnectionRefusedError | aiohttp.ClientConnectorError) for c in causes):
        return FoundryError(
            ErrorKind.CONNECT,
            f"{host} refused the connection.",
            "Check the port, and whether the server is up.",
        )
    if any(isinstance(c, aiohttp.ClientResponseError) for c in causes):
        return FoundryError(
            ErrorKind.PROTOCOL, f"{host} sent something that is not HTTP as it should be.", "Check the port and path."
        )
    # Every lost connection is a ClientConnectionError, which httpx-aiohttp calls a ConnectTimeout.
    lost = any(isinstance(c, aiohttp.ServerDisconnectedError | ConnectionError) for c in causes)
    if not lost and any(isinstance(c, TimeoutError | httpx.TimeoutException) for c in causes):
        return FoundryError(
            ErrorKind.TIMEOUT, f"{host} did not answer in time.", "Try again; check firewalls on the way."
        )
    if not lost and any(isinstance(c, httpx.ConnectError) for c in causes):
        return FoundryError(ErrorKind.CONNECT, f"{host} could not be reached.", "Check the address and the network.")
    if begun:
        return FoundryError(ErrorKind.TRUNCATED, f"{host} closed the connection early.", "Try again.")
    return FoundryError(ErrorKind.CONNECT, f"{host} closed the connection without an answer.", "Try again.")


def causes_of(error: BaseException | None) -> Any:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
