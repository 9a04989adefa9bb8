"""Where the link of an invitation leads: in, once; else a sentence says why not."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.utils import timezone

from foundryflow.audit.record import COMMAND, Origin
from foundryflow.invitations.invite import NotOpen, accept, invite
from foundryflow.logs import LinkFilter
from foundryflow.models import AuditEntry, Invitation
from foundryflow.models.audit_entry import Via
from foundryflow.people import link_pages
from foundryflow.roles import Role, role_of

PASSWORD = "some good long words"


@pytest.fixture
def link(db):
    return invite("hana@contoso.example", Role.RUNNER, COMMAND)


def posted(secret, client=None, **changes):
    return (client or Client()).post("/join/", {"secret": secret, "name": "Hana Ito", "password": PASSWORD, **changes})


def test_the_page_says_who_joins_as_what_and_keeps_its_address_to_itself(link, client):
    answer = client.get(f"/join/{link[1]}/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "As hana@contoso.example, runner." in page
    assert 'action="/join/"' in page
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not client.session.keys()


def test_whoever_joins_is_signed_in_with_their_role(link):
    client = Client()
    answer = posted(link[1], client)
    assert (answer.status_code, answer["Location"]) == (302, "/flows/")
    hana = User.objects.get()
    assert (hana.username, hana.email, hana.first_name) == ("hana@contoso.example", "hana@contoso.example", "Hana Ito")
    assert role_of(hana) is Role.RUNNER
    assert hana.check_password(PASSWORD)
    assert client.get("/flows/").status_code == 200
    entry = AuditEntry.objects.filter(verb="joined").get()
    assert (entry.by, entry.actor, entry.subject, entry.detail) == (hana, "Hana Ito", "", "as runner")
    invitation = Invitation.objects.get()
    assert invitation.used_by == hana
    assert link[1] not in str(AuditEntry.objects.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "password123"}, "too common"),
        ({"password": "hana@contoso.example"}, "too similar"),
        ({"name": ""}, "required"),
        ({"password": "x" * 2000}, "at most 1000"),
    ],
)
def test_what_cannot_be_taken_is_said_and_the_link_stays_valid(link, changes, words):
    answer = posted(link[1], **changes)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not User.objects.exists()
    assert posted(link[1]).status_code == 302


def expire(invitation):
    Invitation.objects.update(expires_at=timezone.now())


def use(invitation):
    Invitation.objects.update(used_at=timezone.now())


def withdraw(invitation):
    Invitation.objects.update(withdrawn_at=timezone.now())


def make_person(invitation):
    User.objects.create_user("HANA@contoso.example")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (expire, "This invitation has expired"),
        (use, "This invitation was used"),
        (withdraw, "This invitation is not valid any more"),
        (make_person, "You are here already"),
    ],
)
def test_a_link_that_lets_nobody_in_says_why(link, client, change, words):
    change(link[0])
    before = User.objects.count()
    for answer in (client.get(f"/join/{link[1]}/"), posted(link[1])):
        assert answer.status_code == 410
        assert words in answer.content.decode()
    assert User.objects.count() == before


@pytest.mark.parametrize("secret", ["nonsense", "ü", "a" * 3000, "-", "..", "%00x"])
def test_a_link_that_nobody_has_made_leads_nowhere(db, client, secret, caplog):
    for answer in (client.get(f"/join/{secret}/"), posted(secret)):
        assert answer.status_code == 404
    assert "nonsense" not in caplog.text


def test_without_a_secret_there_is_nothing(db, client):
    assert client.post("/join/").status_code == 404
    assert client.get("/join/").status_code == 405


def test_whoever_is_signed_in_is_told_so_and_the_link_stays_valid(link, client_alice):
    page = client_alice.get(f"/join/{link[1]}/")
    assert page.status_code == 200
    assert "You are signed in as Alice" in page.content.decode()
    assert posted(link[1], client_alice).status_code == 409
    assert posted(link[1]).status_code == 302


def test_nobody_tries_many_links_in_a_row(link, client, monkeypatch):
    monkeypatch.setattr(link_pages, "MOST_WRONG", 3)
    for _ in range(3):
        assert client.get("/join/nonsense/").status_code == 404
    refused = client.get("/join/nonsense/")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"]
    assert "Too many links" in refused.content.decode()
    # Elsewhere it is open.
    assert client.get(f"/join/{link[1]}/", REMOTE_ADDR="192.0.2.7").status_code == 200


def test_links_that_are_right_do_not_count(link, client, monkeypatch):
    monkeypatch.setattr(link_pages, "MOST_WRONG", 2)
    for _ in range(5):
        assert client.get(f"/join/{link[1]}/").status_code == 200


def test_a_form_without_its_token_is_refused(link):
    assert posted(link[1], Client(enforce_csrf_checks=True)).status_code == 403
    assert not User.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_browsers_that_join_at_the_same_moment_one_comes_in():
    invitation, _ = invite("hana@contoso.example", Role.RUNNER, COMMAND)
    barrier = threading.Barrier(2)

    def come(name):
        try:
            barrier.wait(10)
            return accept(invitation, name, PASSWORD, Origin(Via.BROWSER))
        except NotOpen:
            return None
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(come, ["Hana", "Ito"]))
    assert [each for each in came if each] == list(User.objects.all())
    assert User.objects.count() == 1


@pytest.mark.parametrize("path", ["/join/", "/password/"])
def test_no_log_holds_the_secret_of_a_link(path):
    address = f"{path}9fK2-vT7m/"
    made = logging.LogRecord("any", logging.ERROR, "", 1, "Server error: %s", (address,), None)
    assert LinkFilter().filter(made)
    assert made.getMessage() == f"Server error: {path}…/"
    try:
        raise ValueError(f"GET {address} failed")
    except ValueError as error:
        failed = logging.LogRecord("any", logging.ERROR, "", 1, "no", (), (ValueError, error, error.__traceback__))
    LinkFilter().filter(failed)
    assert "9fK2" not in logging.Formatter().format(failed)


@dataclass(frozen=True)
class Provider:
    id: str = "entra"
    name: str = "Microsoft Entra ID"
    issuer: str = "https://login.example/tenant/v2.0"
    groups: dict = field(default_factory=lambda: {"ops": "runner"})


def test_where_no_passwords_are_taken_the_provider_is_named(link, client, settings):
    settings.PASSWORD_SIGN_IN, settings.IDENTITY_PROVIDERS = False, [Provider()]
    page = " ".join(client.get(f"/join/{link[1]}/").content.decode().split())
    assert "Join with Microsoft Entra ID" in page
    assert "Password" not in page
    assert posted(link[1]).status_code == 409
    assert not User.objects.exists()


def test_both_ways_are_offered_where_both_are_open(link, client, settings):
    settings.IDENTITY_PROVIDERS = [Provider()]
    page = " ".join(client.get(f"/join/{link[1]}/").content.decode().split())
    assert "Join with Microsoft Entra ID" in page
    assert "Password" in page
    assert link[1] not in str(dict(client.session))


def test_administrators_read_how_people_sign_in(client_alice, alice, client_bob, settings):
    Authenticator.objects.create(user=alice, type=Authenticator.Type.TOTP, data={})
    settings.IDENTITY_PROVIDERS, settings.TWO_FACTOR_REQUIRED = [Provider()], True
    page = client_alice.get("/people/sign-in/").content.decode()
    for words in (
        "Runs flows, changes nothing.",
        "https://login.example/tenant/v2.0",
        "ops is runner",
        "72 hours",
        "Asked of everybody",
    ):
        assert words in page
    settings.TWO_FACTOR_REQUIRED = False
    assert client_bob.get("/people/sign-in/").status_code == 403
