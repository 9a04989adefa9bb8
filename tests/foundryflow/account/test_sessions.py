"""Where somebody is signed in, and how that ends."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from foundryflow.account import page
from foundryflow.account.browsers import browser_of
from foundryflow.account.sessions import UNKNOWN, end_sessions, sessions_of
from foundryflow.models import AuditEntry
from foundryflow.sign_in import session_limits as limits
from tests.foundryflow.account.conftest import ALICE_PASSWORD as RIGHT

pytestmark = pytest.mark.django_db
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36 Edg/130.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"


def signed_in(agent=FIREFOX, address="20.0.0.1"):
    client = Client(headers={"User-Agent": agent}, REMOTE_ADDR=address)
    assert client.post("/login/", {"username": "alice", "password": RIGHT}).status_code == 302
    return client


def listed(client):
    return client.get("/account/").content.decode()


def entry_of(client):
    return UserSession.objects.get(session_key=client.session.session_key)


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (EDGE, "Edge on Windows"),
        (IPHONE, "Safari on iPhone"),
        (EDGE.removesuffix(" Edg/130.0"), "Chrome on Windows"),
        (EDGE.replace("Edg/", "OPR/"), "Opera on Windows"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15",
            "Safari on Mac",
        ),
        (
            "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "Chrome on ChromeOS"),
        ("curl/8.5.0", "curl"),
        ("something (Windows)", "Unknown browser on Windows"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_in_words(agent, words):
    assert browser_of(agent) == words


def test_every_sign_in_is_listed_with_browser_address_and_time(alice):
    here = signed_in()
    signed_in(IPHONE, "84.211.6.90")
    shown = listed(here)
    assert "Firefox on Linux" in shown
    assert "Safari on iPhone" in shown
    assert "84.211.6.90" in shown
    assert shown.count("This one") == 1
    mine, other = sessions_of(alice, here.session.session_key)
    assert (mine.is_current, mine.browser) == (True, "Firefox on Linux")
    assert (other.is_current, other.is_handheld) == (False, True)


def test_nobody_sees_or_ends_those_of_others(alice, client_bob):
    hers = signed_in()
    assert "Firefox on Linux" not in listed(client_bob)
    client_bob.post(f"/account/sessions/{entry_of(hers).pk}/sign-out/")
    assert hers.get("/flows/").status_code == 200


def test_one_is_ended(alice):
    here, there, third = signed_in(), signed_in(EDGE), signed_in(IPHONE)
    response = here.post(f"/account/sessions/{entry_of(there).pk}/sign-out/", headers={"HX-Request": "true"})
    assert "Edge on Windows is signed out." in response.content.decode()
    assert there.get("/flows/").status_code == 302
    assert third.get("/flows/").status_code == 200
    assert "Edge on Windows" not in listed(here)
    (entry,) = AuditEntry.objects.filter(verb="signed out elsewhere")
    assert (entry.by, entry.detail) == (alice, "in Edge on Windows")


def test_this_one_ends_by_logging_out(alice):
    here = signed_in()
    response = here.post(f"/account/sessions/{entry_of(here).pk}/sign-out/", headers={"HX-Request": "true"})
    assert response.status_code == 422
    assert here.get("/flows/").status_code == 200


def test_one_that_was_over_already_says_so(alice):
    here = signed_in()
    response = here.post("/account/sessions/999/sign-out/", follow=True)
    assert "That session was over already." in response.content.decode()


def test_all_others_are_ended_also_those_on_no_list(alice, client_bob):
    here, there, unlisted = signed_in(), signed_in(EDGE), signed_in(IPHONE)
    entry_of(unlisted).delete()
    response = here.post("/account/sessions/sign-out-elsewhere/", follow=True)
    assert "You are signed out everywhere else." in response.content.decode()
    assert [each.get("/flows/").status_code for each in (here, there, unlisted, client_bob)] == [200, 302, 302, 200]
    (entry,) = AuditEntry.objects.filter(verb="signed out elsewhere")
    assert entry.detail == "in 2 sessions"
    assert "Sign out elsewhere" not in listed(here)


def test_all_of_a_person_can_be_ended(alice):
    signed_in(), signed_in(EDGE)
    assert end_sessions(alice) == 2
    assert not Session.objects.exists()
    assert not UserSession.objects.exists()


def log_out(client):
    client.post("/logout/")


def run_out(client):
    Session.objects.filter(pk=client.session.session_key).update(expire_date=timezone.now() - timedelta(1))


def idle(client):
    session = client.session
    session["seen_at"] -= 10**6
    session.save()


@pytest.mark.parametrize("end", [log_out, run_out, idle])
def test_what_is_over_is_not_listed(alice, end):
    here, there = signed_in(), signed_in(EDGE)
    pk = entry_of(there).pk
    end(there)
    assert "Edge on Windows" not in listed(here)
    assert not UserSession.objects.filter(pk=pk).exists()


def test_a_password_that_somebody_else_changed_ends_them_on_the_list_too(alice):
    there = signed_in(EDGE)
    alice.set_password("quite another password")
    alice.save()
    assert sessions_of(alice) == []
    assert there.get("/flows/").status_code == 302


def test_one_from_before_there_was_a_list_comes_into_it_when_its_person_is_seen(alice, monkeypatch):
    there = signed_in(EDGE)
    entry_of(there).delete()
    there.get("/flows/")
    assert not UserSession.objects.exists()
    later = timezone.now().timestamp() + limits.REFRESH + 1
    monkeypatch.setattr(limits.time, "time", lambda: later)
    there.get("/flows/")
    assert entry_of(there).user == alice


def test_one_from_before_is_listed_on_its_own_page(alice):
    here = signed_in()
    entry_of(here).delete()
    assert "This one" in listed(here)


def test_the_last_address_and_time_are_kept(alice, monkeypatch):
    here = signed_in()
    first = entry_of(here)
    later = timezone.now().timestamp() + limits.REFRESH + 1
    monkeypatch.setattr(limits.time, "time", lambda: later)
    here.get("/flows/", REMOTE_ADDR="30.0.0.1")
    now = entry_of(here)
    assert (now.pk, now.created_at) == (first.pk, first.created_at)
    assert now.ip == "30.0.0.1"
    assert now.last_seen_at > first.last_seen_at


@pytest.mark.parametrize(
    ("address", "kept"), [("fe80::1%eth0", "fe80::1"), ("", UNKNOWN), ("::ffff:20.0.0.1", "20.0.0.1")]
)
def test_whatever_address_somebody_comes_from(alice, address, kept):
    assert entry_of(signed_in(address=address)).ip == kept


def test_a_list_has_an_end(alice, monkeypatch):
    monkeypatch.setattr(page, "MOST_SESSIONS", 2)
    here = signed_in()
    for _ in range(3):
        signed_in(EDGE)
    shown = listed(here)
    assert shown.count('class="account-row account-session"') == 2
    assert "This one" in shown
    assert "And 2 that were seen before these." in shown


def test_a_browser_says_what_it_likes(alice):
    here = signed_in("<b>x</b>" * 100, "2a01:111:f100::1")
    assert len(entry_of(here).user_agent) == 200
    assert "<b>x" not in listed(here)
