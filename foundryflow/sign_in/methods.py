"""How somebody signed in, in the words of the log: "password", "password and code", "Microsoft Entra ID"."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest

METHOD = "signed_in_with"  # in the session
PASSWORD = "password"  # noqa: S105 - a word
CODES = {"totp": "code", "recovery_codes": "recovery code"}


def method_of(request: HttpRequest, user: Any) -> str:
    """Of the sign-in that is under way, or has just been finished; empty where nothing was asked."""
    steps = [step_name(record) for record in get_authentication_records(request, user)]
    return " and ".join(dict.fromkeys(filter(None, steps)))


def step_name(record: dict[str, Any]) -> str:
    match record.get("method"):
        case "socialaccount":
            return provider_name(str(record.get("provider")))
        case "mfa":
            return CODES.get(str(record.get("type")), "")
        case "password":
            return PASSWORD
    return ""


def provider_name(id: str) -> str:
    return next((provider.name for provider in settings.IDENTITY_PROVIDERS if provider.id == id), id)


def ways_in(request: HttpRequest) -> dict[str, Any]:
    """Context processor: whether people have passwords here."""
    return {"with_password": settings.PASSWORD_SIGN_IN}
