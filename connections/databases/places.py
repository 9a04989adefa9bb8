"""Where a database may be: hosts by the rules of destinations, files in directories that an administrator listed."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi

from connections.foundry.destinations import Destinations, blocked_error
from connections.foundry.masking import SHORTEST, masker_of
from connections.kinds.address import DataAddress
from connections.kinds.base import DataSourceError
from connections.secret import MASK

SHORTEST_HIDDEN = 4  # characters of a password; a shorter one would be found in ordinary words


@dataclass(frozen=True)
class FileRules:
    """Which files may be opened: those below the directories, but none of the product's own."""

    directories: Sequence[str] = ()
    own_files: Sequence[str] = ()

    def check(self, path: str) -> str:
        """The file without symbolic links. Raises DataSourceError."""
        real = os.path.realpath(path)
        if not any(is_below(real, os.path.realpath(directory)) for directory in self.directories):
            raise DataSourceError(
                "blocked_destination",
                f"{path} lies in no directory that may be opened.",
                "An administrator lists its directory in FOUNDRYFLOW_SQLITE_DIRECTORIES.",
            )
        try:
            found = os.stat(real)
        except OSError as error:
            why = error.strerror or "cannot be read"
            raise DataSourceError("file_missing", f"{path}: {why}.", "Check the path.") from None
        if any(is_same_file(found, own) for own in self.own_files):
            raise DataSourceError("blocked_destination", "That is the database of this product.", "Name another file.")
        if not stat.S_ISREG(found.st_mode):
            raise DataSourceError("file_missing", f"{path} is no file.", "Name the file of the database.")
        return real


def is_below(path: str, directory: str) -> bool:
    return Path(path).is_relative_to(directory) and path != directory


def is_same_file(found: os.stat_result, other: str) -> bool:
    try:
        return os.path.samestat(found, os.stat(other))
    except OSError:
        return False


def allowed_addresses(destinations: Destinations, host: str, port: int) -> list[str]:
    """What the host resolves to, as far as it may be connected to. Blocks. Raises DataSourceError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter of names that cannot be asked for
        raise DataSourceError("dns", f"There is no host {host}.", "Check its name.") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    allowed = [address for address in addresses if destinations.allows(host, address, port)]
    if not allowed:
        blocked = blocked_error(f"{host}:{port}", "This address is loopback, private or link-local")
        raise DataSourceError("blocked_destination", blocked.message, blocked.hint)
    return allowed


async def resolve(destinations: Destinations, address: DataAddress) -> list[str]:
    """The same without blocking."""
    return await asyncio.to_thread(allowed_addresses, destinations, address.host, address.port)


def cannot_connect(address: DataAddress, why: str = "") -> DataSourceError:
    return DataSourceError(
        "connect",
        f"{address.place} cannot be reached{f': {why}' if why else ''}.",
        "Check server, port and the firewalls on the way.",
    )


def trusted_certificates() -> str:
    """The file of certificates that servers are checked by: what SSL_CERT_FILE names, else those of the browsers."""
    return os.environ.get("SSL_CERT_FILE") or certifi.where()


def hide_secrets(text: str, secrets: Sequence[str]) -> str:
    """What a driver says, without passwords and tokens."""
    text = masker_of(*(secret for secret in secrets if secret)).text(text)
    for secret in secrets:
        if SHORTEST_HIDDEN <= len(secret) < SHORTEST:
            text = text.replace(secret, MASK)
    return text
