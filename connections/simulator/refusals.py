"""What a refused request gets back, in each of the forms that services use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class SimulatedRefusal:
    """`body` is JSON; None is an empty body."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def error_refusal(status: int, code: str | None, message: str, **more: Any) -> SimulatedRefusal:
    return SimulatedRefusal(status, {"error": {"code": code, "message": f"{message} (simulated)", **more}})


def invalid_parameter(code: str | None, message: str, param: str | None) -> SimulatedRefusal:
    """400 about one part of the body."""
    return error_refusal(400, code, message, type="invalid_request_error", param=param)


def status_code_refusal(status: int, message: str) -> SimulatedRefusal:
    """The form of API Management and of the token check."""
    return SimulatedRefusal(status, {"statusCode": status, "message": f"{message} (simulated)"})


# Status -> the type of an error of Claude's.
ANTHROPIC_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def anthropic_refusal(message: str, status: int = 400, headers: dict[str, str] | None = None) -> SimulatedRefusal:
    """As Claude refuses: with a type, without code and param."""
    error = {"type": ANTHROPIC_TYPES.get(status, "api_error"), "message": f"{message} (simulated)"}
    body = {"type": "error", "error": error, "request_id": "req_simulated"}
    return SimulatedRefusal(status, body, headers or {})


NOT_FOUND = error_refusal(404, "404", "Resource not found")
