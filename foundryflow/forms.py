"""What forms of several rooms have in common."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import IntegrityError, transaction


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
