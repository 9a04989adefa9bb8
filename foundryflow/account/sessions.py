"""Where somebody is signed in: kept beside the sessions of Django, which know no address and no browser.

A session is listed when it begins, and again each time that `foundryflow.sign_in.session_limits` notes that somebody is
there: so those from before there was a list come into it, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.account.signals import user_logged_in as through_allauth
from allauth.usersessions.models import UserSession
from allauth.usersessions.signals import on_user_logged_in
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from foundryflow.account.browsers import browser_of, is_handheld
from foundryflow.proxies import address_of
from foundryflow.sign_in.session_limits import is_over, person_seen

UNKNOWN = "0.0.0.0"  # noqa: S104 - the address of somebody who came through a socket that has none
LONGEST_AGENT = UserSession._meta.get_field("user_agent").max_length
AT_ONCE = 500  # sessions in one statement


@dataclass(frozen=True)
class ListedSession:
    """A session that is going on, as its person reads it."""

    pk: int
    browser: str
    is_handheld: bool
    address: str
    since: datetime
    seen_at: datetime
    is_current: bool


def connect_sessions() -> None:
    # allauth lists what comes through its own way in alone, and refuses whom it knows no address of.
    through_allauth.disconnect(on_user_logged_in)
    user_logged_in.connect(begin_session, dispatch_uid="foundryflow.account.begin_session")
    person_seen.connect(list_session, dispatch_uid="foundryflow.account.list_session")


def begin_session(sender: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
    """Whoever comes anew takes what is over off their list."""
    list(live_sessions(user))
    list_session(sender, request)


def list_session(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """Notes that a session is there, now, from this address and browser."""
    session = request.session
    if session.session_key is None:
        session.save()
    found = address_of(request.META.get("REMOTE_ADDR") or "")
    seen = {
        "user_id": int(session[SESSION_KEY]),
        "ip": str(found).partition("%")[0] if found else UNKNOWN,  # without the interface of an address on the link
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:LONGEST_AGENT],
        "last_seen_at": timezone.now(),
    }
    UserSession.objects.update_or_create(session_key=session.session_key, defaults=seen)


def sessions_of(user: User, current: str | None = None) -> list[ListedSession]:
    """Those that go on, this one (by its key) first, then whichever was seen last."""
    found = [
        ListedSession(
            pk=each.pk,
            browser=browser_of(each.user_agent),
            is_handheld=is_handheld(each.user_agent),
            address="" if each.ip == UNKNOWN else each.ip,
            since=each.created_at,
            seen_at=each.last_seen_at,
            is_current=each.session_key == current,
        )
        for each in live_sessions(user)
    ]
    return sorted(found, key=lambda each: (each.is_current, each.seen_at), reverse=True)


def live_sessions(user: User) -> Iterator[UserSession]:
    """Those on the list that go on; what is over is taken off it."""
    listed = list(UserSession.objects.filter(user=user))
    keys = [each.session_key for each in listed]
    stored = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    alive = {each.session_key for each in stored if leads_in(each, user)}
    if over := [each.pk for each in listed if each.session_key not in alive]:
        UserSession.objects.filter(pk__in=over).delete()
    return (each for each in listed if each.session_key in alive)


def leads_in(stored: Session, user: User) -> bool:
    """Whether somebody who comes with this session is signed in as this person."""
    held = stored.get_decoded()
    # As Django looks at it: the hash is another one as soon as the password is.
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    is_valid = any(constant_time_compare(held.get(HASH_SESSION_KEY, ""), each) for each in hashes)
    return held.get(SESSION_KEY) == str(user.pk) and is_valid and not is_over(held)


def end_session(user: User, pk: int) -> ListedSession | None:
    """The session that was ended; None when it was not there any more."""
    found = next((each for each in sessions_of(user) if each.pk == pk), None)
    if found:
        delete_sessions(UserSession.objects.filter(pk=pk).values_list("session_key", flat=True))
    return found


@transaction.atomic
def end_sessions(user: User, but: str | None = None) -> int:
    """Ends all sessions of a person but the one with this key, also those that are on no list. How many it were."""
    stored = Session.objects.filter(expire_date__gt=timezone.now())
    theirs = [
        each.session_key
        for each in stored.iterator()
        if each.session_key != but and each.get_decoded().get(SESSION_KEY) == str(user.pk)
    ]
    delete_sessions(theirs)
    return len(theirs)


def delete_sessions(keys: Iterable[str]) -> None:
    keys = list(keys)
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        Session.objects.filter(session_key__in=some).delete()
        UserSession.objects.filter(session_key__in=some).delete()


def rename_session(old: str | None, new: str | None) -> None:
    """The same session has another key from now on."""
    UserSession.objects.filter(session_key=old).update(session_key=new)
