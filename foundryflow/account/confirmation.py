"""Whoever changes how they sign in says who they are again: with the current password, or with a code.

Wrong ones count as those of signing in do, and stand in log and audit log. A sign-in or confirmation of the last few
minutes is enough where nothing is typed into the same form.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.utils import timezone

from foundryflow.account.provider import has_password
from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import LONGEST_PASSWORD
from foundryflow.http import Request
from foundryflow.sign_in.attempts import TooMany, begin_attempt
from foundryflow.sign_in.limits import limits_of
from foundryflow.sign_in.logged_names import caller_of, printable
from foundryflow.sign_in.session_limits import SINCE
from foundryflow.sign_in.two_factor import CodeOutcome, use_code

log = logging.getLogger(__name__)

CONFIRMED = "confirmed_at"  # seconds since 1970, in the session
FRESH = 300  # seconds for which a sign-in or a confirmation is enough
NOT_CURRENT = "This is not your current password. Capital letters count."
WRONG_CODE = "This code is not right, or was used before. Wait for the next one; a recovery code works once."


def is_right(request: Request, check: Callable[[], bool], deed: str) -> bool:
    """Whether a password or code is right. Raises TooMany when it is not looked at, or was the last for now."""
    user = request.user
    attempt = begin_attempt(limits_of(request, user.get_username()))
    if check():
        attempt.withdraw()
        return True
    until = attempt.fail()
    record(origin_of(request), f"tried to {deed}", oneself(user), "with a wrong password or code", refused=True)
    who = f"{printable(user.get_username())} from {caller_of(request)}"
    log.warning("Wrong password or code, to %s: %s", deed, who)
    if until:
        log.warning("Confirmation locked until %s: %s", until.isoformat(timespec="seconds"), who)
        raise TooMany(until)
    return False


def is_fresh(request: Request) -> bool:
    """Whether the person of this session has said who they are within the last minutes."""
    session = request.session
    age = time.time() - max(session.get(SINCE, 0), session.get(CONFIRMED, 0))
    return bool(-FRESH < age < FRESH)


def note_confirmation(request: Request) -> None:
    request.session[CONFIRMED] = int(time.time())


class ConfirmedForm(forms.Form):
    """A form that wants to be sure who sends it."""

    locked_until: datetime | None = None  # nothing is looked at, after too many wrong ones

    def confirm(self, request: Request, field: str, check: Callable[[], bool], deed: str, wrong: str) -> None:
        """Adds an error to the field of a password or code that is not right."""
        try:
            if not is_right(request, check, deed):
                self.add_error(field, wrong)
        except TooMany as refused:
            self.locked_until = refused.until
            at = f"{timezone.localtime(refused.until):%H:%M}"
            self.add_error(field, f"Too many wrong ones. Nothing is looked at until {at}; then try again.")

    @property
    def status(self) -> int:
        """Of the page that shows it."""
        return 429 if self.locked_until else 422 if self.is_bound else 200


class PersonForm(ConfirmedForm):
    """Asks who it is again, for a deed ("turn off two-factor")."""

    password = forms.CharField(
        label="Current password",
        required=False,
        strip=False,
        max_length=LONGEST_PASSWORD,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )
    code = forms.CharField(
        label="Code",
        required=False,
        max_length=40,
        help_text="Of the authenticator app, or a recovery code.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
    )

    def __init__(self, request: Request, deed: str, authenticators: list[Authenticator], data: Any = None) -> None:
        super().__init__(data)
        self.request, self.deed = request, deed
        if not has_password(request.user):
            del self.fields["password"]
        if not authenticators:
            del self.fields["code"]
        if len(self.fields) == 2:
            self.fields["code"].label = "Or a code"

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        password, code = cleaned.get("password", ""), cleaned.get("code", "")
        if not (password or code):
            raise forms.ValidationError("Type one of these." if len(self.fields) > 1 else "Type it first.")
        name, wrong = ("password", NOT_CURRENT) if password else ("code", WRONG_CODE)
        self.confirm(self.request, name, lambda: self.fits(password, code), self.deed, wrong)
        return cleaned

    def fits(self, password: str, code: str) -> bool:
        if password:
            return self.request.user.check_password(password)
        return use_code(self.request, self.request.user, code) is CodeOutcome.RIGHT
