"""Who is asked instead of us: the identity provider of somebody who has no password here."""

from __future__ import annotations

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured


def has_password(user: User) -> bool:
    """Whether somebody signs in with a password here; a server may have switched that off for everybody."""
    return user.has_usable_password() and settings.PASSWORD_SIGN_IN


def provider_name_of(user: User) -> str:
    """The name of the provider that somebody without a password signs in with; empty for one with a password."""
    if has_password(user):
        return ""
    kept = vars(user)  # as long as the request: several sheets ask
    if "_provider_name" not in kept:
        kept["_provider_name"] = find_provider(user)
    return str(kept["_provider_name"])


def find_provider(user: User) -> str:
    linked = SocialAccount.objects.filter(user=user).first()
    if linked is None:
        return ""
    try:
        return str(linked.get_provider().name)
    except (SocialApp.DoesNotExist, ImproperlyConfigured, LookupError):  # it is not set up any more
        return "your identity provider"


def is_entra(provider: str) -> bool:
    return "entra" in provider.casefold() or "microsoft" in provider.casefold()
