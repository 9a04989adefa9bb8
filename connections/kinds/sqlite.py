"""A SQLite file of this server."""

from __future__ import annotations

import posixpath

from connections.kinds.address import AddressError, DataAddress, PastedAddress
from connections.kinds.base import ConnectionKind, KindGroup


def parse_sqlite(text: str) -> PastedAddress:
    """The path of a file, or sqlite:/// and that. Raises AddressError."""
    path = text.strip().removeprefix("sqlite://").removeprefix("file://")
    if path.startswith("//"):
        path = path[1:]
    if not path.startswith("/") or "\0" in path:
        raise AddressError("This is no path of a file.", "Give the whole path, such as /srv/data/customers.sqlite3.")
    return PastedAddress(DataAddress("sqlite", database=posixpath.normpath(path)))


SQLITE = ConnectionKind(
    name="sqlite",
    label="SQLite file",
    group=KindGroup.DATA,
    parse=parse_sqlite,
    address_label="File",
    address_hint="The whole path. An administrator lists its directory in FOUNDRYFLOW_SQLITE_DIRECTORIES.",
    fields=("endpoint",),
)
