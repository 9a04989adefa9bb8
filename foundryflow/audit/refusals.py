"""Writes down who was refused. Called where every refusal comes by, not in each view."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from foundryflow.audit.record import Origin, Repeats, Subject, origin_of, record
from foundryflow.audit.safe_text import MASK
from foundryflow.models import AuditEntry

log = logging.getLogger(__name__)

SECRET_PART = re.compile(r"(?=.*[A-Z])[\w-]{20,}$")
DESTINATION = "the destination "  # in the detail of entries, by which they are found again
READING = ("GET", "HEAD", "OPTIONS")


def record_refused_page(request: HttpRequest, why: str) -> None:
    """Of somebody who is signed in. Only the path is kept: what stands behind it may be a secret."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return
    verb = "tried to open" if request.method in READING else "tried to change"
    data = {"method": request.method, "page": view_name(request)}
    record_refusal(origin_of(request), verb, Subject("page", path_of(request)), f": {first_sentence(why)}", data)


def record_refused_form(request: HttpRequest, why: str) -> None:
    """A form without the right token, which another site may have sent."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return
    data = {"page": view_name(request), "reason": why, "origin": request.headers.get("Origin", "")}
    record_refusal(origin_of(request), "sent a form without its token to", Subject("page", path_of(request)), data=data)


def record_blocked_destination(origin: Origin, verb: str, subject: Subject, host: str) -> None:
    """Somebody wanted to reach what the rules about destinations keep out."""
    record_refusal(origin, verb, subject, f": {DESTINATION}{host} is not allowed")


def blocked_destinations() -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(is_refused=True, detail__contains=DESTINATION)


def record_refusal(
    origin: Origin, verb: str, subject: Subject, detail: str = "", data: Mapping[str, Any] | None = None
) -> None:
    """Repeated ones are one entry. A refusal is none the less when the log cannot be written."""
    try:
        record(origin, verb, subject, detail, refused=True, data=data, repeats=Repeats())
    except (DatabaseError, InterfaceError):
        log.exception("action=refusal_not_recorded verb=%r", verb)


def path_of(request: HttpRequest) -> str:
    """Without the secret of a link: what the route calls so, and what looks like one where no route is known."""
    try:
        secret = resolve(request.path_info).kwargs.get("secret", "")
    except Resolver404:
        secret = ""
    parts = request.path.split("/")
    return "/".join(MASK if part and (part == secret or SECRET_PART.match(part)) else part for part in parts)


def first_sentence(text: str) -> str:
    """Without its full stop: more may follow it in the list."""
    return text.split(". ")[0].rstrip(".")


def view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""
