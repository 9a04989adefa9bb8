"""Errors as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

from foundryflow.database.waiting import RETRY_AFTER

TYPE = "application/problem+json"


class ApiProblem(Exception):
    """Ends a request with a status and a sentence."""

    def __init__(self, status: int, detail: str, **more: Any) -> None:
        super().__init__(detail)
        self.status, self.detail, self.more = status, detail, more


def problem_body(status: int, detail: str, **more: Any) -> bytes:
    said = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return json.dumps(said, ensure_ascii=False).encode()


def problem_response(status: int, detail: str, **more: Any) -> HttpResponse:
    headers = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": str(RETRY_AFTER)}}.get(status, {})
    return HttpResponse(problem_body(status, detail, **more), status=status, content_type=TYPE, headers=headers)
