"""What the audit log learns about signing in and out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from foundryflow.audit.record import Origin, Subject, origin_of, record
from foundryflow.models import AuditEntry
from foundryflow.models.audit_entry import Via
from foundryflow.names import name_of
from foundryflow.proxies import caller_address
from foundryflow.sign_in.logged_names import loggable_name
from foundryflow.sign_in.methods import method_of

TRIED = "tried to sign in"
STRANGER = "Somebody"  # of whom nothing is known
TOGETHER = timedelta(minutes=10)  # in which the same refusal is one entry that counts


def connect_trail() -> None:
    user_logged_in.connect(tell_signed_in, dispatch_uid="foundryflow.sign_in.trail")
    user_logged_out.connect(tell_signed_out, dispatch_uid="foundryflow.sign_in.trail")


def tell_signed_in(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    if "REQUEST_METHOD" not in request.META:  # nobody asked: a program signs somebody in by itself
        return
    how = method_of(request, user)
    origin = Origin(Via.BROWSER, user, name_of(user), caller_address(request))
    record(origin, "signed in", itself(user), f"with {how}" if how else "", data={"method": how})


def tell_signed_out(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    if isinstance(user, User) and "REQUEST_METHOD" in request.META:
        record(Origin(Via.BROWSER, user, name_of(user), caller_address(request)), "signed out", itself(user))


def tell_refused(request: Any, name: str, why: str, *, verb: str = TRIED) -> None:
    """Somebody did not get in. What is said again and again is counted instead of written again."""
    user = User.objects.filter(username=name).first()
    origin = Origin(Via.BROWSER, None, loggable_name(name), caller_address(request) if request else "")
    same = AuditEntry.objects.filter(
        actor=origin.actor[:200], address=origin.address, verb=verb, detail=f", {why}"[:500], is_refused=True,
        at__gt=timezone.now() - TOGETHER,
    )  # fmt: skip
    if not same.update(count=F("count") + 1):
        record(origin, verb, itself(user), f", {why}", refused=True)


def tell(request: HttpRequest, verb: str, detail: str = "", *, refused: bool = False) -> None:
    """Of somebody who is signed in, about themselves."""
    record(origin_of(request), verb, itself(request.user), detail, refused=refused)


def itself(user: Any) -> Subject:
    """The person who acts: the sentence has named them already."""
    return Subject("person", "", user.pk if user else None)
