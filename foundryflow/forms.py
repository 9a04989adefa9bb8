"""What forms of several rooms have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction

LONGEST_PASSWORD = 1_000  # characters


def save_unless_taken(form: forms.ModelForm[Any], taken: str, field: str | None = None) -> bool:
    """Stores what the form is about. False when the form says why not, even if only because somebody stored the same
    just now: then with the sentence `taken` at the field."""
    if not form.is_valid():
        return False
    try:
        with transaction.atomic():
            form.save()
    except IntegrityError:
        form.add_error(field, taken)
        return False
    return True


class NewPasswordForm(forms.Form):
    """Asks for a new password, which must not be close to what the person is called."""

    password = forms.CharField(
        label="Password",
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=f"At least {settings.SHORTEST_PASSWORD} characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password = str(self.cleaned_data["password"])
        validate_password(password, self.person())
        return password

    def person(self) -> User:
        """Whose password it is to be, as far as the fields before it tell."""
        raise NotImplementedError
