"""The forms of whoever invites, and of whoever is invited."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from foundryflow.accounts import person_with
from foundryflow.forms import NewPasswordForm
from foundryflow.models import Invitation
from foundryflow.names import name_of
from foundryflow.roles import Role


class InviteForm(forms.Form):
    email = forms.EmailField(
        label="Email",
        max_length=150,
        widget=forms.EmailInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={"invalid": "This is no email address.", "required": "Whom? Type an email address."},
    )
    role = forms.ChoiceField(label="Role", choices=Role.choices, initial=Role.RUNNER)

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if person := person_with(email):
            here = "is here already" if person.is_active else "is deactivated. Activate them again instead"
            raise ValidationError(f"{name_of(person)} has this address and {here}.")
        return email


class JoinForm(NewPasswordForm):
    name = forms.CharField(
        label="Your name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )  # fmt: skip
    field_order = ("name", "password")

    def __init__(self, invitation: Invitation, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation

    def person(self) -> User:
        email = self.invitation.email
        return User(username=email, email=email, first_name=self.cleaned_data.get("name", ""))
