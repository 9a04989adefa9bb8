"""The set-up page of an empty installation, and the log-in page."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from foundryflow.access import anyone
from foundryflow.regions import page
from foundryflow.setup_code import is_setup_code

MOST_WRONG_CODES = 10  # a minute


@dataclass(frozen=True)
class ServerCheck:
    name: str
    ok: bool
    words: str


def server_checks(request: HttpRequest) -> list[ServerCheck]:
    keys = len(settings.FIELD_ENCRYPTION_KEY)
    vendor = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(connection.vendor, connection.vendor)
    https = request.is_secure()
    plain = (
        "not in use; fine on this machine only"
        if from_loopback(request)
        else "not in use; put a proxy with a certificate in front"
    )
    return [
        ServerCheck("Database", True, f"{vendor}, writable"),
        ServerCheck("Encryption key", keys > 0, f"{keys} key{'s' if keys != 1 else ''}"),
        ServerCheck("HTTPS", https, "in use" if https else plain),
    ]


def from_loopback(request: HttpRequest) -> bool:
    """Whether the visitor sits at this machine; behind a proxy nobody is taken to."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class Throttle:
    """Counts wrong codes of this process."""

    def __init__(self) -> None:
        self._wrong: list[float] = []

    def too_many(self) -> bool:
        self._wrong = [at for at in self._wrong if at > time.monotonic() - 60]
        return len(self._wrong) >= MOST_WRONG_CODES

    def count(self) -> None:
        self._wrong.append(time.monotonic())


throttle = Throttle()


class AdministratorForm(forms.Form):
    code = forms.CharField(
        label="Setup code", max_length=20, help_text="Printed in the terminal where the server started.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    name = forms.CharField(label="Your name", max_length=150)
    email = forms.EmailField(label="Email", max_length=150)
    password = forms.CharField(label="Password", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))

    def __init__(self, *args: Any, needs_code: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_code:
            del self.fields["code"]

    def clean_code(self) -> str:
        if throttle.too_many():
            raise ValidationError("Too many wrong codes. Wait a minute.")
        if not is_setup_code(self.cleaned_data["code"]):
            throttle.count()
            raise ValidationError("This is not the code. It stands in the terminal where the server started.")
        return str(self.cleaned_data["code"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("password"):
            candidate = User(
                username=cleaned.get("email", ""),
                email=cleaned.get("email", ""),
                first_name=cleaned.get("name", ""),
            )
            try:
                validate_password(cleaned["password"], candidate)
            except ValidationError as error:
                self.add_error("password", error)
        return cleaned


@anyone
@require_http_methods(["GET", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """Creates the first administrator; open only while there is no user."""
    if User.objects.exists():
        raise Http404("This server is set up.")
    form = AdministratorForm(request.POST or None, needs_code=not from_loopback(request))
    if request.method == "POST" and form.is_valid():
        user = create_administrator(form.cleaned_data)
        login(request, user, backend="django.contrib.auth.backends.ModelBackend")
        return redirect("flows:list")
    return page(
        request,
        "first_run.html",
        {"form": form, "checks": server_checks(request)},
        status=422 if form.is_bound else 200,
    )


@transaction.atomic
def create_administrator(given: dict[str, Any]) -> User:
    """Raises Http404 when somebody else was faster."""
    user = User.objects.create_superuser(given["email"], given["email"], given["password"], first_name=given["name"])
    if User.objects.exclude(pk=user.pk).exists():
        raise Http404("This server is set up.")
    return user


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
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not User.objects.exists():
            return redirect("first_run")
        return super().dispatch(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        response = super().form_invalid(form)
        response.status_code = 422
        return response
