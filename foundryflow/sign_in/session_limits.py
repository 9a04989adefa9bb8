"""How long somebody stays signed in: not beyond a time without doing anything, and not beyond a longer one at all."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.middleware import SessionMiddleware
from django.contrib.sessions.models import Session
from django.dispatch import Signal
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from foundryflow.models import Account
from foundryflow.sign_in.methods import METHOD, method_of
from foundryflow.sign_in.pipeline import BACKEND

SINCE, SEEN = "signed_in_at", "seen_at"  # seconds since 1970, in the session
FORMER_BACKEND = "django.contrib.auth.backends.ModelBackend"  # in sessions from before there were roles
BRIEFLY = 3_600  # seconds that a session lasts in which nobody is signed in
AT_ONCE = 100
REFRESH = 300  # seconds between two notes that somebody is there
UNATTENDED = "X-Unattended"  # header of requests that a page sends by itself

person_seen = Signal()  # with the request, each time that is noted


class LimitedSessions(SessionMiddleware):
    """Sessions that end. A request writes at most every few minutes."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        session = request.session
        if session.session_key is None or SESSION_KEY not in session:
            return
        if session.get(BACKEND_SESSION_KEY) == FORMER_BACKEND:
            session[BACKEND_SESSION_KEY] = BACKEND
        if session.get(SINCE) is None or session.get(SEEN) is None:  # from before sessions had an end
            session[SINCE] = session[SEEN] = int(time.time())
        elif is_over(session):
            session.flush()

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:  # type: ignore[override]  # streams, too
        session = getattr(request, "session", None)
        if session is not None and session.accessed and SEEN in session and is_attended(request, response):
            now = int(time.time())
            is_due = now - session[SEEN] >= min(REFRESH, settings.SESSION_IDLE_SECONDS // 4)
            if is_due and session.exists(session.session_key):  # the request may have ended it
                session[SEEN] = now
                note_presence(session.get(SESSION_KEY))
                person_seen.send(LimitedSessions, request=request)
        return super().process_response(request, response)  # type: ignore[arg-type]


def is_over(session: Any) -> bool:
    """Of what a session holds: whether its time is up."""
    now = time.time()
    since, seen = session.get(SINCE, now), session.get(SEEN, now)
    return bool(now - since >= settings.SESSION_COOKIE_AGE or now - seen >= settings.SESSION_IDLE_SECONDS)


def note_presence(person: Any) -> None:
    """For the list of people, to the minute."""
    Account.objects.filter(user_id=person).update(seen_at=timezone.now().replace(second=0, microsecond=0))


def is_attended(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether a person did something; an open page asks and listens by itself."""
    return UNATTENDED not in request.headers and not response.get("Content-Type", "").startswith("text/event-stream")


def note_start(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    now = int(time.time())
    request.session[SINCE], request.session[SEEN] = now, now
    request.session[METHOD] = method_of(request, user)
    request.session.set_expiry(None)
    delete_expired()
    note_presence(user.pk)


def keep_briefly(session: Any) -> None:
    """Of somebody who has only begun to sign in. Anybody can begin, so that the table must not grow by it."""
    if SESSION_KEY not in session:
        session.set_expiry(BRIEFLY)
        delete_expired()


def delete_expired() -> None:
    """Some of the sessions whose time is up, each time somebody comes."""
    expired = Session.objects.filter(expire_date__lt=timezone.now()).values_list("pk", flat=True)[:AT_ONCE]
    if keys := list(expired):
        Session.objects.filter(pk__in=keys).delete()


user_logged_in.connect(note_start)
