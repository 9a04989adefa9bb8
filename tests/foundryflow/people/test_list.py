"""The list of people: who is here and who is invited, found by name, role and state."""

from datetime import UTC, datetime, timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import User
from django.utils import timezone

from foundryflow.accounts import give_role
from foundryflow.audit.record import COMMAND
from foundryflow.invitations.invite import invite
from foundryflow.models import Invitation
from foundryflow.people.rows import seen_words
from foundryflow.roles import Role

HTMX = {"HX-Request": "true"}
NOW = datetime(2026, 11, 27, 14, 7, tzinfo=UTC)  # a Friday


@pytest.fixture
def chi(db):
    user = User.objects.create_user("chi@contoso.example", "chi@contoso.example", "her long password", first_name="Chi")
    give_role(user, Role.EDITOR, by=None)
    return user


def listed(client, query=""):
    return client.get(f"/people/{query}").content.decode()


def test_everybody_is_listed_with_role_and_state(client_alice, bob, chi):
    page = listed(client_alice)
    for words in ("Alice", "bob@example.com", "chi@contoso.example", "Never", "Active", "3 people"):
        assert words in page
    assert "1 administrator; the last one can" in page


@pytest.mark.parametrize(
    "address", ["/people/", "/people/invitations/new/", "/people/{bob}/", "/people/{bob}/deactivate/"]
)
def test_only_administrators_see_people(client_bob, bob, person, client, address):
    address = address.format(bob=bob.pk)
    assert client_bob.get(address).status_code == 403
    client.force_login(person(Role.EDITOR))
    assert client.get(address).status_code == 403
    client.logout()
    assert client.get(address).status_code == 302


@pytest.mark.parametrize("verb", ["role", "sign-out", "two-factor", "deactivate", "activate"])
def test_only_administrators_change_people(client, person, alice, verb):
    client.force_login(person(Role.EDITOR))
    assert client.post(f"/people/{alice.pk}/{verb}/", {"role": "reader"}).status_code == 403
    assert client.post("/people/999/role/", {"role": "reader"}).status_code == 403


def test_somebody_who_is_not_there_is_not_found(client_alice):
    for verb in ("", "deactivate/"):
        assert client_alice.get(f"/people/999/{verb}").status_code == 404
    for verb in ("role", "sign-out", "two-factor", "deactivate", "activate"):
        assert client_alice.post(f"/people/999/{verb}/", {"role": "reader"}).status_code == 404


def test_words_roles_and_states_find_people(client_alice, bob, chi):
    bob.is_active = False
    bob.save()
    invite("gus@contoso.example", Role.EDITOR, COMMAND)
    page = listed(client_alice, "?role=editor")
    assert "chi@contoso.example" in page
    assert "gus@contoso.example" in page
    assert "bob@example.com" not in page
    assert "bob@example.com" in listed(client_alice, "?state=deactivated")
    assert "gus@" not in listed(client_alice, "?state=active")
    assert "gus@" in listed(client_alice, "?state=invited&q=GUS")
    assert "Nobody matches" in listed(client_alice, "?q=nobody")
    assert "chi@" in listed(client_alice, "?q=contoso%20chi")


def test_values_that_are_no_filter_filter_nothing(client_alice, bob):
    assert "bob@example.com" in listed(client_alice, "?role=emperor&state=asleep&page=many")


def test_filters_swap_the_list_alone(client_alice, bob):
    answer = client_alice.get("/people/?q=bob", headers=HTMX).content.decode()
    assert "people-found" in answer
    assert "<html" not in answer


def test_an_invitation_that_has_expired_says_so(client_alice):
    invite("gus@contoso.example", Role.READER, COMMAND)
    assert "link valid until" in listed(client_alice)
    Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert "Link expired" in listed(client_alice)
    assert "gus@" in listed(client_alice, "?state=expired")


def test_how_somebody_signs_in_is_said(client_alice, alice, bob, chi, settings):
    settings.TWO_FACTOR_REQUIRED = True
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})
    Authenticator.objects.create(user=bob, type=Authenticator.Type.TOTP, data={})
    User.objects.create_user("dora", password="one more long password")
    chi.set_unusable_password()
    chi.save()
    SocialAccount.objects.create(user=chi, provider="entra", uid="1")
    page = listed(client_alice)
    assert "By entra" in page
    assert "On</span>" in page
    assert "Off, asked next time" in page  # Dora


def test_many_people_take_as_many_queries_as_few(client_alice, django_assert_max_num_queries):
    for number in range(60):
        User.objects.create_user(f"person{number:02}@contoso.example")
    with django_assert_max_num_queries(16):
        page = listed(client_alice)
    assert "Page 1 of 2" in page
    assert "person59" in listed(client_alice, "?page=2")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (None, "Never"),
        (NOW - timedelta(minutes=2), "14:05, now"),
        (NOW - timedelta(hours=5), "09:07"),
        (NOW - timedelta(days=1), "Yesterday"),
        (NOW - timedelta(days=3), "Tue 24 Nov"),
        (NOW - timedelta(days=56), "2 Oct"),
        (NOW - timedelta(days=400), "23 Oct 2025"),
        (NOW + timedelta(days=1), "14:07, now"),
    ],
)
def test_when_somebody_was_seen_is_said_in_words(at, words):
    assert seen_words(at, NOW) == words


def test_the_page_of_a_person_shows_sessions_and_changes_and_leads_to_runs(client_alice, client_bob, bob, alice):
    client_bob.get("/flows/")
    client_alice.post(f"/people/{bob.pk}/role/", {"role": "editor"})
    page = listed(client_alice, f"{bob.pk}/")
    assert "Signed in" in page
    assert "?by=bob" in page
    assert "Has changed nothing yet" in page
    assert "Changed the role of" in listed(client_alice, f"{alice.pk}/")


def test_the_page_of_a_person_says_who_gave_the_role_and_since_when_it_is_switched_off(client_alice, bob):
    client_alice.post(f"/people/{bob.pk}/role/", {"role": "runner"})
    client_alice.post(f"/people/{bob.pk}/deactivate/")
    page = " ".join(listed(client_alice, f"{bob.pk}/").split())
    assert "given by Alice" in page
    assert "Deactivated</span> <small>since" in page
