"""Where somebody is signed in, and how that ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils import timezone

from foundryflow.sign_in.sessions import SEEN, SINCE, is_over

AT_ONCE = 500  # sessions in one statement


@dataclass(frozen=True)
class OpenSession:
    """A session that goes on. The address is empty where none is known."""

    since: datetime
    seen: datetime
    address: str


def sessions_of(user: User) -> list[OpenSession]:
    """Whichever was seen last comes first."""
    addresses = dict(UserSession.objects.filter(user=user).values_list("session_key", "ip"))
    found = [
        OpenSession(moment_of(data.get(SINCE)), moment_of(data.get(SEEN)), addresses.get(key, ""))
        for key, data in stored_sessions(user)
        if not is_over(data)
    ]
    return sorted(found, key=lambda each: each.seen, reverse=True)


def end_sessions(user: User) -> int:
    """Ends all of them. How many it were."""
    keys = [key for key, _ in stored_sessions(user)]
    for start in range(0, len(keys), AT_ONCE):
        some = keys[start : start + AT_ONCE]
        Session.objects.filter(session_key__in=some).delete()
        UserSession.objects.filter(session_key__in=some).delete()
    return len(keys)


def stored_sessions(user: User) -> Iterator[tuple[str, dict[str, int]]]:
    """Key and content. A session says whose it is in what it holds, so that all have to be looked at."""
    for each in Session.objects.filter(expire_date__gt=timezone.now()).iterator():
        data = each.get_decoded()
        if data.get(SESSION_KEY) == str(user.pk):
            yield each.session_key, data


def moment_of(seconds: int | None) -> datetime:
    return datetime.fromtimestamp(seconds, UTC) if seconds else timezone.now()
