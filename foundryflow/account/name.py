"""Name and email of somebody, changed by themselves. A new email is confirmed by the current password."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from foundryflow.account.confirmation import NOT_CURRENT, ConfirmedForm
from foundryflow.account.provider import has_password
from foundryflow.accounts import oneself, people_with
from foundryflow.audit.record import origin_of, record
from foundryflow.forms import LONGEST_PASSWORD
from foundryflow.http import Request

TAKEN = "Somebody on this server has this email already."


class NameForm(ConfirmedForm):
    """The password is asked for once another email is typed."""

    name = forms.CharField(
        label="Name",
        max_length=150,
        help_text="Shown on runs, revisions and in the audit log.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label="Email",
        max_length=150,  # as long as a user name, which it often is, too
        help_text="You sign in with it. A change is confirmed by password.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    email_password = forms.CharField(
        label="Current password",
        required=False,
        strip=False,
        max_length=LONGEST_PASSWORD,
        help_text="Confirms the new email.",
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )

    def __init__(self, request: Request, provider: str = "", data: Any = None) -> None:
        user = request.user
        super().__init__(data, initial={"name": user.get_full_name(), "email": user.email})
        self.request, self.user = request, user
        email = self.fields["email"]
        email.required = bool(user.email)  # whoever never had one may go on without
        if not has_password(user):
            email.disabled = True
            email.help_text = f"From {provider}." if provider else "An administrator can change it."
        elif user.get_username() != user.email:
            email.help_text = f"You sign in as {user.get_username()}. A change is confirmed by password."
        if not self.has_new_email():
            del self.fields["email_password"]

    def has_new_email(self) -> bool:
        typed = self.data.get("email", "").strip() if self.is_bound else self.user.email
        return not self.fields["email"].disabled and typed != self.user.email

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email.casefold() != self.user.email.casefold() and is_taken(email, self.user):
            raise forms.ValidationError(TAKEN)
        return email

    def clean(self) -> dict[str, Any]:
        """Looks at the password last: a mistake in another field costs no attempt."""
        cleaned = self.cleaned_data
        if "email_password" not in self.fields or self.errors:
            return cleaned
        password = cleaned["email_password"]
        if not password:
            self.add_error("email_password", "Type your current password: it confirms the new email.")
            return cleaned
        check = partial(self.user.check_password, password)
        self.confirm(self.request, "email_password", check, "change own email", NOT_CURRENT)
        return cleaned

    def save(self) -> bool:
        """False when somebody else was given the email just now."""
        user, name, email = self.user, self.cleaned_data["name"], self.cleaned_data["email"]
        old_name, old_email, subject = user.get_full_name(), user.email, oneself(user)
        if user.get_username() == old_email:
            user.username = email or user.username
        user.first_name, user.last_name, user.email = name, "", email
        try:
            with transaction.atomic():
                if email != old_email and is_taken(email, user):
                    raise IntegrityError(email)
                user.save(update_fields=["first_name", "last_name", "email", "username"])
                if name != old_name:
                    record(origin_of(self.request), "changed own name", subject, f"from {old_name} to {name}")
                if email != old_email:
                    record(origin_of(self.request), "changed own email", subject, f"from {old_email} to {email}")
        except IntegrityError:
            user.refresh_from_db()
            self.add_error("email", TAKEN)
            return False
        return True


def is_taken(email: str, user: User) -> bool:
    """Whether somebody else has it, as email or as user name, however it is written."""
    return bool(email) and people_with(email).exclude(pk=user.pk).exists()
