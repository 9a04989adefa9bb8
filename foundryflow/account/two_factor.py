"""The second factor of somebody: an authenticator app, and recovery codes for the day without it.

What is stored is django-allauth's, encrypted as its adapter says. A secret that is not confirmed yet lives in the
session, encrypted, too, and for ten minutes only; it is in no address, log or audit log.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import qrcode
from allauth.mfa import app_settings
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret, validate_totp_code
from allauth.mfa.utils import decrypt, encrypt
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.safestring import SafeString, mark_safe
from qrcode.image.svg import SvgPathImage

from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.http import Request
from foundryflow.sign_in.two_factor import use_code

PENDING, SHOWN = "two_factor_pending", "recovery_codes_shown"  # in the session
PATIENCE = 600  # seconds in which a secret is to be confirmed, and new codes can be fetched as a file
APP, CODES = Authenticator.Type.TOTP, Authenticator.Type.RECOVERY_CODES


@dataclass(frozen=True)
class PendingApp:
    """An app that is being set up: its secret as text in groups, and as QR code."""

    secret: str
    qr_code: SafeString


def authenticators_of(user: User) -> list[Authenticator]:
    """The app first, then the recovery codes."""
    found = Authenticator.objects.filter(user=user, type__in=[APP, CODES])
    return sorted(found, key=lambda each: each.type, reverse=True)


def begin_setup(request: Request) -> PendingApp:
    """Makes a new secret; one that was not confirmed is forgotten."""
    secret = generate_totp_secret()
    request.session[PENDING] = {"secret": encrypt(secret), "at": int(time.time())}
    return pending_app(request.user, secret)


def pending_secret(request: Request) -> str | None:
    pending = request.session.get(PENDING)
    if not pending or time.time() - pending["at"] > PATIENCE:
        request.session.pop(PENDING, None)
        return None
    return str(decrypt(pending["secret"]))


def pending_app(user: User, secret: str) -> PendingApp:
    groups = (secret[start : start + 4] for start in range(0, len(secret), 4))
    address = get_adapter().build_totp_url(user, secret)
    image = qrcode.make(address, image_factory=SvgPathImage, border=2)
    # Made by the library from a text that is no part of it but as squares.
    return PendingApp(" ".join(groups), mark_safe(image.to_string(encoding="unicode")))  # noqa: S308


def forget_setup(request: Request) -> None:
    request.session.pop(PENDING, None)


def turn_on(request: Request, secret: str, code: str) -> list[str] | None:
    """The recovery codes, none where there are some already; None when the code does not belong to the secret."""
    user = request.user
    if not validate_totp_code(secret, code):
        return None
    with transaction.atomic():
        lock(user)
        replaced, _ = Authenticator.objects.filter(user=user, type=APP).delete()
        TOTP.activate(user, secret)
        use_code(request, user, code)  # so that nobody uses the same one again
        has_codes = Authenticator.objects.filter(user=user, type=CODES).exists()
        codes = [] if has_codes else new_codes(request)
        verb = "replaced own authenticator app" if replaced else "turned on two-factor"
        record(origin_of(request), verb, oneself(user))
    forget_setup(request)
    return codes


def turn_off(request: Request) -> None:
    with transaction.atomic():
        if reset_two_factor(request.user):
            record(origin_of(request), "turned off two-factor", oneself(request.user))
    forget_setup(request)


def reset_two_factor(user: User) -> bool:
    """Takes app and recovery codes of somebody away. False when there were none. Whoever calls it records it."""
    return bool(Authenticator.objects.filter(user=user).delete()[0])


def make_codes(request: Request) -> list[str]:
    """New recovery codes; the old ones end."""
    with transaction.atomic():
        lock(request.user)
        Authenticator.objects.filter(user=request.user, type=CODES).delete()
        codes = new_codes(request)
        record(origin_of(request), "made new recovery codes", oneself(request.user))
    return codes


def new_codes(request: Request) -> list[str]:
    codes = RecoveryCodes.activate(request.user)
    request.session[SHOWN] = {"pk": codes.instance.pk, "at": int(time.time())}
    return readable(codes)


def codes_to_fetch(request: Request) -> list[str] | None:
    """The codes that this session was shown, while they are new and nobody has said that they are kept."""
    shown = request.session.get(SHOWN)
    if not shown or time.time() - shown["at"] > PATIENCE:
        return None
    found = Authenticator.objects.filter(user=request.user, type=CODES, pk=shown["pk"]).first()
    return readable(found.wrap()) if found else None


def keep_codes(request: Request) -> None:
    """They are kept elsewhere: nobody can fetch them here again."""
    request.session.pop(SHOWN, None)


def codes_left(stored: Authenticator) -> int:
    """Needs no key: the page is there also when the secret cannot be read."""
    if (moved := stored.data.get("migrated_codes")) is not None:
        return len(moved)
    return int(app_settings.RECOVERY_CODE_COUNT) - int(stored.data["used_mask"]).bit_count()


def readable(codes: RecoveryCodes) -> list[str]:
    """In two halves; whoever types them may leave the hyphen out."""
    return [f"{code[: len(code) // 2]}-{code[len(code) // 2 :]}" for code in codes.get_unused_codes()]


def lock(user: User) -> None:
    """One change after the other: two at once would leave two apps, or none."""
    User.objects.select_for_update().get(pk=user.pk)
