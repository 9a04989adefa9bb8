"""Who calls, and by which way. What proxies say of it counts only where an administrator trusts them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from foundryflow.env import PREFIX, SettingError

Scope = dict[str, Any]
IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

SOCKET = "unix"  # entry that trusts whoever comes by a Unix socket
# A server in front of us may have put the forwarded address in place of the peer's; then the peer was this one.
BELIEVED_BY_UVICORN = ("127.0.0.1", 0)
MOST_HOPS = 20


@dataclass(frozen=True)
class Proxies:
    """The proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."""

    networks: tuple[IpNetwork, ...] = ()
    socket: bool = False

    @classmethod
    def parse(cls, entries: Iterable[str]) -> Proxies:
        """Entries are addresses, ranges (CIDR) or `unix`. Raises SettingError naming the one that is neither."""
        networks, socket = [], False
        for entry in entries:
            if entry == SOCKET:
                socket = True
                continue
            try:
                networks.append(ipaddress.ip_network(entry, strict=False))
            except ValueError:
                raise SettingError(
                    f"{PREFIX}TRUSTED_PROXIES: {entry!r} is neither an address, nor a range such as 10.0.0.0/8,"
                    " nor unix. Who trusts everybody can be told anything."
                ) from None
        return cls(tuple(networks), socket)

    def trusts(self, address: IpAddress | None) -> bool:
        if address is None:
            return self.socket
        return any(address.version == network.version and address in network for network in self.networks)

    def scope_of_caller(self, scope: Scope) -> Scope:
        """The scope with the address and the scheme that the caller really has."""
        forwarded, scheme = forwarding(scope["headers"])
        client = scope.get("client")
        if forwarded is None and scheme is None:
            return scope
        if is_replaced(client, forwarded):
            client = BELIEVED_BY_UVICORN
        peer = address_of(client[0]) if client else None
        if not self.trusts(peer):
            # A server in front of us believes loopback unless it is told otherwise.
            spoilt = scheme is not None and peer is not None and peer.is_loopback
            return {**scope, "client": client, **({"scheme": "http"} if spoilt else {})}
        found = self.caller_of(forwarded) if forwarded else None
        return {
            **scope,
            "client": (str(found), 0) if found else client,
            "scheme": scheme if scheme in ("http", "https") else scope.get("scheme", "http"),
        }

    def caller_of(self, forwarded: str) -> IpAddress | None:
        """The nearest address that is no proxy of ours; the farthest when all are. None when there is none."""
        found = None
        for hop in reversed(forwarded.split(",")[-MOST_HOPS:]):
            address = address_of(host_of(hop.strip()))
            if address is None:
                break
            found = address
            if not self.trusts(address):
                break
        return found


def forwarding(headers: Iterable[tuple[bytes, bytes]]) -> tuple[str | None, str | None]:
    """What the proxies say: X-Forwarded-For as one list, and the nearest one's X-Forwarded-Proto."""
    hops, scheme = [], None
    for name, value in headers:
        if name == b"x-forwarded-for":
            hops.append(value.decode("latin-1"))
        elif name == b"x-forwarded-proto":
            scheme = value.decode("latin-1").rpartition(",")[2].strip().lower()
    return ",".join(hops) if hops else None, scheme


def is_replaced(client: tuple[str, int] | None, forwarded: str | None) -> bool:
    """Whether the client was read from the header before it came to us: nobody calls from port 0."""
    if client is None or forwarded is None:
        return False
    return client[1] == 0 or any(hop.strip() == f"{client[0]}:{client[1]}" for hop in forwarded.split(","))


def host_of(hop: str) -> str:
    """Without the port."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def address_of(text: str) -> IpAddress | None:
    """IPv4 also when it is written as IPv6; without the zone."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address if address.version == 4 else address.ipv4_mapped or address


def caller_address(request: Any) -> str:
    """Of a request, as `Proxies` has found it; empty where there is none."""
    found = address_of(request.META.get("REMOTE_ADDR") or "")
    return str(found) if found else ""
