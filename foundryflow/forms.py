"""What forms of several rooms have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
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


def new_password_field(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=LONGEST_PASSWORD,
        strip=False,
        help_text=f"At least {settings.SHORTEST_PASSWORD} characters.",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
