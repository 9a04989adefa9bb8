"""Codes of an authenticator app (TOTP), and the recovery codes beside them.

allauth keeps them (`allauth.mfa.models.Authenticator`); their secrets are sealed with our own ring of keys. A code is
taken once: the step of time that it belongs to is stored with the secret, in the transaction that judges it, so that
no other process takes it again.
"""

from __future__ import annotations

import hmac
import time
from enum import Enum

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest

from foundryflow.encryption.columns import register_sealed_json
from foundryflow.encryption.keys import key_ring

LAST_STEP = "last_step"  # in the data of an authenticator: the newest step of time whose code was taken
LONGEST_CODE = 40  # characters that are looked at


class SealedAuthenticators(DefaultMFAAdapter):  # type: ignore[misc]  # without types
    """Where allauth has the secrets of two-factor sealed and opened."""

    def encrypt(self, text: str) -> str:
        return key_ring().seal(text.encode())

    def decrypt(self, encrypted_text: str) -> str:
        """Raises SecretUnreadable."""
        opened = key_ring().open(encrypted_text)
        if opened is None:
            raise SecretUnreadable
        return opened[1].decode()


def register_sealed_authenticators() -> None:
    """So that the rotation of keys, and whoever looks whether a key is missing, finds these secrets, too."""
    register_sealed_json(Authenticator, "data", ("secret", "seed", "migrated_codes"), "user__username")


class SecretUnreadable(Exception):
    """No key of the ring opens the secret."""


class CodeOutcome(Enum):
    """What became of a code that somebody typed."""

    RIGHT = "right"
    USED = "used"  # it was right, and somebody signed in with it already
    WRONG = "wrong"
    UNREADABLE = "unreadable"  # the server cannot read the secret


def has_two_factor(user: User) -> bool:
    """Whether a code is asked for after the password."""
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


@transaction.atomic
def use_code(request: HttpRequest, user: User, text: str) -> CodeOutcome:
    """Judges a code of the app or a recovery code, which is spent afterwards. Count the attempt before."""
    code, outcome = normal(text), CodeOutcome.WRONG
    kinds = [Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES]
    for authenticator in Authenticator.objects.select_for_update().filter(user=user, type__in=kinds):
        use = use_totp if authenticator.type == Authenticator.Type.TOTP else use_recovery_code
        try:
            found = use(authenticator, code)
        except SecretUnreadable:
            found = CodeOutcome.UNREADABLE
        if found is CodeOutcome.RIGHT:
            authenticator.record_usage()
            record_authentication(request, user, method="mfa", id=authenticator.pk, type=authenticator.type)
            return found
        if found is not CodeOutcome.WRONG:
            outcome = found
    return outcome


def use_totp(authenticator: Authenticator, code: str) -> CodeOutcome:
    secret = get_adapter().decrypt(authenticator.data["secret"])
    now = int(time.time()) // settings.MFA_TOTP_PERIOD
    tolerance = settings.MFA_TOTP_TOLERANCE
    for step in range(now - tolerance, now + tolerance + 1):
        if not hmac.compare_digest(format_hotp_value(hotp_value(secret, step)).encode(), code.encode()):
            continue
        # allauth remembers, in this process, what it took itself: when the app was set up, or somebody confirmed.
        if step <= authenticator.data.get(LAST_STEP, 0) or not TOTP(authenticator)._mark_code_used(code):
            return CodeOutcome.USED
        authenticator.data[LAST_STEP] = step
        authenticator.save(update_fields=["data"])
        return CodeOutcome.RIGHT
    return CodeOutcome.WRONG


def use_recovery_code(authenticator: Authenticator, code: str) -> CodeOutcome:
    codes = authenticator.wrap()
    for unused in codes.get_unused_codes():
        if hmac.compare_digest(normal(unused).encode(), code.encode()) and codes.validate_code(unused):
            authenticator.data = codes.instance.data
            return CodeOutcome.RIGHT
    return CodeOutcome.WRONG


def recovery_codes_left(user: User) -> int:
    found = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    return len(found.wrap().get_unused_codes()) if found else 0


def normal(text: str) -> str:
    """As codes are compared: without what people put between their parts."""
    return "".join(letter for letter in text[:LONGEST_CODE].upper() if letter.isascii() and letter.isalnum())
