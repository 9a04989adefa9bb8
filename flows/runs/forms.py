"""The inputs of a flow as a form."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.language.document import Document
from flows.language.nodes import Input
from flows.language.values import convert


class JsonText(forms.CharField):
    """A list or object, typed as JSON."""

    widget = forms.Textarea

    def __init__(self, type: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.type = type

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json.dumps(value, ensure_ascii=False)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return convert_text(text, self.type) if text else None


class NumberText(forms.CharField):
    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return convert_text(text, "number") if text else None


def convert_text(text: str, type: str) -> Any:
    try:
        return convert(text, type)
    except ValueError as error:
        raise ValidationError(f"This {error}.") from None


class InputsForm(forms.Form):
    """A field for each input; secrets are never shown again."""

    def __init__(self, document: Document, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, prefix="input")
        for declared in document.inputs:
            self.fields[declared.name] = field_of(declared)

    def inputs(self) -> dict[str, Any]:
        """What was typed; inputs left empty take their default when the run starts."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


def field_of(declared: Input) -> forms.Field:
    common: dict[str, Any] = {
        "label": declared.name,
        "required": declared.required and declared.default in (None, ""),
        "help_text": declared.description,
        "initial": declared.default if declared.type != "secret" else None,
    }
    common["error_messages"] = {"required": f"{declared.name} is required."}
    match declared.type:
        case "number":
            return NumberText(widget=forms.TextInput(attrs={"inputmode": "decimal"}), **common)
        case "boolean":
            return forms.BooleanField(**{**common, "required": False})
        case "list" | "object":
            return JsonText(declared.type, **common)
        case "secret":
            attrs = {"autocomplete": "off"}
            if declared.default not in (None, ""):
                attrs["placeholder"] = "stored · blank uses it"
            return forms.CharField(widget=forms.PasswordInput(attrs=attrs, render_value=False), **common)
        case _:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common, strip=False)
