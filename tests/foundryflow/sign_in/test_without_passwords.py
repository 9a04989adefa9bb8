"""A server where nobody logs in with a password, and what else an upgrade or a lost phone asks for."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from foundryflow.encryption.keys import KeyRing, key_ring
from foundryflow.management.commands.serve import Command
from foundryflow.models import AuditEntry
from foundryflow.sign_in.providers import IdentityProvider
from foundryflow.sign_in.setup_code import setup_code

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).parents[3]
PASSWORD = "a long enough password"


@pytest.fixture
def without_passwords(settings):
    settings.PASSWORD_SIGN_IN = False
    settings.IDENTITY_PROVIDERS = [IdentityProvider("oidc", "Contoso ID", "https://id.contoso.example", "a", "b")]


def test_nobody_is_asked_for_a_password(alice, without_passwords):
    client = Client()
    page = client.get("/login/").content.decode()
    assert "Log in with Contoso ID" in page
    assert 'type="password"' not in page
    response = client.post("/login/", {"username": "alice", "password": PASSWORD})
    assert response.url == "/login/"
    assert "Nobody logs in with a password here." in client.get("/login/").content.decode()
    assert client.get("/account/session/").json() == {"person": None}


def test_nobody_changes_a_password(client_alice, without_passwords):
    assert client_alice.get("/account/password/").status_code == 404
    assert "/account/password/" not in client_alice.get("/flows/").content.decode()


def test_the_first_administrator_has_none(db, without_passwords):
    client = Client()
    assert 'type="password"' not in client.get("/setup/").content.decode()
    given = {"code": setup_code(), "name": "Ada", "email": "ada@contoso.example"}
    assert client.post("/setup/", given).url == "/flows/"
    assert not User.objects.get().has_usable_password()


def test_the_server_says_how_to_get_in_when_the_provider_is_away(alice, without_passwords):
    out = io.StringIO()
    Command(stdout=out).announce("127.0.0.1", 8000)
    assert "people come with Contoso ID" in out.getvalue()
    assert "manage.py changepassword NAME" in out.getvalue()


def test_it_is_refused_at_the_start_where_nothing_else_lets_people_in():
    environment = {**os.environ, "FOUNDRYFLOW_ENV_FILE": os.devnull, "FOUNDRYFLOW_PASSWORD_SIGN_IN": "false"}
    started = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert started.returncode != 0
    assert "nothing else lets anybody in" in started.stderr
    assert "Traceback" not in started.stderr


def test_a_lost_phone_is_no_lost_account(alice):
    TOTP.activate(alice, generate_totp_secret())
    RecoveryCodes.activate(alice)
    out = io.StringIO()
    call_command("reset_two_factor", "alice", stdout=out)
    assert "Two-factor of alice is off." in out.getvalue()
    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.get().verb == "reset two-factor of"
    call_command("reset_two_factor", "alice", stdout=out)
    assert "alice has no two-factor." in out.getvalue()
    call_command("reset_two_factor", "ALICE@example.com", stdout=out)
    assert "ALICE@example.com has no two-factor." in out.getvalue()
    with pytest.raises(CommandError, match="Nobody here is called ghost"):
        call_command("reset_two_factor", "ghost")


def test_sessions_from_before_there_were_roles_go_on(client_alice):
    session = client_alice.session
    session["_auth_user_backend"] = "django.contrib.auth.backends.ModelBackend"
    session.save()
    assert client_alice.get("/flows/").status_code == 200
    assert client_alice.session["_auth_user_backend"] == "foundryflow.sign_in.backend.PeopleBackend"


def test_signing_out_is_told(client_alice, alice):
    client_alice.post("/logout/")
    entry = AuditEntry.objects.get()
    assert (entry.by, entry.verb, entry.address) == (alice, "signed out", "127.0.0.1")


@pytest.mark.django_db(transaction=True)
def test_secrets_of_two_factor_are_sealed_anew_with_the_others(alice, bob, settings):
    secret = generate_totp_secret()
    TOTP.activate(alice, secret)
    codes = RecoveryCodes.activate(alice).get_unused_codes()
    ring = key_ring()
    Authenticator.objects.create(
        user=bob, type="recovery_codes", data={"migrated_codes": [ring.seal(b"A"), ring.seal(b"B")], "used_mask": 0}
    )
    former, new = settings.FIELD_ENCRYPTION_KEY, Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEY = [new, *former]
    out = io.StringIO()
    call_command("rotate_encryption_key", "--stopped", stdout=out, stderr=out)
    settings.FIELD_ENCRYPTION_KEY = [new]
    totp, recovery = Authenticator.objects.filter(user=alice).order_by("pk")
    assert KeyRing([new]).open(totp.data["secret"])[1].decode() == secret
    assert RecoveryCodes(recovery).get_unused_codes() == codes
    assert RecoveryCodes(Authenticator.objects.get(user=bob)).get_unused_codes() == ["A", "B"]
    call_command("rotate_encryption_key", "--check", stdout=out, stderr=out)


@pytest.mark.django_db(transaction=True)
def test_a_key_that_two_factor_needs_is_named(alice, settings):
    TOTP.activate(alice, generate_totp_secret())
    settings.FIELD_ENCRYPTION_KEY = [Fernet.generate_key().decode()]
    out = io.StringIO()
    with pytest.raises(CommandError) as refused:
        call_command("rotate_encryption_key", "--check", stdout=out, stderr=out)
    assert "alice" in out.getvalue() + str(refused.value)
