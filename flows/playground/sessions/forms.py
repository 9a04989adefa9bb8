"""What a person types about a session, a version, a price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.playground.versions import LONGEST_NOTE
from flows.pricing.models import ModelPrice

LONGEST_NAME = 200
TAKEN = "There is a price for this name. Change that one."


class NameForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=LONGEST_NAME,
        error_messages={"required": "A session needs a name.", "max_length": f"At most {LONGEST_NAME} characters."},
    )


class ImportForm(forms.Form):
    file = forms.FileField(
        label="Session file",
        error_messages={"required": "Choose a file: a session exported as JSON.", "empty": "The file is empty."},
    )


class NoteForm(forms.Form):
    note = forms.CharField(
        label="Note for a version of what is set now",
        max_length=LONGEST_NOTE,
        error_messages={
            "required": "Say in a few words what this version is.",
            "max_length": f"At most {LONGEST_NOTE} characters.",
        },
    )


def amount(money: Decimal | None, *, grouped: bool = False) -> str:
    """With two decimals, or as many more as it has."""
    if money is None:
        return ""
    whole, _, decimals = f"{money:{',' * grouped}.4f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


class Amount(forms.DecimalField):
    """Money for a million tokens."""

    def __init__(self, label: str, *, required: bool = True, **kwargs: Any) -> None:
        super().__init__(
            label=label,
            required=required,
            min_value=0,
            max_digits=12,
            decimal_places=4,
            widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
            error_messages={
                "required": "Type a price, 0 if it costs nothing.",
                "invalid": "Type a number such as 2.50, with a point.",
                "min_value": "A price is 0 or more.",
                "max_decimal_places": "At most 4 decimals.",
                "max_whole_digits": "Less than 100,000,000.",
                "max_digits": "Less than 100,000,000.",
            },
            **kwargs,
        )

    def prepare_value(self, value: Any) -> Any:
        return amount(value) if isinstance(value, Decimal) else value


class Currency(forms.CharField):
    """Three letters; their case does not matter."""

    def clean(self, value: Any) -> str:
        name: str = super().clean(value).upper()
        if not (len(name) == 3 and name.isascii() and name.isalpha()):
            raise ValidationError("Three letters such as USD or EUR.")
        return name


class PriceForm(forms.ModelForm):
    pattern = forms.CharField(
        label="Model or deployment",
        max_length=200,
        help_text="* stands for anything. A whole name goes before a pattern.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        error_messages={
            "required": "Type the name of a model or deployment.",
            "max_length": "At most 200 characters.",
        },
    )
    input = Amount("Input")
    cached_input = Amount("Cached input", required=False, help_text="Empty: as input.")
    output = Amount("Output")
    currency = Currency(label="Currency", error_messages={"required": "Three letters such as USD or EUR."})

    class Meta:
        model = ModelPrice
        fields = ("pattern", "input", "cached_input", "output", "currency")

    def __init__(self, *args: Any, focus: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pattern"].widget.attrs["autofocus"] = focus

    def clean_pattern(self) -> str:
        pattern: str = self.cleaned_data["pattern"]
        if ModelPrice.objects.filter(pattern__iexact=pattern).exclude(pk=self.instance.pk).exists():
            raise ValidationError(TAKEN)
        return pattern
