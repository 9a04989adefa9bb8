"""Writes the audit log. Whoever changes something, uses a secret outside a run, or refuses somebody, says so here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest

from foundryflow.models import ApiKey, AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.names import name_of
from foundryflow.proxies import caller_address


@dataclass(frozen=True)
class Origin:
    """Who acts, and from where."""

    via: Via
    by: User | None = None
    actor: str = ""
    address: str = ""


COMMAND = Origin(Via.COMMAND, actor="Command line")
SERVER = Origin(Via.SERVER, actor="System")


@dataclass(frozen=True)
class Subject:
    """What something is done to. The name stays readable when the thing is gone; the number leads to it while it is
    there."""

    kind: str
    name: str
    pk: int | None = None


def origin_of(request: HttpRequest) -> Origin:
    """Of a page: whoever is signed in, or nobody yet."""
    user = getattr(request, "user", None)
    person = user if isinstance(user, User) or (user is not None and user.is_authenticated) else None
    return Origin(Via.BROWSER, person, name_of(person), caller_address(request))


def origin_of_key(key: ApiKey, request: HttpRequest) -> Origin:
    """Of a call of the API."""
    return Origin(Via.API, key.created_by, f"API · {key.name}", caller_address(request))


def record(
    origin: Origin,
    verb: str,
    subject: Subject,
    detail: str = "",
    *,
    refused: bool = False,
    data: Mapping[str, Any] | None = None,
) -> None:
    """In the transaction of what it tells, so that there is neither without the other."""
    AuditEntry.objects.create(
        by=origin.by,
        actor=origin.actor[:200],
        via=origin.via,
        address=origin.address,
        verb=verb[:60],
        kind=subject.kind,
        subject=subject.name[:200],
        subject_id=subject.pk,
        detail=detail[:500],
        is_refused=refused,
        data=dict(data or {}),
    )
