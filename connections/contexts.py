"""What the pages of connections show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from connections.endpoint import Endpoint, EndpointError
from connections.models import Connection
from flows.models import Flow
from flows.queries import usage_by_connection

WORDS = {
    "auth_key": "Key refused",
    "auth_token": "Token refused",
    "permission": "No permission",
    "rate_limit": "Quota low",
    "quota": "Quota used up",
    "not_found_deployment": "No such deployment",
    "not_found_route": "Wrong path",
    "blocked_destination": "Not allowed",
    "dns": "No such host",
    "connect": "Unreachable",
    "timeout": "No answer",
    "tls": "Bad certificate",
}


@dataclass(frozen=True)
class Row:
    connection: Connection
    flows: int

    @property
    def check(self) -> tuple[str, str, str]:
        """Icon, word and css modifier of the last check."""
        if not self.connection.key_readable:
            return "circle-x", "Re-enter the key", "bad"
        if self.connection.check_ok is None:
            return "circle-dashed", "Unverified", "mute"
        if self.connection.check_ok:
            return "circle-check", "Answered", "ok"
        return "circle-x", WORDS.get(self.connection.check_kind, "Failed"), "bad"


def rows(connections: Iterable[Connection]) -> list[Row]:
    used = usage_by_connection()
    return [Row(connection, len(used.get(connection.name, []))) for connection in connections]


@dataclass(frozen=True)
class Findings:
    """What a pasted endpoint was recognised as, or why it was not."""

    endpoint: Endpoint | None = None
    error: EndpointError | None = None

    @classmethod
    def of(cls, text: str) -> Findings:
        if not text.strip():
            return cls()
        try:
            return cls(endpoint=Endpoint.parse(text))
        except EndpointError as error:
            return cls(error=error)

    @property
    def url(self) -> str:
        return (self.endpoint.chat_url("MODEL") or self.endpoint.url) if self.endpoint else ""


def users_of(connection: Connection) -> list[tuple[Flow, list[str]]]:
    return usage_by_connection().get(connection.name, [])
