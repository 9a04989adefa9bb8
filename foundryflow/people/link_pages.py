"""Pages whose address holds a secret: where the link of an invitation, or that of a password, leads."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

from foundryflow.names import name_of
from foundryflow.proxies import caller_address
from foundryflow.regions import page
from foundryflow.sign_in.attempts import Limit, begin_attempt
from foundryflow.sign_in.limits import host_and_network

log = logging.getLogger(__name__)
Found = TypeVar("Found")

MOST_WRONG, QUARTER = 20, 900  # links that lead nowhere, from one host in so many seconds


def find_by_link(request: HttpRequest, kind: str, find: Callable[[], Found | None]) -> Found | None:
    """What the link is about; None for one that leads nowhere. Raises TooMany once many of this host have."""
    caller = caller_address(request)
    host, _ = host_and_network(caller)
    attempt = begin_attempt([Limit(f"{kind}:{host}", MOST_WRONG, QUARTER)])
    found = find()
    if found is not None:
        attempt.withdraw()
        return found
    attempt.fail()
    log.warning("Unknown %s, from %s", kind, caller)
    return None


def somebody_else_page(request: HttpRequest, template: str, whose: str) -> HttpResponse:
    """For whoever is signed in, where the link is another person's: `whose` says so."""
    context = {"whose": whose, "signed_in": name_of(request.user)}  # type: ignore[arg-type]  # somebody is
    return link_page(request, template, context, unposted_status(request))


def unposted_status(request: HttpRequest) -> int:
    """Of a page without the form that may have been posted."""
    return 409 if request.method == "POST" else 200


def link_page(request: HttpRequest, template: str, context: dict[str, Any], status: int) -> HttpResponse:
    response = page(request, template, context, status=status)
    # Not the whole address of this page, which holds the secret; the origin is what a form is checked by.
    response.headers["Referrer-Policy"] = "strict-origin"
    if status == 429:
        response.headers["Retry-After"] = str(QUARTER)
    response._has_been_logged = True  # type: ignore[attr-defined]  # Django would log the address
    return response
