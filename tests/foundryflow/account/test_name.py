"""Name and email: changed by their person, confirmed by their password."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from foundryflow.models import AuditEntry
from foundryflow.sign_in import limits
from tests.foundryflow.account.conftest import ALICE_PASSWORD as RIGHT

pytestmark = pytest.mark.django_db
NEW = {"name": "Ada Nilsen", "email": "ada@contoso.example", "email_password": RIGHT}


def change(client, **given):
    return client.post("/account/name/", {"name": "Alice", "email": "alice@example.com", **given})


def test_a_name_needs_no_password(client_alice, alice):
    assert change(client_alice, name="  Ada   Nilsen ").url == "/account/"
    alice.refresh_from_db()
    assert (alice.get_full_name(), alice.email, alice.username) == ("Ada Nilsen", "alice@example.com", "alice")
    (entry,) = AuditEntry.objects.filter(verb="changed own name")
    assert (entry.by, entry.subject_id, entry.detail) == (alice, alice.pk, "from Alice to Ada Nilsen")


def test_a_new_email_asks_for_the_password_and_loses_nothing(client_alice, alice):
    response = change(client_alice, name="Ada", email="ada@contoso.example")
    shown = response.content.decode()
    assert response.status_code == 422
    assert "Type your current password: it confirms the new email." in shown
    assert 'value="ada@contoso.example"' in shown
    assert 'value="Ada"' in shown
    alice.refresh_from_db()
    assert (alice.first_name, alice.email) == ("Alice", "alice@example.com")
    assert not AuditEntry.objects.filter(verb__startswith="changed").exists()


def test_the_password_confirms_it(client_alice, alice):
    assert client_alice.post("/account/name/", NEW).status_code == 302
    alice.refresh_from_db()
    assert (alice.email, alice.username) == ("ada@contoso.example", "alice")
    (entry,) = AuditEntry.objects.filter(verb="changed own email")
    assert entry.detail == "from alice@example.com to ada@contoso.example"
    assert RIGHT not in str(entry.__dict__)


def test_the_user_name_follows_where_they_were_the_same(db):
    user = User.objects.create_user("ada@old.example", "ada@old.example", RIGHT, first_name="Ada")
    client = Client()
    client.force_login(user)
    assert client.post("/account/name/", NEW).status_code == 302
    user.refresh_from_db()
    assert user.username == "ada@contoso.example"
    assert client.get("/flows/").status_code == 200
    assert Client().post("/login/", {"username": "ada@contoso.example", "password": RIGHT}).status_code == 302


def test_a_wrong_password_is_refused_and_written_down(client_alice, alice):
    response = client_alice.post("/account/name/", {**NEW, "email_password": "guess it"})
    assert response.status_code == 422
    assert "This is not your current password" in response.content.decode()
    assert "guess it" not in response.content.decode()
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"
    (entry,) = AuditEntry.objects.filter(is_refused=True)
    assert (entry.by, entry.verb) == (alice, "tried to change own email")


def test_it_cannot_be_guessed_in_a_row(client_alice, alice, monkeypatch):
    monkeypatch.setattr(limits, "MOST_TOGETHER", 3)
    answers = [client_alice.post("/account/name/", {**NEW, "email_password": "no"}).status_code for _ in range(3)]
    assert answers == [422, 422, 429]
    locked = client_alice.post("/account/name/", NEW)
    assert locked.status_code == 429
    assert "Too many wrong ones" in locked.content.decode()
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


@pytest.mark.parametrize("taken", ["BOB@example.com", "bob@EXAMPLE.com"])
def test_an_email_of_somebody_else_is_refused_however_it_is_written(client_alice, alice, bob, taken):
    response = client_alice.post("/account/name/", {**NEW, "email": taken})
    assert response.status_code == 422
    assert "Somebody on this server has this email already." in response.content.decode()


def test_a_user_name_of_somebody_else_is_no_email_either(client_alice):
    User.objects.create_user("Carol@contoso.example", "", "some long password")
    response = client_alice.post("/account/name/", {**NEW, "email": "carol@contoso.example"})
    assert response.status_code == 422


def test_ones_own_email_may_be_written_in_another_way(client_alice, alice):
    assert client_alice.post("/account/name/", {**NEW, "email": "Alice@example.com"}).status_code == 302
    alice.refresh_from_db()
    assert alice.email == "Alice@example.com"


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": " "}, {"name": "a" * 151}, {"email": ""}, {"email": "no"}])
def test_what_cannot_be_is_said_at_its_field(client_alice, alice, wrong):
    before = alice.first_name
    response = change(client_alice, **wrong)
    assert response.status_code == 422
    assert "field-error" in response.content.decode()
    alice.refresh_from_db()
    assert (alice.email, alice.first_name) == ("alice@example.com", before)


def test_what_nobody_means_is_left_out_of_a_name(client_alice, alice):
    assert change(client_alice, name="a\0").status_code == 302
    alice.refresh_from_db()
    assert alice.first_name == "a"


def test_who_never_had_an_email_may_go_on_without(db):
    user = User.objects.create_user("ops", "", RIGHT)
    client = Client()
    client.force_login(user)
    assert client.post("/account/name/", {"name": "Ops", "email": ""}).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.username) == ("Ops", "ops")


def test_who_has_no_password_here_keeps_the_email_of_their_provider(client_bob, bob):
    bob.set_unusable_password()
    bob.save()
    client_bob.force_login(bob)
    assert client_bob.post("/account/name/", {"name": "Bo", "email": "bo@evil.example"}).status_code == 302
    bob.refresh_from_db()
    assert (bob.first_name, bob.email) == ("Bo", "bob@example.com")
