"""Which destinations may be called, and which are trusted with the server's own identity.

The destination is checked on the address that is connected to, after name resolution, so a name cannot change its
mind in between.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from functools import lru_cache

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from connections.endpoint.endpoint import Endpoint
from connections.foundry.errors import ErrorKind, FoundryError

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


def blocked_error(host: str, why: str) -> FoundryError:
    return FoundryError(
        ErrorKind.BLOCKED_DESTINATION,
        f"{why}: {host} may not be called.",
        f"An administrator can list {host} in FOUNDRYFLOW_ALLOWED_DESTINATIONS.",
    )
