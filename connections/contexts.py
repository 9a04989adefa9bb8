"""What the pages of connections show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from connections.endpoint.embedded_secrets import EDGES, is_bare_key
from connections.endpoint.endpoint import Endpoint, EndpointError, SecretInEndpoint
from connections.endpoint.recognise import parse_endpoint
from connections.foundry.lessons import (
    API,
    API_VERSION,
    DOCUMENTS,
    EFFORT,
    EMBEDDINGS,
    ENDPOINT,
    FEATURES,
    FORMAT,
    KEY_HEADER,
    NONE_MADE,
    SCOPE,
    SOME_MADE,
    VERSION,
    WAYS,
    change_of,
)
from connections.foundry.routes import first_url
from connections.kinds.base import ConnectionKind
from connections.kinds.registry import KINDS
from connections.lesson_memory import as_lesson
from connections.models import Connection, LearntLesson


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
        return first_url(self.endpoint)

    @property
    def has_key(self) -> bool:
        return bool(self.endpoint and self.endpoint.found_key)

    def split_text(self, text: str) -> dict[str, Any]:
        """How the page takes a pasted text apart: the address, and where in the text the key stands.

        The key itself is never sent back. Positions count UTF-16 units, as browsers do.
        """
        if isinstance(self.error, SecretInEndpoint) and is_bare_key(word := text.strip(EDGES)):
            start = utf16_length(text[: text.find(word)])
            return {"length": utf16_length(text), "start": start, "end": start + utf16_length(word), "is_key": True}
        if self.endpoint is None or not (self.endpoint.found_key or self.endpoint.found_model):
            return {}
        key = self.endpoint.found_key.reveal() if self.endpoint.found_key else ""
        at = text.find(key) if key else -1
        begin = utf16_length(text[:at]) if at >= 0 else None
        return {
            "length": utf16_length(text),
            "endpoint": self.endpoint.url,
            "model": self.endpoint.found_model or "",
            "start": begin,
            "end": None if begin is None else begin + utf16_length(key),
        }


def utf16_length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


PARAMETER_LABELS = {
    API: "Spoken to by",
    ENDPOINT: "Address",
    API_VERSION: "api-version",
    VERSION: "anthropic-version",
    SCOPE: "Scope of the token",
    KEY_HEADER: "Header of the key",
    FEATURES: "Preview features",
    EMBEDDINGS: "Embeddings",
    DOCUMENTS: "Calls with a PDF",
    "max_tokens": "Output limit",
    "max_completion_tokens": "Output limit",
    "max_output_tokens": "Output limit",
    "stream_options": "Token count while streaming",
    EFFORT: "Reasoning effort",
    FORMAT: "Response format",
}
REPLACEMENT_LABELS = {
    "responses": "Responses API",
    "chat": "Chat completions",
    "messages": "Messages, as Claude does",
    NONE_MADE: "None are made; flows that ask for them get a warning",
    SOME_MADE: "Made after all",
}


@dataclass(frozen=True)
class LessonRow:
    """One lesson as the connection's page shows it."""

    lesson: LearntLesson

    @property
    def title(self) -> str:
        name = self.lesson.parameter
        return PARAMETER_LABELS.get(name, name.replace(".", " ").replace("_", " ").capitalize())

    @property
    def effect(self) -> str:
        """What is done since, such as "max_tokens is sent as max_completion_tokens"."""
        if self.lesson.parameter == API_VERSION:
            newer = "/".join(self.lesson.endpoint.split("/")[:3])
            return f"{self.lesson.instead}; {newer}/openai/v1 takes none"
        if self.lesson.parameter in WAYS:
            return REPLACEMENT_LABELS.get(self.lesson.instead, self.lesson.instead)
        return change_of(as_lesson(self.lesson))


def lessons_by_deployment(connection: Connection) -> list[tuple[str, list[LessonRow]]]:
    """Lessons about the endpoint of a connection, by deployment."""
    found: dict[str, list[LessonRow]] = {}
    for lesson in LearntLesson.objects.filter(endpoint=connection.endpoint)[:500]:
        found.setdefault(lesson.model, []).append(LessonRow(lesson))
    return list(found.items())
