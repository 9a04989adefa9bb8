"""Pages whose address holds a secret: where the link of an invitation, or that of a password, leads."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from foundryflow.proxies import caller_address
from foundryflow.regions import page
from foundryflow.sign_in.attempts import Limit, PendingAttempt, begin_attempt
from foundryflow.sign_in.limits import host_and_network

MOST_WRONG, QUARTER = 20, 900  # links that lead nowhere, from one host in so many seconds


def begin_with_link(request: HttpRequest, kind: str) -> PendingAttempt:
    """Raises TooMany once many links of this host have led nowhere."""
    host, _ = host_and_network(caller_address(request))
    return begin_attempt([Limit(f"{kind}:{host}", MOST_WRONG, QUARTER)])


def link_page(request: HttpRequest, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    response = page(request, template, context, status=status)
    # Not the whole address of this page, which holds the secret; the origin is what a form is checked by.
    response.headers["Referrer-Policy"] = "strict-origin"
    if status == 429:
        response.headers["Retry-After"] = str(QUARTER)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the address
    return response
