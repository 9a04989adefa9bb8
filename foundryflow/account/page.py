"""What the own page shows. Each sheet is made by one function, for the page as for the swap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from foundryflow.account.confirmation import PersonForm
from foundryflow.account.name import NameForm
from foundryflow.account.password import PasswordForm, PasswordHint, hint_of
from foundryflow.account.provider import has_password, is_entra, provider_name_of
from foundryflow.account.sessions import ListedSession, list_session, sessions_of
from foundryflow.account.two_factor import PendingApp, authenticators_of, codes_left
from foundryflow.http import Request
from foundryflow.models import ApiKey
from foundryflow.models.account import THEMES
from foundryflow.regions import MESSAGES, Region, page, regions

MOST_KEYS, MOST_SESSIONS = 20, 30  # in a sheet


@dataclass(frozen=True)
class PasswordSheet:
    """The form, or in its place where somebody without a password changes theirs."""

    form: PasswordForm | None
    hint: PasswordHint
    provider: str
    is_entra: bool
    is_chosen: bool = False  # the page was asked for because of it


@dataclass(frozen=True)
class SessionsSheet:
    sessions: Sequence[ListedSession]
    more: int  # that are not listed
    has_others: bool


@dataclass(frozen=True)
class TwoFactorSheet:
    """One state at a time: at rest, asking who it is, an app that is being set up, or codes that are shown once."""

    app: Authenticator | None
    codes_left: int | None
    is_required: bool
    provider: str
    has_password: bool
    person_form: PersonForm | None = None
    pending: PendingApp | None = None
    pending_error: str = ""
    new_codes: Sequence[str] = ()
    has_ended_codes: bool = False  # the new ones stand in for others


@dataclass(frozen=True)
class KeysSheet:
    keys: Sequence[ApiKey]
    more: int  # that are not listed


def name_sheet(request: Request) -> NameForm:
    return NameForm(request, provider_name_of(request.user))


def password_sheet(request: Request, form: PasswordForm | None = None, is_chosen: bool = False) -> PasswordSheet:
    user = request.user
    provider = provider_name_of(user)
    shown = (form or PasswordForm(request)) if has_password(user) else None
    return PasswordSheet(shown, hint_of("", user), provider, is_entra(provider), is_chosen)


def sessions_sheet(request: Request) -> SessionsSheet:
    key = request.session.session_key
    found = sessions_of(request.user, key)
    if not any(each.is_current for each in found):
        list_session(None, request)
        found = sessions_of(request.user, key)
    return SessionsSheet(found[:MOST_SESSIONS], max(0, len(found) - MOST_SESSIONS), has_others=len(found) > 1)


def two_factor_sheet(request: Request, **state: Any) -> TwoFactorSheet:
    by_type = {each.type: each for each in authenticators_of(request.user)}
    codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
    sheet = TwoFactorSheet(
        app=by_type.get(Authenticator.Type.TOTP),
        codes_left=codes_left(codes) if codes else None,
        is_required=settings.TWO_FACTOR_REQUIRED,
        provider=provider_name_of(request.user),
        has_password=has_password(request.user),
    )
    return replace(sheet, **state)


def keys_sheet(request: Request) -> KeysSheet:
    own = ApiKey.objects.filter(created_by=request.user, revoked_at=None)
    found = list(own[: MOST_KEYS + 1])
    return KeysSheet(found[:MOST_KEYS], own.count() - MOST_KEYS if len(found) > MOST_KEYS else 0)


SHEETS: dict[str, Callable[[Request], Any]] = {
    "name": name_sheet,
    "password": password_sheet,
    "sessions": sessions_sheet,
    "two_factor": two_factor_sheet,
    "keys": keys_sheet,
}


def whole_page(request: Request, status: int = 200, **sheets: Any) -> HttpResponse:
    """The own page; sheets that are not handed in are as they are stored."""
    context = {name: sheets[name] if name in sheets else make(request) for name, make in SHEETS.items()}
    return page(request, "account/account.html", {**context, "themes": THEMES}, status=status)


# What is swapped begins with the focus in its heading or in the field of its state: the button pressed is gone.


def sessions_response(request: Request, status: int = 200) -> HttpResponse:
    """The sheet alone with htmx; without, the own page again."""
    if not request.htmx:
        return redirect(f"{reverse('account:show')}#sessions")
    context = {"sessions": sessions_sheet(request), "is_swapped": True}
    shown = Region("account/_sessions.html", "sessions", context, swap="outerHTML")
    return regions(request, shown, MESSAGES, status=status)


def two_factor_response(request: Request, status: int = 200, **state: Any) -> HttpResponse:
    """The sheet alone with htmx; without, a page of its own."""
    context: dict[str, Any] = {"two_factor": two_factor_sheet(request, **state)}
    if not request.htmx:
        return page(request, "account/two_factor.html", context, status=status)
    # Not morphed: each state begins in its own field.
    context["begins_in_head"] = not state
    shown = Region("account/_two_factor.html", "two-factor", context, swap="outerHTML")
    return regions(request, shown, MESSAGES, status=status)
