"""Sessions as the audit log names them: by number, since their names come from what somebody has asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from django.http import HttpRequest
from django.urls import reverse

from connections.models import Connection
from flows.playground.models import Session
from foundryflow.audit.record import Repeats, Subject, origin_of, record


def session_subject(session: Session) -> Subject:
    return Subject("session", f"session {session.pk}", session.pk)


def session_addresses(numbers: Collection[int]) -> Mapping[int, str]:
    """Of those that are shared; others are private, to administrators as well."""
    found = Session.objects.filter(pk__in=numbers, shared=True).values_list("pk", flat=True)
    return {pk: reverse("playground:show", args=[pk]) for pk in found}


def record_session(request: HttpRequest, verb: str, session: Session, detail: str = "") -> None:
    record(origin_of(request), verb, session_subject(session), detail)


def record_change(request: HttpRequest, session: Session) -> None:
    """What is typed saves itself: one entry in ten minutes."""
    repeats = Repeats(counted="changes")
    record(origin_of(request), "changed", session_subject(session), repeats=repeats)


def record_calls(request: HttpRequest, session: Session, columns: Iterable[int], times: int = 1) -> None:
    """Each call uses the key of a connection outside a run of a flow."""
    calls = Counter(session.setup_of(column).connection for column in columns)
    known = dict(Connection.objects.filter(name__in=calls).values_list("name", "pk"))
    for name, count in calls.items():
        subject = Subject("connection", name, known.get(name))
        repeats = Repeats(counted="calls", times=count * times)
        record(origin_of(request), "used the key of", subject, "in the playground", repeats=repeats)
