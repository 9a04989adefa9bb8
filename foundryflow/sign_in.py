"""Log-in, its limits and its log; the change of one's password.

Axes leads every attempt through `SignInLimits`. Wrong ones are counted for the name and address together, for the
address, for its network, and for the name. A browser in which the person has signed in before is counted by itself:
so a stranger who keeps on guessing a name keeps nobody out.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import secrets
from datetime import datetime
from typing import Any

from axes.handlers.base import AxesHandler
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.contrib.messages import success
from django.core import signing
from django.core.validators import validate_email
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.crypto import salted_hmac

from foundryflow.attempts import Limit, PendingAttempt, TooMany, begin_attempt
from foundryflow.models import Attempt
from foundryflow.proxies import address_of
from foundryflow.regions import page

log = logging.getLogger(__name__)

QUARTER, HOUR = 900, 3_600  # seconds
MOST_TOGETHER = 8  # wrong ones in a quarter of an hour: of a name from an address, or from a known browser
MOST_OF_ADDRESS, MOST_OF_NETWORK = 20, 40  # the same, of whatever names
MOST_OF_NAME = 20  # an hour, from wherever
DEVICE, DEVICE_DAYS = "foundryflow_browser", 180  # cookie of a browser that somebody has signed in with


class SignInLimits(AxesHandler):  # type: ignore[misc]  # without types
    """What Axes asks and tells about attempts to sign in."""

    def is_allowed(self, request: Any, credentials: Any = None) -> bool:
        name = (credentials or {}).get("username") or ""
        try:
            request.attempt = begin_attempt(limits_of(request, name))
        except TooMany as refused:
            request.axes_locked_out, request.locked_until = True, refused.until
            return False
        return True

    def user_login_failed(self, sender: Any, credentials: Any, request: Any = None, **kwargs: Any) -> None:
        attempt: PendingAttempt | None = getattr(request, "attempt", None)
        who = f"{loggable_name((credentials or {}).get('username') or '')} from {caller_address(request)}"
        if attempt is None:
            log.info("Sign-in refused, too many attempts: %s", who)
            return
        request.attempt = None
        log.warning("Sign-in failed: %s", who)
        if until := attempt.fail():
            request.axes_locked_out, request.locked_until = True, until
            log.warning("Sign-in locked until %s: %s", until.isoformat(timespec="seconds"), who)

    def user_logged_in(self, sender: Any, request: Any, user: Any, **kwargs: Any) -> None:
        if attempt := getattr(request, "attempt", None):
            attempt.withdraw()
        log.info("Signed in: %s from %s", printable(user.get_username()), caller_address(request))

    def get_failures(self, request: Any, credentials: Any = None) -> int:
        return 0  # Axes does not count

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """What `manage.py axes_reset`, `axes_reset_ip` and `axes_reset_username` open again."""
        found = Attempt.objects.all()
        if username:
            found = found.filter(key__contains=name_digest(username))
        if ip_address:
            host, network = host_and_network(ip_address)
            found = found.filter(key__regex=rf"^(address|network|together:\w+):({alternatives(host, network)})$")
        return found.delete()[0]


def limits_of(request: HttpRequest, name: str) -> list[Limit]:
    """What an attempt with this name is counted as."""
    who = name_digest(name)
    if (device := device_of(request)) and device["name"] == who:
        return [Limit(f"browser:{who}:{device['number']}", MOST_TOGETHER, QUARTER)]
    host, network = host_and_network(caller_address(request))
    return [
        Limit(f"together:{who}:{host}", MOST_TOGETHER, QUARTER),
        Limit(f"address:{host}", MOST_OF_ADDRESS, QUARTER),
        Limit(f"network:{network}", MOST_OF_NETWORK, QUARTER),
        Limit(f"name:{who}", MOST_OF_NAME, HOUR),
    ]


def name_digest(name: str) -> str:
    """Of a name, which might be a password that somebody typed into the wrong field."""
    return salted_hmac("foundryflow sign-in", name.casefold(), algorithm="sha256").hexdigest()[:32]


def caller_address(request: HttpRequest | None) -> str:
    """Of the caller, as `foundryflow.proxies` has found it."""
    found = address_of(request.META.get("REMOTE_ADDR") or "") if request else None
    return str(found) if found else "an unknown address"


def host_and_network(text: str) -> tuple[str, str]:
    """The host and its network. One host of IPv6 has a whole /64 to call from, and a site a /48."""
    found = address_of(text)
    if found is None:
        return "unknown", "unknown"
    if found.version == 4:
        return str(found), str(ipaddress.ip_network((found, 24), strict=False))
    wide = [str(ipaddress.ip_network((found, length), strict=False)) for length in (64, 48)]
    return wide[0], wide[1]


def alternatives(*texts: str) -> str:
    return "|".join(text.replace(".", r"\.") for text in texts)


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


def lockout_page(request: Any, response: Any = None, credentials: Any = None) -> HttpResponse:
    """The page of somebody who has to wait."""
    until: datetime = getattr(request, "locked_until", None) or timezone.now()
    seconds = max(1, math.ceil((until - timezone.now()).total_seconds()))
    context = {"until": until, "minutes": math.ceil(seconds / 60), "seconds": seconds}
    answer = page(request, "locked_out.html", context, status=429)
    answer.headers["Retry-After"] = str(seconds)
    return answer


class SignInForm(AuthenticationForm):
    error_messages = {
        "invalid_login": "Name or password is wrong. Capital letters count in the password.",
        "inactive": "This account is switched off.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = "Email or user name"


class SignIn(LoginView):
    """Log-in; on an empty installation the set-up page instead."""

    template_name = "login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Whoever is in needs no log-in, unless it is to be somebody else.
        self.redirect_authenticated_user = "again" not in request.GET
        if not User.objects.exists():
            return redirect("first_run")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_valid(form)
        remember_device(self.request, response, form.get_user())
        return response

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response


class PasswordForm(PasswordChangeForm):
    error_messages = {
        "password_incorrect": "This is not your current password. Capital letters count.",
        "password_mismatch": "The two are not the same.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            "old_password": ("Current password", ""),
            "new_password1": ("New password", f"At least {settings.SHORTEST_PASSWORD} characters."),
            "new_password2": ("Again", ""),
        }
        for name, (label, hint) in labels.items():
            self.fields[name].label, self.fields[name].help_text = label, hint


class ChangePassword(PasswordChangeView):
    """One's own. This session goes on, the person's others end."""

    template_name = "password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("password")

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        who = f"{printable(request.user.get_username())} from {caller_address(request)}"
        try:
            attempt = begin_attempt(limits_of(request, request.user.get_username()))
        except TooMany as refused:
            request.locked_until = refused.until
            return lockout_page(request)
        form = self.get_form()
        if form.is_valid() or "old_password" not in form.errors or not request.POST.get("old_password"):
            attempt.withdraw()
        elif until := attempt.fail():
            log.warning("Password change locked until %s: %s", until.isoformat(timespec="seconds"), who)
            request.locked_until = until
            return lockout_page(request)
        else:
            log.warning("Password change failed: %s", who)
        return self.form_valid(form) if form.is_valid() else self.form_invalid(form)

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_valid(form)
        success(self.request, "The password is changed. Everywhere else you are signed out.")
        log.warning("Password changed: %s from %s", printable(form.user.get_username()), caller_address(self.request))
        return response

    def form_invalid(self, form: PasswordChangeForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response
