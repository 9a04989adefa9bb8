"""A field for a new password, where somebody has none to confirm it by."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password

from foundryflow.account.confirmation import LONGEST_PASSWORD


def new_password_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=f"At least {settings.SHORTEST_PASSWORD} characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )


class ChoosePasswordForm(forms.Form):
    password = new_password_field("New password")

    def __init__(self, person: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.person = person

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.person)
        return password
