"""The second step of signing in: the code after the password."""

from __future__ import annotations

from typing import Any

from allauth.account.stages import LoginStageController
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from foundryflow.access import anyone
from foundryflow.regions import page
from foundryflow.sign_in.attempts import TooMany, begin_attempt
from foundryflow.sign_in.devices import remember_device
from foundryflow.sign_in.limits import code_limits, locked_page, log_code_failure
from foundryflow.sign_in.methods import CODES, method_of
from foundryflow.sign_in.notices import back_to_login
from foundryflow.sign_in.pipeline import SWITCHED_OFF, CodeStage
from foundryflow.sign_in.two_factor import CodeOutcome, has_two_factor, recovery_codes_left, use_code

TOO_LATE = "Log in again: the code was not entered in time."
FEW_CODES = 3


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code", max_length=40,
        help_text="Six digits of your authenticator app, or one of your recovery codes.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "off"}),
        error_messages={"required": "Enter the code that the app shows."},
    )  # fmt: skip


@anyone
@require_http_methods(["GET", "POST"])
def enter_code(request: HttpRequest) -> HttpResponse:
    """Open only to somebody whose password was right a few minutes ago."""
    stage = LoginStageController.enter(request, CodeStage.key)
    if stage is None:
        return redirect("login") if request.user.is_authenticated else back_to_login(request, TOO_LATE)
    user = stage.login.user
    if user is None or not user.is_active:
        stage.abort()
        return back_to_login(request, SWITCHED_OFF)
    if not has_two_factor(user):  # taken off meanwhile
        return finish(request, stage)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return judge(request, stage, form)
    return code_page(request, stage, form)


def judge(request: HttpRequest, stage: Any, form: CodeForm) -> HttpResponse:
    user = stage.login.user
    try:
        attempt = begin_attempt(code_limits(user.get_username()))
    except TooMany as refused:
        return locked_page(request, refused.until)
    outcome = use_code(request, user, form.cleaned_data["code"])
    if outcome is CodeOutcome.RIGHT:
        attempt.withdraw()
        return finish(request, stage)
    until = attempt.fail()
    log_code_failure(request, user.get_username(), until)
    if until:
        return locked_page(request, until)
    form.add_error("code", sentence_of(outcome))
    return code_page(request, stage, form)


def finish(request: HttpRequest, stage: Any) -> HttpResponse:
    user = stage.login.user
    with_recovery_code = method_of(request, user).endswith(CODES["recovery_codes"])
    response: HttpResponse = stage.exit()
    remember_device(request, response, user)
    if with_recovery_code:
        warn_of_few_codes(request, user)
    return response


def warn_of_few_codes(request: HttpRequest, user: User) -> None:
    left = recovery_codes_left(user)
    more = " Make new ones on your page Account." if left <= FEW_CODES else ""
    messages.warning(request, f"That recovery code is spent. {left} {'is' if left == 1 else 'are'} left.{more}")


def sentence_of(outcome: CodeOutcome) -> str:
    if outcome is CodeOutcome.USED:
        return "This code was used already. Wait until the app shows the next one."
    if outcome is CodeOutcome.UNREADABLE:
        return (
            "The server cannot read the secret of your app: its encryption key is missing. An administrator can bring"
            " the key back, or reset your two-factor."
        )
    clock = timezone.localtime().strftime("%H:%M:%S")
    zone = f" ({settings.TIME_ZONE})"
    return (
        "The code does not fit. Codes go by time: check the clock of your phone and of the server, which says"
        f" {clock}{zone}."
    )


def code_page(request: HttpRequest, stage: Any, form: CodeForm) -> HttpResponse:
    context = {"form": form, "name": stage.login.user.get_username()}
    return page(request, "sign_in/code.html", context, status=422 if form.is_bound else 200)
