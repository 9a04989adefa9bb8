"""When somebody was last there is kept to the minute, and costs a write every few minutes at most."""

import time

from django.test import Client

from foundryflow.models import Account
from foundryflow.sign_in import session_limits


def seen_at(user):
    return Account.objects.get(user=user).seen_at


def test_signing_in_and_working_is_noted(bob, monkeypatch):
    assert seen_at(bob) is None
    client = Client()
    client.force_login(bob)
    first = seen_at(bob)
    assert (first.second, first.microsecond) == (0, 0)
    Account.objects.update(seen_at=None)
    client.get("/flows/")
    assert seen_at(bob) is None, "a moment ago is near enough"
    later = time.time() + session_limits.REFRESH
    monkeypatch.setattr(session_limits.time, "time", lambda: later)
    client.get("/flows/", headers={"X-Unattended": "1"})
    assert seen_at(bob) is None, "a page that asks by itself is nobody"
    client.get("/flows/")
    assert seen_at(bob) is not None
