"""Somebody with a second factor, and the codes of their app."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.mfa.utils import decrypt
from django.core.cache import cache

from foundryflow.account.confirmation import CONFIRMED, FRESH
from foundryflow.sign_in.session_limits import SINCE
from tests.authenticator_app import code_of

ALICE_PASSWORD = "a long enough password"


@pytest.fixture(autouse=True)
def codes_of_now(settings):
    """None was used before, and one that ends while a test looks at it will do."""
    cache.clear()
    settings.MFA_TOTP_TOLERANCE = 1


@pytest.fixture
def with_app(alice):
    """Alice has an app and recovery codes."""
    TOTP.activate(alice, generate_totp_secret())
    RecoveryCodes.activate(alice)
    return alice


def app_code(user):
    stored = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP)
    return code_of(decrypt(stored.data["secret"]))


def recovery_code(user):
    return Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES).wrap().get_unused_codes()[0]


def let_time_pass(client):
    """The sign-in of a client is too old to change how somebody signs in."""
    session = client.session
    session[SINCE] -= FRESH + 1
    if CONFIRMED in session:
        session[CONFIRMED] -= FRESH + 1
    session.save()
