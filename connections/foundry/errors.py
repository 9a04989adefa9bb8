"""What can go wrong between us and a model, and what people can do about it.

FoundryError          one class; `kind` is what callers act on
  dns connect tls timeout            the address was not reached
  auth_key auth_token permission     it was reached and refused us
  network_rule blocked_destination   a rule forbids the way
  not_found_deployment not_found_route not_found_agent not_found_conversation
  unsupported_parameter content_filter context_length
  rate_limit quota server            it may answer later
  budget                             what may be spent is spent; nobody was asked
  protocol truncated cancelled       the answer is not whole
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum, auto
from typing import Any

from connections.foundry.values import FilterResult

LONGEST_RAW = 20_000  # characters


class ErrorKind(StrEnum):
    """Each is its own name in lower case."""

    DNS = auto()
    CONNECT = auto()
    TLS = auto()
    TIMEOUT = auto()
    AUTH_KEY = auto()
    AUTH_TOKEN = auto()
    PERMISSION = auto()
    NETWORK_RULE = auto()
    NOT_FOUND_DEPLOYMENT = auto()
    NOT_FOUND_ROUTE = auto()
    NOT_FOUND_AGENT = auto()
    NOT_FOUND_CONVERSATION = auto()
    UNSUPPORTED_PARAMETER = auto()
    CONTENT_FILTER = auto()
    CONTEXT_LENGTH = auto()
    RATE_LIMIT = auto()
    QUOTA = auto()
    BUDGET = auto()
    SERVER = auto()
    PROTOCOL = auto()
    TRUNCATED = auto()
    CANCELLED = auto()
    BLOCKED_DESTINATION = auto()


class FoundryError(Exception):
    """`message` and `hint` are sentences for people; `raw` is what came back, masked and bounded."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        hint: str = "",
        *,
        status: int | None = None,
        request_id: str | None = None,
        raw: str = "",
        code: str = "",
        params: tuple[str, ...] = (),
        filters: tuple[FilterResult, ...] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.kind, self.message, self.hint = kind, message, hint
        self.status, self.request_id, self.raw = status, request_id, raw[:LONGEST_RAW]
        self.code, self.params, self.filters = code, params, filters  # `params` are those that are refused
        self.details = details or {}  # facts for the record of the call


# In the order of Microsoft's specification; the first is the one to quote to support.
REQUEST_IDS = (
    *("apim-request-id", "x-request-id", "request-id", "x-ms-request-id", "x-ms-client-request-id"),
    "azureml-model-session",
)


def request_ids(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name][:200] for name in REQUEST_IDS if headers.get(name)}


def request_id(headers: Mapping[str, str]) -> str | None:
    return next(iter(request_ids(headers).values()), None)
