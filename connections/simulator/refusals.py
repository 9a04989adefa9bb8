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


NOT_FOUND = error_refusal(404, "404", "Resource not found")
