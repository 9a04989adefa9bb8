"""httpx behind one method: which destinations may be reached, how long anything may take, how much may come back.

httpx is the client API; its own pool costs O(n) a request, so it runs on aiohttp's. The destination is checked
on the address that is connected to, after name resolution, so a name cannot change its mind in between.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from httpx_aiohttp import AiohttpTransport
from yarl import URL

from connections.endpoint.endpoint import Endpoint
from connections.foundry.errors import REQUEST_IDS, ErrorKind, FoundryError
from connections.foundry.masking import Masker

LARGEST_BODY = 16 * 1024 * 1024  # bytes
LARGEST_REFUSAL = 64 * 1024  # bytes read of an answer that is an error
LARGEST_HEADERS = 64 * 1024
TIMEOUTS = httpx.Timeout(600, connect=10).as_dict()  # seconds; reasoning takes minutes
# Compressed streams are held back until a block is full, and small bodies can unfold to huge ones.
DEFAULT_HEADERS = {
    "Accept": "application/json, text/event-stream",
    "Accept-Encoding": "identity",
    "Content-Type": "application/json",
    "User-Agent": "FoundryFlow",
}
MOST_CONNECTIONS = 2_000

# What looks public to ipaddress, or did in some version of Python: the platform of Azure itself, addresses for
# protocols (metadata of some clouds among them), the relays of 6to4, documentation, and tunnels, which end
# wherever the address inside them says.
NEVER_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2002::/16", "3fff::/20")
)
# All of IPv6 that is given out; outside are mapped, translated and site-local addresses.
GIVEN_OUT = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# The second half of an ISATAP address is this, with its two highest flags in either position, and an IPv4 address.
ISATAP, ISATAP_FLAGS = 0x00005EFE, 0x03000000
FAILURES = (httpx.HTTPError, httpx.InvalidURL, OSError, aiohttp.ClientError)

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


class DestinationBlocked(OSError):
    """The destination is not allowed."""


@dataclass(frozen=True)
class Destinations:
    """Which loopback, private and link-local addresses may be called all the same, and who is trusted."""

    hosts: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[IpNetwork, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Destinations:
        """Entries are host:port or CIDR, separated by commas. Raises ValueError naming the one that is neither."""
        hosts, networks = set(), []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            host, _, port = entry.rpartition(":")
            if host and port.isdigit() and "/" not in entry:
                hosts.add((host.strip("[]").lower(), int(port)))
                continue
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                raise ValueError(f"{entry!r} is neither host:port nor an address range such as 10.0.0.0/8.") from None
        return cls(frozenset(hosts), tuple(networks))

    def allows(self, host: str, address: str, port: int) -> bool:
        """Whether `host`, resolved to `address`, may be connected to."""
        ip = unwrapped_address(ipaddress.ip_address(address.split("%", 1)[0]))
        if is_public(ip):
            return True
        if (host.lower(), port) in self.hosts or (str(ip), port) in self.hosts:
            return True
        return is_within(ip, self.networks)

    def trusts(self, endpoint: Endpoint) -> bool:
        """Whether the server's own identity may be shown there: to a resource's own host, and to a host that is
        listed by its name and port. A range of addresses may be called, but is trusted with nothing."""
        return endpoint.is_resource or endpoint.address in self.hosts

    def allows_plain(self, host: str, port: int) -> bool:
        """http is for listed loopback and private addresses alone."""
        if (host.lower(), port) in self.hosts:
            return True
        try:
            ip = ipaddress.ip_address(host)
        except ValueError:
            return False
        return is_within(ip, self.networks)


def is_within(ip: IpAddress, networks: tuple[IpNetwork, ...]) -> bool:
    return any(ip.version == network.version and ip in network for network in networks)


def is_public(ip: IpAddress) -> bool:
    """Whether anybody may be there, and nobody of this network."""
    if not ip.is_global or ip.is_multicast or is_within(ip, NEVER_PUBLIC):
        return False
    return isinstance(ip, ipaddress.IPv4Address) or (ip in GIVEN_OUT and not is_isatap(ip))


def is_isatap(ip: ipaddress.IPv6Address) -> bool:
    return int(ip) >> 32 & 0xFFFFFFFF & ~ISATAP_FLAGS == ISATAP


def unwrapped_address(ip: IpAddress) -> IpAddress:
    """The address behind one that every host unwraps: IPv4 written as IPv6, and the well-known prefix of NAT64."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip


class CheckedResolver(AbstractResolver):
    """Resolves names and drops every address that may not be reached."""

    def __init__(self, destinations: Destinations) -> None:
        self._destinations = destinations
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        allowed = [entry for entry in found if self._destinations.allows(host, entry["host"], port)]
        if not allowed:
            raise DestinationBlocked(f"{host} is {found[0]['host']}")
        return allowed

    async def close(self) -> None:
        await self._resolver.close()


class NoCookies(aiohttp.DummyCookieJar):
    """Keeps no cookie. Does not even read one: aiohttp logs the names that it does not like."""

    def update_cookies_from_headers(self, headers: Sequence[str], response_url: URL) -> None:
        pass


class HttpAnswer:
    """What came back: status and headers (names in lower case) at once, the body as it comes."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers = read_headers(response.headers.raw)

    def mask_headers(self, masker: Masker) -> None:
        """Those that are shown to anybody."""
        for name in REQUEST_IDS:
            if name in self.headers:
                self.headers[name] = masker.text(self.headers[name])

    async def chunks(self) -> AsyncGenerator[bytes]:
        size = 0
        try:
            async for chunk in self._response.aiter_bytes():
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
        connector = aiohttp.TCPConnector(
            limit=MOST_CONNECTIONS, resolver=CheckedResolver(self._destinations), keepalive_timeout=60
        )
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=NoCookies(), auto_decompress=False, trust_env=False
        )

    @asynccontextmanager
    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> AsyncIterator[HttpAnswer]:
        """Raises FoundryError."""
        address = callable_url(url, self._destinations)
        content = None if body is None else encode_body(body)
        request = httpx.Request(
            method, address, headers={**DEFAULT_HEADERS, **headers}, content=content, extensions={"timeout": TIMEOUTS}
        )
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


@lru_cache(maxsize=4_096)
def callable_url(url: str, destinations: Destinations) -> httpx.URL:
    """The address, if it may be called as it is written; names are checked once they are resolved.

    Raises FoundryError.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise FoundryError(ErrorKind.PROTOCOL, f"{url[:200]} cannot be called.", "Check the endpoint.") from error
    port = address.port or (443 if address.scheme == "https" else 80)
    if address.scheme != "https" and not destinations.allows_plain(address.host, port):
        raise blocked_error(f"{address.host}:{port}", "Only https may be used here")
    # aiohttp does not ask a resolver about literal addresses.
    try:
        ipaddress.ip_address(address.host)
    except ValueError:
        return address
    if not destinations.allows(address.host, address.host, port):
        raise blocked_error(f"{address.host}:{port}", "This address is loopback, private or link-local")
    return address


def encode_body(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise FoundryError(
            ErrorKind.PROTOCOL,
            f"The request cannot be written as JSON: {error}.",
            "Check the values of the properties.",
        ) from None


def blocked_error(host: str, why: str) -> FoundryError:
    return FoundryError(
        ErrorKind.BLOCKED_DESTINATION,
        f"{why}: {host} may not be called.",
        f"An administrator can list {host} in FOUNDRYFLOW_ALLOWED_DESTINATIONS.",
    )


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
