"""What the pages of connections show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connections.endpoint.endpoint import Endpoint, EndpointError
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.lessons import API, ENDPOINT, KEY_HEADER, SCOPE
from connections.kinds.base import ConnectionKind, KindGroup
from connections.kinds.registry import KINDS
from connections.models import Connection, LearntLesson
from connections.rotation import is_due
from connections.usage import users_by_connection

CHECK_LABELS = {
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
    "sign_in": "Sign-in refused",
    "file_missing": "No such file",
    "driver_missing": "Driver missing",
}
GROUP_NOTES = {KindGroup.MODELS: "answer prompts", KindGroup.DATA: "fetched while a flow runs"}


@dataclass(frozen=True)
class ConnectionRow:
    connection: Connection
    flows: int

    @property
    def check_state(self) -> tuple[str, str, str]:
        """Icon, label and CSS modifier of the last check."""
        if not self.connection.key_readable:
            return "circle-x", "Re-enter the key", "bad"
        if self.connection.check_ok is None:
            return "circle-dashed", "Unverified", "mute"
        if self.connection.check_ok:
            return "circle-check", "Answered", "ok"
        return "circle-x", CHECK_LABELS.get(self.connection.check_kind, "Failed"), "bad"

    @property
    def key_note(self) -> str:
        """What is to be done about its key: a rotation under way, or one that is due."""
        if self.connection.switched_at:
            return "Former key watched"
        return "Replace the key" if is_due(self.connection) else ""

    @property
    def place(self) -> str:
        """The second line of where it is: the database on a server."""
        address = None if self.connection.is_foundry else self.connection.address
        return f"/{address.database}" if address and address.host and address.database else ""


@dataclass(frozen=True)
class RowGroup:
    """Connections for one purpose, as the list shows them together."""

    title: str
    note: str
    rows: list[ConnectionRow]


def connection_groups(connections: Iterable[Connection]) -> list[RowGroup]:
    """Groups that have any, in their order."""
    used = users_by_connection()
    rows = [ConnectionRow(connection, len(used.get(connection.name, []))) for connection in connections]
    groups = {group: [row for row in rows if row.connection.kind_of.group is group] for group in KindGroup}
    return [RowGroup(group.value, GROUP_NOTES[group], found) for group, found in groups.items() if found]


def kind_choices(chosen: ConnectionKind, names: Iterable[str]) -> list[tuple[ConnectionKind, bool]]:
    """The kinds of a form, and which of them it is for."""
    return [(KINDS[name], name == chosen.name) for name in names]


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
            return cls(endpoint=parse_endpoint(text))
        except EndpointError as error:
            return cls(error=error)

    @property
    def url(self) -> str:
        if self.endpoint is None:
            return ""
        if self.endpoint.prefers_responses:
            return self.endpoint.responses_url("MODEL") or self.endpoint.url
        return self.endpoint.chat_url("MODEL") or self.endpoint.url

    @property
    def has_key(self) -> bool:
        return bool(self.endpoint and self.endpoint.found_key)

    def split_text(self, text: str) -> dict[str, Any]:
        """How the page takes a pasted text apart: the address, and where in the text the key stands.

        The key itself is never sent back. Positions count UTF-16 units, as browsers do.
        """
        if self.endpoint is None or not (self.endpoint.found_key or self.endpoint.found_model):
            return {}
        key = self.endpoint.found_key.reveal() if self.endpoint.found_key else ""
        at = text.find(key) if key else -1
        start = utf16_length(text[:at]) if at >= 0 else None
        return {
            "length": utf16_length(text),
            "endpoint": self.endpoint.url,
            "model": self.endpoint.found_model or "",
            "start": start,
            "end": None if start is None else start + utf16_length(key),
        }


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


PARAMETER_LABELS = {
    API: "Spoken to by",
    ENDPOINT: "Address",
    SCOPE: "Scope of the token",
    KEY_HEADER: "Header of the key",
    "max_tokens": "Output limit",
    "max_completion_tokens": "Output limit",
    "max_output_tokens": "Output limit",
    "stream_options": "Token count while streaming",
}
REPLACEMENT_LABELS = {
    "responses": "Responses API",
    "chat": "Chat completions",
    "json_object": "sent as json_object, without schema",
}


@dataclass(frozen=True)
class LessonRow:
    """One lesson as the connection's page shows it."""

    lesson: LearntLesson

    @property
    def pk(self) -> int:
        return self.lesson.pk

    @property
    def learned_at(self) -> Any:
        return self.lesson.learned_at

    @property
    def message(self) -> str:
        return self.lesson.message

    @property
    def title(self) -> str:
        name = self.lesson.parameter
        return PARAMETER_LABELS.get(name, name.replace(".", " ").replace("_", " ").capitalize())

    @property
    def effect(self) -> str:
        """What is done since, such as "sent as max_tokens"."""
        if not self.lesson.instead:
            return f"not sent when {self.lesson.value}" if self.lesson.value else f"{self.lesson.parameter} is not sent"
        if self.lesson.parameter in (API, ENDPOINT, SCOPE, KEY_HEADER):
            return REPLACEMENT_LABELS.get(self.lesson.instead, self.lesson.instead)
        return REPLACEMENT_LABELS.get(self.lesson.instead, f"sent as {self.lesson.instead}")


def lessons_by_deployment(connection: Connection) -> list[tuple[str, list[LessonRow]]]:
    """Lessons about the endpoint of a connection, by deployment."""
    found: dict[str, list[LessonRow]] = {}
    for lesson in LearntLesson.objects.filter(endpoint=connection.endpoint)[:500]:
        found.setdefault(lesson.model, []).append(LessonRow(lesson))
    return list(found.items())
