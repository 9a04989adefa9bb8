"""A request to any service and what came back, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from connections.foundry.masking import Masker, masker_of
from connections.secret import Secret


@dataclass(frozen=True, slots=True)
class OutgoingRequest:
    """`secrets` are those that stand in its headers and content, and are masked wherever they come back."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    secrets: tuple[Secret, ...] = ()
    timeout: float = 30.0  # seconds for all of it
    most_bytes: int = 5_000_000  # of the body of the answer

    @property
    def masker(self) -> Masker:
        return masker_of(*sorted({secret.reveal() for secret in self.secrets}))


@dataclass(frozen=True, slots=True)
class ReceivedAnswer:
    """As it came; `headers` by names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.content_type.endswith(("+json", "/json"))

    @property
    def text(self) -> str:
        _, _, charset = self.headers.get("content-type", "").lower().partition("charset=")
        try:
            return self.body.decode(charset.split(";")[0].strip(" \"'") or "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")


class RequestFailed(Exception):
    """The request was not answered. `kind` is short and stable, the rest are sentences without secrets.

    dns connect tls timeout blocked_destination truncated protocol too_large input
    """

    def __init__(self, kind: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint
