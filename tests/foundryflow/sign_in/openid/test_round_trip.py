"""To the provider and back, and what is not believed on the way."""

import json
import re
import threading
import time
from datetime import timedelta

import jwt
import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from foundryflow.models import AuditEntry
from foundryflow.sign_in.openid import client as requests
from foundryflow.sign_in.openid.faults import ProviderFault
from foundryflow.sign_in.openid.metadata import metadata_of
from foundryflow.sign_in.providers import IdentityProvider
from tests.foundryflow.sign_in.openid.conftest import come_back, leave, said
from tests.oidc_provider import Broken, SigningKey

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada():
    return User.objects.create_user("ada@contoso.example", "ada@contoso.example", "a long enough password")


def test_somebody_whom_the_provider_vouches_for_is_signed_in(trip, ada, provider):
    client = Client()
    response = trip(client, "?next=/runs/%3Fstate%3Dfailed")
    assert response.url == "/runs/?state=failed"
    assert client.get("/account/session/").json()["person"] == ada.pk
    entry = AuditEntry.objects.get(verb="signed in")
    assert (entry.by, entry.detail) == (ada, "with Contoso ID")
    assert client.session["signed_in_with"] == "Contoso ID"
    assert provider.refused == []


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_the_client_secret_goes_where_the_provider_wants_it(trip, ada, provider, method):
    provider.auth_method = method
    assert trip().url == "/flows/"


def test_the_session_has_another_key_afterwards(trip, ada):
    client = Client()
    address = leave(client)
    before = client.session.session_key
    come_back(client, address)
    assert client.session.session_key != before


def test_an_answer_is_taken_once_and_by_the_browser_that_asked(trip, ada):
    client = Client()
    address = leave(client)
    stranger = Client()
    assert "This attempt to log in was over" in said(stranger, come_back(stranger, address))
    assert come_back(client, address).url == "/flows/"
    client.post("/logout/")
    again = come_back(client, address)
    assert "This attempt to log in was over, or its answer was used already" in said(client, again)


def test_an_attempt_is_over_after_a_while(trip, ada, monkeypatch):
    client = Client()
    address = leave(client)
    later = time.time() + 700
    monkeypatch.setattr("allauth.socialaccount.internal.statekit.time.time", lambda: later)
    assert "This attempt to log in was over" in said(client, come_back(client, address))


def test_a_code_of_another_attempt_is_not_believed(trip, ada):
    mine, theirs = Client(), Client()
    address, other = leave(mine), leave(theirs)
    swapped = address.replace(code_of(address), code_of(other))
    assert "did not accept the answer that your browser brought" in said(mine, come_back(mine, swapped))


def code_of(address):
    return address.partition("code=")[2].partition("&")[0]


def test_keys_may_be_exchanged_at_any_time(trip, ada, provider):
    assert trip().url == "/flows/"
    provider.rotate_keys()
    assert trip().url == "/flows/"
    provider.rotate_keys(keep=True)
    assert trip().url == "/flows/"


def unsigned(claims):
    return jwt.encode(claims, None, algorithm="none")


def signed_with_the_secret(claims):
    return jwt.encode(claims, "a secret: with/signs & more, and long enough", algorithm="HS256")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        ({"iss": "https://evil.example"}, "it comes from another issuer"),
        ({"aud": "another"}, "it is meant for another application"),
        ({"aud": ["foundryflow-tests", "another"]}, "it was given to another application"),
        ({"azp": "another"}, "it was given to another application"),
        ({"nonce": "another-nonce-of-length"}, "it belongs to another attempt"),
        ({"nonce": None}, "it belongs to another attempt"),
        ({"exp": None}, "something is missing in it"),
        ({"sub": None}, "something is missing in it"),
        ({"sub": "x" * 300}, "answered something that this server does not understand"),
        ({"exp": 1_000_000_000}, "sets the clock of this server"),
        ({"iat": 9_000_000_000}, "sets the clock of this server"),
        ({"nbf": 9_000_000_000}, "sets the clock of this server"),
    ],
)
def test_a_token_that_does_not_fit_is_not_believed(trip, ada, provider, spoil, sentence):
    def spoilt(claims):
        return {name: value for name, value in {**claims, **spoil}.items() if value is not None}

    provider.spoil = spoilt
    client = Client()
    assert sentence in said(client, trip(client))
    assert client.get("/account/session/").json() == {"person": None}


@pytest.mark.parametrize("seconds", [-45, 45])
def test_clocks_may_differ_a_little(trip, ada, provider, seconds):
    provider.spoil = lambda claims: {
        **claims,
        "iat": claims["iat"] + seconds,
        "exp": claims["iat"] + min(seconds, 0) + (300 if seconds > 0 else 0),
    }
    assert trip().url == "/flows/"


@pytest.mark.parametrize(
    ("sign", "sentence"),
    [
        (unsigned, "it is signed in a way that is not accepted"),
        (signed_with_the_secret, "it is signed in a way that is not accepted"),
        (lambda claims: "no.token.at-all", "does not understand"),
        (lambda claims: "x", "does not understand"),
    ],
)
def test_a_token_that_is_not_signed_with_a_key_of_the_provider_is_not_believed(trip, ada, provider, sign, sentence):
    provider.sign = sign
    client = Client()
    assert sentence in said(client, trip(client))


def test_a_stranger_who_signs_under_the_name_of_a_key_is_not_believed(trip, ada, provider):
    assert trip().url == "/flows/"
    stranger = SigningKey()
    stranger.kid = provider.keys[-1].kid
    provider.sign = lambda claims: jwt.encode(
        claims, stranger.private, algorithm="RS256", headers={"kid": stranger.kid}
    )
    client = Client()
    assert "its signature does not fit" in said(client, trip(client))


BROKEN = {
    "down": Broken(500, b"<h1>Bad gateway</h1>"),
    "no JSON": Broken(200, b"<html>"),
    "a list": Broken(200, b"[]"),
    "nothing": Broken(200, b""),
    "deep": Broken(200, b'{"a":' * 50_000),
    "too large": Broken(200, b'{"a": "' + b"x" * 1_100_000 + b'"}'),
    "elsewhere": Broken(302, b"", headers={"location": "http://127.0.0.1:1/"}),
    "empty": Broken(200, b"{}"),
    "wrong kinds": Broken(200, json.dumps({"issuer": 1, "keys": {}, "id_token": 5, "sub": []}).encode()),
    "slow": Broken(200, b"{}", delay=3),
    "dripping": Broken(drip=0.05),
}


@pytest.mark.parametrize("place", [".well-known/openid-configuration", "token", "keys", "userinfo"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_provider_that_is_away_or_answers_nonsense_is_told_in_a_sentence(
    configure, ada, provider, place, how, monkeypatch, caplog
):
    provider.in_token = set()
    client = Client()
    address = "" if place.startswith(".") else leave(client, "?next=/runs/")
    provider.broken[place] = BROKEN[how]
    if how in ("slow", "dripping"):
        monkeypatch.setattr(requests, "LONGEST", 0.4)
    response = come_back(client, address) if address else client.get("/login/oidc/?next=/runs/")
    assert "next=/runs/" in response.url
    page = said(client, response)
    assert "Contoso ID" in page
    assert "A password works meanwhile." in page
    assert client.post("/login/", {"username": ada.username, "password": "a long enough password"}).status_code == 302
    told = [each.getMessage() for each in caplog.records if each.name == "foundryflow.sign_in"]
    assert told[0].startswith("Sign-in with Contoso ID failed: ")
    assert not any(secret in "".join(told) for secret in ("a secret", "code=", "eyJ"))
    assert AuditEntry.objects.get(verb="tried to sign in").is_refused


def test_a_provider_that_nobody_answers_for_is_told_in_a_sentence(configure, ada):
    configure(issuer="http://127.0.0.1:1")
    client = Client()
    assert "Contoso ID cannot be reached from this server" in said(client, client.get("/login/oidc/"))


@pytest.mark.parametrize(
    ("said_by_it", "reason"),
    [
        ({"issuer": "https://evil.example"}, "does not understand"),
        ({"token_endpoint": "http://contoso.example/token"}, "does not understand"),
        ({"jwks_uri": "file:///etc/passwd"}, "does not understand"),
        ({"authorization_endpoint": None}, "does not understand"),
    ],
)
def test_a_configuration_that_leads_elsewhere_is_not_believed(configure, ada, provider, said_by_it, reason):
    provider.configuration = said_by_it
    client = Client()
    assert reason in said(client, client.get("/login/oidc/"))


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        ("access_denied", "You are not logged in: Contoso ID was told no"),
        ("temporarily_unavailable", "cannot log anybody in at the moment"),
        ("login_required", "has to ask you something first"),
        ("<script>alert(1)</script>", "refused this server"),
    ],
)
def test_what_the_provider_says_instead_of_a_code_is_told_in_words(trip, ada, provider, error, sentence):
    provider.denies = error
    client = Client()
    page = said(client, trip(client))
    assert sentence in page
    assert "alert(1)" not in page
    assert "<b>no</b>" not in page


def test_an_answer_of_another_issuer_is_not_taken(trip, ada, provider):
    client = Client()
    address = leave(client).partition("iss=")[0] + "iss=https%3A%2F%2Fevil.example"
    assert "This answer comes from another provider" in said(client, come_back(client, address))
    without = re.sub("&iss=[^&]*", "", leave(client))
    assert "This answer comes from another provider" in said(client, come_back(client, without))


def test_nothing_in_the_address_changes_what_is_asked_for(configure, ada, provider):
    client = Client()
    query = (
        "?scope=admin&auth_params=prompt%3Dnone%26redirect_uri%3Dhttps://evil.example&process=connect&action=rerequest"
    )
    left = client.get(f"/login/oidc/{query}&next=https://evil.example/").url
    assert "evil" not in left
    assert "admin" not in left
    assert come_back(client, leave(client, "?next=//evil.example")).url == "/flows/"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_signs_nobody_in(configure, ada, site):
    response = Client().get("/login/oidc/?next=/runs/", headers={"Sec-Fetch-Site": site})
    assert response.url == "/login/?next=%2Fruns%2F"


def test_what_stands_in_userinfo_alone_counts_when_it_is_about_the_same_person(trip, ada, provider):
    provider.in_token = set()
    client = Client()
    assert trip(client).url == "/flows/"
    provider.userinfo = {**provider.person, "sub": "somebody-else"}
    other = Client()
    assert "it speaks of two people" in said(other, trip(other))


def test_a_verified_mark_counts_for_the_address_beside_it_alone(trip, ada, provider):
    provider.in_token = {"email"}
    provider.userinfo = {"sub": "ada-1", "email": "eve@contoso.example", "email_verified": True}
    client = Client()
    assert "this server does not" in said(client, trip(client))
    assert not User.objects.filter(email="eve@contoso.example").exists()


@pytest.mark.parametrize("path", ["/login/google/", "/login/entra/", "/login/google/callback/", "/login/code/x/"])
def test_there_is_no_other_provider(configure, ada, path):
    assert Client().get(path).status_code == 404


@pytest.mark.parametrize("query", ["", "?code=1", "?state=1", "?code=1&state=1", "?error=x&state=" + "s" * 3_000])
def test_whatever_somebody_types_leads_to_the_log_in(configure, ada, query):
    client = Client()
    assert "Log in again" in said(client, client.get(f"/login/oidc/callback/{query}"))
    assert client.post("/login/oidc/callback/").status_code == 405
    assert client.post("/login/oidc/").status_code == 405


def test_sessions_of_people_who_only_begin_do_not_pile_up(configure, ada):
    client = Client()
    leave(client)
    assert client.session.get_expiry_age() == 3_600
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    other = Client()
    assert come_back(other, leave(other)).url == "/flows/"
    assert other.session.get_expiry_age() > 86_400
    assert Session.objects.count() == 1


def test_a_way_that_was_left_does_not_count(trip, ada):
    client = Client()
    TOTP.activate(ada, generate_totp_secret())
    client.post("/login/", {"username": ada.username, "password": "a long enough password"})
    assert trip(client).url == "/flows/"
    assert client.session["signed_in_with"] == "Contoso ID"


def test_two_who_are_made_at_the_same_moment_read_a_sentence(trip, ada, monkeypatch):
    def fail(*args):
        raise IntegrityError

    monkeypatch.setattr("foundryflow.sign_in.openid.provider.admit", fail)
    client = Client()
    assert "You logged in twice at the same moment." in said(client, trip(client))


def test_many_who_wait_for_a_provider_that_is_away_ask_it_once(configure, provider):
    provider.broken[".well-known/openid-configuration"] = Broken(500, b"", delay=1)
    known, told = settings_of(provider), []

    def ask():
        try:
            metadata_of(known)
        except ProviderFault as fault:
            told.append(fault.reason)

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 5
    assert provider.asked == [".well-known/openid-configuration"]


def settings_of(provider):
    return IdentityProvider("oidc", "Contoso ID", provider.issuer, "a", "b")


def test_the_bar_of_another_tab_leads_back_to_its_page(trip, ada):
    client = Client()
    page = client.get("/login/?next=/account/signed-in/").content.decode()
    assert 'href="/login/oidc/?next=%2Faccount%2Fsigned-in%2F"' in page
    assert trip(client, "?next=%2Faccount%2Fsigned-in%2F").url == "/account/signed-in/"


def test_somebody_who_is_in_goes_on_unless_it_is_to_be_somebody_else(trip, ada, client_bob, bob):
    assert client_bob.get("/login/oidc/?next=/runs/").url == "/runs/"
    assert trip(client_bob, "?again").url == "/flows/"
    assert client_bob.get("/account/session/").json()["person"] == ada.pk
