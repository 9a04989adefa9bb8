"""The change of one's own password, and what is said of a new one while it is typed."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib.auth import password_validation, update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from foundryflow.account.confirmation import NOT_CURRENT, ConfirmedForm
from foundryflow.account.sessions import end_sessions, rename_session
from foundryflow.accounts import oneself
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import LONGEST_PASSWORD
from foundryflow.http import Request
from foundryflow.models import Account
from foundryflow.sign_in.logged_names import caller_of, printable

log = logging.getLogger(__name__)

SHORTEST = f"At least {settings.SHORTEST_PASSWORD} characters."


class PasswordForm(ConfirmedForm, PasswordChangeForm):
    """Looks at the current password last, so that a mistake in the new one costs no attempt."""

    error_messages = {"password_incorrect": NOT_CURRENT, "password_mismatch": "The two are not the same."}

    def __init__(self, request: Request, data: Any = None) -> None:
        super().__init__(request.user, data)
        self.request = request
        labels = {"old_password": "Current password", "new_password1": "New password", "new_password2": "Again"}
        for name, label in labels.items():
            self.fields[name].label, self.fields[name].help_text = label, ""
        self.fields["old_password"].widget.attrs.pop("autofocus", None)

    def clean_old_password(self) -> str:
        return str(self.cleaned_data["old_password"])

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        if any(len(typed) > LONGEST_PASSWORD for typed in cleaned.values()):
            raise ValidationError(f"A password has at most {LONGEST_PASSWORD:,} characters.")
        self.validate_passwords("new_password1", "new_password2")
        self.validate_password_for_user(self.user, "new_password1")
        if not self.errors:
            check = partial(self.user.check_password, cleaned["old_password"])
            self.confirm(self.request, "old_password", check, "change own password", NOT_CURRENT)
        return cleaned


def change_password(form: PasswordForm) -> None:
    """This session goes on under another key; the person's others end."""
    request, user = form.request, form.user
    before = request.session.session_key
    with transaction.atomic():
        form.save(commit=False)
        user.save(update_fields=["password"])
        Account.objects.filter(user=user).update(password_changed_at=timezone.now())
        update_session_auth_hash(request, user)
        rename_session(before, request.session.session_key)
        end_sessions(user, but=request.session.session_key)
        record(origin_of(request), "changed own password", oneself(user))
    log.warning("Password changed: %s from %s", printable(user.get_username()), caller_of(request))


@dataclass(frozen=True)
class PasswordHint:
    """One line about a new password, and whether it will do."""

    sentence: str
    is_good: bool = False
    is_bad: bool = False


def hint_of(password: str, user: User) -> PasswordHint:
    """Says its length, never a part of it."""
    if not password:
        return PasswordHint(SHORTEST)
    count = f"{len(password):,} character{'' if len(password) == 1 else 's'}"
    if len(password) > LONGEST_PASSWORD:
        return PasswordHint(f"{count}: at most {LONGEST_PASSWORD:,}.", is_bad=True)
    if len(password) < settings.SHORTEST_PASSWORD:
        return PasswordHint(f"{count} of at least {settings.SHORTEST_PASSWORD}.")
    try:
        password_validation.validate_password(password, user)
    except ValidationError as refused:
        return PasswordHint(f"{count}{reason_of(refused)}", is_bad=True)
    return PasswordHint(f"{count}, not in the list of common ones", is_good=True)


def reason_of(refused: ValidationError) -> str:
    first = refused.error_list[0]
    known = {
        "password_too_common": ", but in the list of common ones.",
        "password_too_similar": ", but too close to your name or email.",
    }
    return known.get(first.code or "", f". {first.messages[0]}")
