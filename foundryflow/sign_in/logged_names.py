"""Names and addresses as the log may tell them."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from foundryflow.proxies import caller_address

LOGGER = "foundryflow.sign_in"  # of everything about signing in, whichever module says it


def loggable_name(name: str) -> str:
    """A name for the log. One that nobody has may be a password in the wrong field, unless it cannot be one here."""
    if len(name) < settings.SHORTEST_PASSWORD or is_email(name) or User.objects.filter(username=name).exists():
        return printable(name) or "no name"
    return f"a name that nobody has ({len(name)} characters)"


def is_email(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text[:150])


def caller_of(request: HttpRequest | None) -> str:
    """The address of whoever asks."""
    return (caller_address(request) if request else "") or "an unknown address"
