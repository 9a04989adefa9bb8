"""The inputs of a flow as a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.language.document import Document
from flows.language.nodes import Input
from flows.language.values import convert
from flows.models import Run

SHORT_LINE = 80  # characters


class JsonText(forms.CharField):
    """A list or object, typed as JSON."""

    def __init__(self, type: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.type = type

    def prepare_value(self, value: Any) -> Any:
        return value if isinstance(value, str) or value is None else json_to_edit(value)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return convert_text(text, self.type) if text else None


def json_to_edit(value: Any) -> str:
    """In one line where that is short."""
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= SHORT_LINE else json.dumps(value, indent=2, ensure_ascii=False)


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

    def __init__(
        self,
        document: Document,
        data: Any = None,
        given: Run | None = None,
        offered: Mapping[str, Any] | None = None,
    ) -> None:
        """`given` is the run whose inputs are offered, or they are `offered`. What held a secret is asked anew."""
        offered = dict(given.inputs_without_masks() if given else offered or {})
        super().__init__(data, initial=offered, prefix="input")
        for declared in document.inputs:
            field = self.fields[declared.name] = field_of(declared)
            if given and declared.name in given.inputs and declared.name not in offered:
                said = f"Run {given.pk} had one; secrets are not kept, type it again."
                field.help_text = f"{field.help_text} {said}".strip()

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
            return JsonText(declared.type, widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}), **common)
        case "secret":
            attrs = {"autocomplete": "off"}
            if declared.default not in (None, ""):
                attrs["placeholder"] = "stored · blank uses it"
            return forms.CharField(widget=forms.PasswordInput(attrs=attrs, render_value=False), **common)
        case _:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common, strip=False)
