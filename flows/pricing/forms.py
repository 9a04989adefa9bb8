"""What a person types about a price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.pricing.models import ModelPrice

TAKEN = "There is a price for this name. Change that one."


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


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django takes no type here
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
    cache_write = Amount("Cache write", required=False, help_text="Empty: as input.")
    output = Amount("Output")
    currency = Currency(label="Currency", error_messages={"required": "Three letters such as USD or EUR."})

    class Meta:
        model = ModelPrice
        fields = ("pattern", "input", "cached_input", "cache_write", "output", "currency")

    def __init__(self, *args: Any, focus: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["pattern"].widget.attrs["autofocus"] = focus

    def clean_pattern(self) -> str:
        pattern: str = self.cleaned_data["pattern"]
        if ModelPrice.objects.filter(pattern__iexact=pattern).exclude(pk=self.instance.pk).exists():
            raise ValidationError(TAKEN)
        return pattern
