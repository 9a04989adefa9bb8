"""What a refused request gets back, in each of the forms that services use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    """`body` is JSON; None is an empty body."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


def error(status: int, code: str | None, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"error": {"code": code, "message": f"{message} (simulated)", **more}})


def invalid(code: str | None, message: str, param: str | None) -> Refusal:
    """400 about one part of the body."""
    return error(400, code, message, type="invalid_request_error", param=param)


def coded(status: int, message: str) -> Refusal:
    """The form of API Management and of the token check."""
    return Refusal(status, {"statusCode": status, "message": f"{message} (simulated)"})


NOT_FOUND = error(404, "404", "Resource not found")
