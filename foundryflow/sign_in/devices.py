"""Browsers that somebody has signed in with: a signed cookie tells them from those of strangers."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import salted_hmac

DEVICE, DEVICE_DAYS = "foundryflow_browser", 180  # the cookie


def device_of(request: HttpRequest) -> dict[str, str] | None:
    """Who has signed in with this browser before."""
    try:
        found = signing.loads(request.COOKIES.get(DEVICE, ""), salt=DEVICE, max_age=DEVICE_DAYS * 86_400)
    except signing.BadSignature:
        return None
    return found if isinstance(found, dict) else None


def remember_device(request: HttpRequest, response: HttpResponseBase, user: User) -> None:
    name = name_digest(user.get_username())
    device = device_of(request)
    number = device["number"] if device and device["name"] == name else secrets.token_hex(8)
    response.set_cookie(
        DEVICE, signing.dumps({"name": name, "number": number}, salt=DEVICE),
        max_age=DEVICE_DAYS * 86_400, path=settings.SESSION_COOKIE_PATH, secure=settings.SESSION_COOKIE_SECURE,
        httponly=True, samesite="Lax",
    )  # fmt: skip


def name_digest(name: str) -> str:
    """Of a name, which might be a password that somebody typed into the wrong field."""
    return salted_hmac("foundryflow sign-in", name.casefold(), algorithm="sha256").hexdigest()[:32]
