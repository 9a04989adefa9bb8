"""The code after the password: of the app, or one of those for when it is not at hand."""

import re
import threading
import time
from datetime import timedelta

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.utils import timezone

from foundryflow.models import Attempt, AuditEntry
from foundryflow.sign_in import limits
from foundryflow.sign_in.two_factor import CodeOutcome, use_code
from tests.authenticator_app import code_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_taken():
    """allauth remembers codes by person, and numbers of people come again."""
    cache.clear()


PASSWORD = "a long enough password"


@pytest.fixture
def secret(alice):
    """Of her app; two-factor is on."""
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    return secret


def with_password(client, **more):
    return client.post("/login/", {"username": "alice", "password": PASSWORD, **more})


def enter(client, code):
    return client.post("/login/code/", {"code": code})


def who(client):
    return client.get("/account/session/").json()["person"]


def test_the_password_alone_is_not_enough(alice, secret):
    client = Client()
    assert with_password(client, next="/runs/").url == "/login/code/"
    assert who(client) is None
    assert client.get("/flows/").status_code == 302
    assert "The password of alice is right" in client.get("/login/code/").content.decode()
    before = client.session.session_key
    assert enter(client, code_of(secret)).url == "/runs/"
    assert who(client) == alice.pk
    assert client.session.session_key != before
    entry = AuditEntry.objects.get(verb="signed in")
    assert (entry.by, entry.detail) == (alice, "with password and code")


def test_a_code_may_be_written_as_the_app_shows_it(alice, secret):
    client = Client()
    with_password(client)
    code = code_of(secret)
    assert enter(client, f" {code[:3]} {code[3:]} ").status_code == 302
    assert who(client) == alice.pk


def test_nobody_comes_to_the_code_without_the_password(alice, secret):
    client = Client()
    response = enter(client, code_of(secret))
    assert response.url == "/login/"
    assert "the code was not entered in time" in client.get("/login/").content.decode()
    assert who(client) is None


def test_the_code_has_to_come_soon(alice, secret, monkeypatch):
    client = Client()
    with_password(client)
    later = time.time() + 700
    monkeypatch.setattr("allauth.account.internal.stagekit.time.time", lambda: later)
    assert enter(client, code_of(secret)).url == "/login/"


@pytest.mark.parametrize(("steps", "status"), [(-2, 422), (-1, 302), (0, 302), (1, 302), (2, 422)])
def test_clocks_may_differ_by_one_step(alice, secret, steps, status):
    client = Client()
    with_password(client)
    response = enter(client, code_of(secret, steps))
    assert response.status_code == status
    if status == 422:
        page = " ".join(response.content.decode().split())
        sentence = (
            "The code does not fit. Codes go by time: check the clock of your phone and of the server, which says"
        )
        assert re.search(sentence + r" \d\d:\d\d:\d\d \(UTC\)\.", page)


def test_a_code_is_taken_once(alice, secret):
    code = code_of(secret)
    for client, sentence in ((Client(), ""), (Client(), "This code was used already.")):
        with_password(client)
        response = enter(client, code)
        assert response.status_code == (422 if sentence else 302)
        assert sentence in response.content.decode()


def test_the_code_that_the_app_was_set_up_with_is_spent(alice):
    secret = generate_totp_secret()
    code = code_of(secret)
    assert TOTP.activate(alice, secret).validate_code(code)
    client = Client()
    with_password(client)
    assert "used already" in enter(client, code).content.decode()


def test_an_older_code_than_one_that_was_taken_is_not_taken(alice, secret):
    client = Client()
    with_password(client)
    enter(client, code_of(secret, 1))
    other = Client()
    with_password(other)
    assert "used already" in enter(other, code_of(secret)).content.decode()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_one_code_are_one(alice, secret):
    code, outcomes = code_of(secret), []
    together = threading.Barrier(6)
    request = RequestFactory().post("/login/code/")
    request.session = {}

    def use():
        together.wait()
        outcomes.append(use_code(request, alice, code))
        connection.close()

    threads = [threading.Thread(target=use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(CodeOutcome.RIGHT) == 1
    assert outcomes.count(CodeOutcome.USED) == 5


def test_a_recovery_code_works_once(alice, secret):
    codes = RecoveryCodes.activate(alice).get_unused_codes()
    client = Client()
    with_password(client)
    assert enter(client, f"{codes[0][:4]}-{codes[0][4:]}").status_code == 302
    assert who(client) == alice.pk
    assert "That recovery code is spent. 7 are left." in client.get("/flows/").content.decode()
    assert AuditEntry.objects.get(verb="signed in").detail == "with password and recovery code"
    again = Client()
    with_password(again)
    assert enter(again, codes[0]).status_code == 422
    assert enter(again, codes[1]).status_code == 302


def test_recovery_codes_may_be_letters(alice, secret):
    sealed = [get_adapter().encrypt(code) for code in ("7KQ2-MF9D", "X4TH-08RW")]
    Authenticator.objects.create(user=alice, type="recovery_codes", data={"migrated_codes": sealed})
    for typed, status in (("x4th08rw", 302), ("X4TH-08RW", 422), ("7kq2 mf9d", 302)):
        client = Client()
        with_password(client)
        assert enter(client, typed).status_code == status


def test_codes_cannot_be_guessed_in_a_row(alice, secret):
    client = Client()
    with_password(client)
    answers = [enter(client, "000000") for _ in range(limits.MOST_CODES)]
    assert [answer.status_code for answer in answers] == [422] * (limits.MOST_CODES - 1) + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0
    other = Client()
    with_password(other)
    assert enter(other, code_of(secret)).status_code == 429
    assert AuditEntry.objects.get(verb="was locked out").is_refused
    wrong = AuditEntry.objects.get(verb="tried to sign in")
    assert (wrong.actor, wrong.detail, wrong.count) == ("alice", ", wrong code", limits.MOST_CODES)
    Attempt.objects.update(at=timezone.now() - timedelta(hours=2))
    assert enter(other, code_of(secret)).status_code == 302


def test_an_administrator_opens_codes_with_the_name(alice, secret):
    client = Client()
    with_password(client)
    for _ in range(limits.MOST_CODES):
        enter(client, "000000")
    call_command("axes_reset_username", "alice")
    assert enter(client, code_of(secret)).status_code == 302


def test_the_right_password_is_no_wrong_attempt(alice, secret):
    with_password(Client())
    assert not Attempt.objects.exists()


def test_a_browser_is_known_once_the_code_was_right(alice, secret):
    client = Client()
    with_password(client)
    assert "foundryflow_browser" not in client.cookies
    enter(client, code_of(secret))
    assert "foundryflow_browser" in client.cookies


def test_somebody_who_was_switched_off_meanwhile_stays_out(alice, secret):
    client = Client()
    with_password(client)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert enter(client, code_of(secret)).url == "/login/"
    assert who(client) is None


def test_somebody_else_may_sign_in_in_the_same_browser(alice, bob, secret, client_bob):
    response = client_bob.post("/login/?again", {"username": "alice", "password": PASSWORD})
    assert response.url == "/login/code/"
    assert who(client_bob) is None
    enter(client_bob, code_of(secret))
    assert who(client_bob) == alice.pk


def test_secrets_are_sealed_and_a_missing_key_is_told(alice, secret, settings):
    from cryptography.fernet import Fernet

    assert secret not in str(Authenticator.objects.get().data)
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]
    client = Client()
    with_password(client)
    response = enter(client, code_of(secret))
    assert response.status_code == 422
    assert "its encryption key is missing" in response.content.decode()


@pytest.mark.parametrize("code", ["", "x" * 41, "½", "١٢٣٤٥٦"])
def test_what_is_no_code_gets_a_sentence(alice, secret, code):
    client = Client()
    with_password(client)
    response = enter(client, code)
    assert response.status_code == 422
    assert "field-error" in response.content.decode()


@pytest.fixture
def required(settings):
    settings.TWO_FACTOR_REQUIRED = True


def test_where_it_is_required_whoever_has_none_sets_it_up_first(alice, required):
    client = Client()
    with_password(client)
    for path in ("/flows/", "/runs/", "/account/password/", "/connections/"):
        assert client.get(path).url == "/account/two-factor/"
    assert client.post("/connections/new/", {}).url == "/account/two-factor/"
    assert client.get("/account/two-factor/").status_code == 200
    assert client.get("/flows/", headers={"HX-Request": "true"}).status_code == 403
    assert who(client) == alice.pk
    TOTP.activate(alice, generate_totp_secret())
    assert client.get("/flows/").status_code == 200
    Authenticator.objects.all().delete()
    assert client.post("/logout/").url == "/login/"


def test_where_it_is_required_sessions_from_before_are_asked_for_it_too(alice, client_alice, required):
    assert client_alice.get("/flows/").url == "/account/two-factor/"


def test_where_it_is_required_whoever_has_it_goes_on(alice, secret, required):
    client = Client()
    with_password(client)
    enter(client, code_of(secret))
    assert client.get("/flows/").status_code == 200
