"""The change of one's own password. Its limits and the sessions that end are in test_sign_in, too."""

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.test import Client

from foundryflow.account.password import hint_of
from foundryflow.models import Account, AuditEntry
from tests.foundryflow.account.conftest import ALICE_PASSWORD as RIGHT

pytestmark = pytest.mark.django_db
NEW = {"old_password": RIGHT, "new_password1": "another horse staple", "new_password2": "another horse staple"}


def test_a_change_is_kept_and_written_down(client_alice, alice):
    assert client_alice.post("/account/password/", NEW).url == "/account/"
    assert Account.objects.get(user=alice).password_changed_at
    (entry,) = AuditEntry.objects.filter(verb="changed own password")
    assert (entry.by, entry.subject_id, entry.is_refused) == (alice, alice.pk, False)
    shown = client_alice.get("/account/").content.decode()
    assert "changed " in shown
    assert RIGHT not in str(entry.__dict__)


def test_this_session_stays_on_the_list_with_its_beginning(alice):
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/login/", {"username": "alice", "password": RIGHT})
    first = UserSession.objects.get(session_key=here.session.session_key)
    here.post("/account/password/", NEW)
    (left,) = UserSession.objects.all()
    assert (left.pk, left.created_at) == (first.pk, first.created_at)
    assert left.session_key == here.session.session_key


def test_a_wrong_one_is_a_refusal(client_alice, alice):
    response = client_alice.post("/account/password/", {**NEW, "old_password": "guess"})
    assert response.status_code == 422
    (entry,) = AuditEntry.objects.filter(is_refused=True)
    assert (entry.by, entry.verb) == (alice, "tried to change own password")
    assert not AuditEntry.objects.filter(verb="changed own password").exists()


def test_a_mistake_in_the_new_one_costs_no_attempt(client_alice):
    response = client_alice.post("/account/password/", {**NEW, "old_password": "guess", "new_password2": "x"})
    assert response.status_code == 422
    assert not AuditEntry.objects.filter(is_refused=True).exists()


def test_one_that_is_endless_is_refused(client_alice):
    endless = "endless staple " * 100
    response = client_alice.post("/account/password/", {**NEW, "new_password1": endless, "new_password2": endless})
    assert response.status_code == 422
    assert "at most 1,000 characters" in response.content.decode()


def test_long_ones_and_every_letter_will_do(client_alice):
    long = " päss phrase 🐎 of 64 letters or more, with blanks at both of its ends "
    assert client_alice.post("/account/password/", {**NEW, "new_password1": long, "new_password2": long}).url
    assert User.objects.get(username="alice").check_password(long)


@pytest.mark.parametrize(
    ("typed", "said", "good", "bad"),
    [
        ("", "At least 10 characters.", False, False),
        ("x", "1 character of at least 10.", False, False),
        ("sevenxx", "7 characters of at least 10.", False, False),
        ("password1234", "12 characters, but in the list of common ones.", False, True),
        ("alice@example.com", "17 characters, but too close to your name or email.", False, True),
        ("correct horse st", "16 characters, not in the list of common ones", True, False),
        ("x" * 1001, "1,001 characters: at most 1,000.", False, True),
    ],
)
def test_the_hint_while_it_is_typed(alice, typed, said, good, bad):
    hint = hint_of(typed, alice)
    assert (hint.sentence, hint.is_good, hint.is_bad) == (said, good, bad)


def test_the_hint_comes_as_a_part_and_repeats_nothing(client_alice):
    response = client_alice.post("/account/password/hint/", {"new_password1": "correct horse st"})
    assert "16 characters, not in the list" in response.content.decode()
    assert "horse" not in response.content.decode()
    assert response.headers["Cache-Control"] == "no-store"
    assert client_alice.get("/account/password/hint/?new_password1=x").status_code == 405


def test_its_address_leads_to_the_page(client_alice):
    response = client_alice.get("/account/password/")
    assert response.status_code == 200
    assert 'name="old_password"' in response.content.decode()
