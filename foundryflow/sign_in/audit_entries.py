"""What the audit log learns about signing in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from foundryflow.accounts import oneself
from foundryflow.audit.record import Origin, origin_of_person, record
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.proxies import caller_address
from foundryflow.sign_in.logged_names import loggable_name
from foundryflow.sign_in.methods import method_of

TRIED = "tried to sign in"
STRANGER = "Somebody"  # of whom nothing is known
TOGETHER = timedelta(minutes=10)  # in which the same refusal is one entry that counts


def connect_audit_entries() -> None:
    user_logged_in.connect(record_sign_in, dispatch_uid="foundryflow.sign_in.audit_entries")
    user_logged_out.connect(record_sign_out, dispatch_uid="foundryflow.sign_in.audit_entries")


def record_sign_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if "REQUEST_METHOD" not in request.META:  # nobody asked: a program signs somebody in by itself
        return
    how = method_of(request, user)
    said = f"with {how}" if how else ""
    record(origin_of_person(request, user), "signed in", oneself(user), said, data={"method": how})


def record_sign_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if isinstance(user, User) and "REQUEST_METHOD" in request.META:
        record(origin_of_person(request, user), "signed out", oneself(user))


def record_refused_sign_in(request: Any, name: str, why: str, *, verb: str = TRIED) -> None:
    """Somebody did not get in. What is said again and again is counted instead of written again."""
    user = User.objects.filter(username=name).first()
    origin = Origin(Via.BROWSER, None, loggable_name(name), caller_address(request) if request else "")
    same = AuditEntry.objects.filter(
        actor=origin.actor[:200], address=origin.address, verb=verb, detail=f", {why}"[:500], is_refused=True,
        at__gt=timezone.now() - TOGETHER,
    )  # fmt: skip
    if not same.update(count=F("count") + 1):
        record(origin, verb, oneself(user), f", {why}", refused=True)
