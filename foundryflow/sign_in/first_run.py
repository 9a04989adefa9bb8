"""The set-up page of an empty installation. The code of its console proves who is there, wherever they seem to be."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from foundryflow.access import anyone
from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import NewPasswordForm
from foundryflow.regions import page
from foundryflow.sign_in.attempts import Limit, TooMany, begin_attempt
from foundryflow.sign_in.audit_entries import STRANGER, record_refused_sign_in
from foundryflow.sign_in.logged_names import caller_of
from foundryflow.sign_in.pipeline import enter_as_new
from foundryflow.sign_in.setup_code import is_setup_code

log = logging.getLogger(__name__)

# From wherever: until there is an administrator, nobody can be told from anybody else.
WRONG_CODES = Limit("setup code", 10, 60)


@dataclass(frozen=True)
class ServerCheck:
    name: str
    is_ok: bool
    detail: str


def server_checks(request: HttpRequest) -> list[ServerCheck]:
    keys = len(settings.FIELD_ENCRYPTION_KEY)
    https = request.is_secure()
    plain = "not in use; fine on this machine, else put a proxy with a certificate in front"
    return [
        ServerCheck("Database", True, f"{connection.display_name}, writable"),
        ServerCheck("Encryption key", keys > 0, f"{keys} key{'s' if keys != 1 else ''}"),
        ServerCheck("HTTPS", https, "in use" if https else plain),
    ]


class AdministratorForm(NewPasswordForm):
    code = forms.CharField(
        label="Setup code", max_length=20,
        help_text="It stands in the terminal where the server started; python manage.py setupcode prints it again.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    name = forms.CharField(label="Your name", max_length=150)
    email = forms.EmailField(label="Email", max_length=150)
    field_order = ("code", "name", "email", "password")

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        if not settings.PASSWORD_SIGN_IN:
            del self.fields["password"]

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        try:
            attempt = begin_attempt([WRONG_CODES])
        except TooMany:
            raise ValidationError("Too many wrong codes. Wait a minute.") from None
        if is_setup_code(code):
            attempt.withdraw()
            return code
        attempt.fail()
        log.warning("Wrong setup code from %s", caller_of(self.request))
        record_refused_sign_in(self.request, STRANGER, "wrong setup code", verb="tried to set the server up")
        raise ValidationError("This is not the code.")

    def person(self) -> User:
        email = self.cleaned_data.get("email", "")
        return User(username=email, email=email, first_name=self.cleaned_data.get("name", ""))


@anyone
@require_http_methods(["GET", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """Creates the first administrator; open only while there is no user."""
    if User.objects.exists():
        raise Http404("This server is set up.")
    form = AdministratorForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        user = create_administrator(form.cleaned_data)
        response = enter_as_new(request, user)
        record(origin_of(request), "set the server up", oneself(user), "as its first administrator")
        return response
    return page(
        request,
        "sign_in/first_run.html",
        {"form": form, "checks": server_checks(request)},
        status=422 if form.is_bound else 200,
    )


@transaction.atomic
def create_administrator(given: dict[str, Any]) -> User:
    """Raises Http404 when somebody else was faster."""
    user = User.objects.create_superuser(
        given["email"], given["email"], given.get("password"), first_name=given["name"]
    )
    if User.objects.exclude(pk=user.pk).exists():
        raise Http404("This server is set up.")
    return user
