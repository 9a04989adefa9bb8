"""The inputs of a flow as a form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.language.document import Document
from flows.language.files import (
    MEDIA_TYPES,
    FileRefused,
    GivenFile,
    check_together,
    clean_name,
    holds_file,
    is_file,
    megabytes,
    read_file,
)
from flows.language.nodes import Input
from flows.language.values import convert
from flows.models import Run
from flows.models.run_file import file_limits

PDF = "application/pdf"
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


class ChosenFile(forms.FileInput):
    """Says how large the chosen file is, and when that is too much, before it is sent."""

    template_name = "runs/_file_input.html"


class FileField(forms.FileField):
    """A file of the run, looked at."""

    widget = ChosenFile

    def clean(self, data: Any, initial: Any = None) -> Any:
        sent = super().clean(data, initial)
        if not sent:
            return None
        limits = file_limits()
        try:
            return read_file(sent.name, sent.read(limits.of_file + 1), limits)
        except FileRefused as error:
            raise ValidationError(f"{clean_name(sent.name, PDF)} {error}.") from None


class InputsForm(forms.Form):
    """A field for each input; secrets are never shown again, and files have to be chosen anew."""

    def __init__(
        self,
        document: Document,
        data: Any = None,
        given: Run | None = None,
        offered: Mapping[str, Any] | None = None,
        files: Any = None,
    ) -> None:
        """`given` is the run whose inputs are offered, or they are `offered`. What held a secret or a file is asked
        anew. `files` are those that were sent with the data."""
        offered = dict(given.inputs_without_masks() if given else offered or {})
        super().__init__(data, files if data is not None else None, initial=offered, prefix="input")
        for declared in document.inputs:
            field = self.fields[declared.name] = field_of(declared)
            if given and declared.name in given.inputs and declared.name not in offered:
                field.help_text = f"{field.help_text} {hint_of_gone_value(declared, given)}".strip()

    @property
    def sent_files(self) -> list[str]:
        """Names of those that came with the data. A page that is loaded anew has lost them."""
        return [clean_name(str(getattr(file, "name", "")), PDF) for file in self.files.values()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        files = {name: value for name, value in cleaned.items() if isinstance(value, GivenFile)}
        try:
            check_together(files.values(), file_limits())
        except FileRefused as error:
            self.add_error(list(files)[-1], f"The files {error}.")
        return cleaned

    def inputs(self) -> dict[str, Any]:
        """What was typed; inputs left empty take their default when the run starts."""
        return {name: value for name, value in self.cleaned_data.items() if value not in (None, "")}


def hint_of_gone_value(declared: Input, run: Run) -> str:
    """Of an input whose value in the run is gone."""
    value = run.inputs[declared.name]
    if not holds_file(value):
        return f"Run {run.pk} had one; secrets are not kept, type it again."
    had = value["name"] if is_file(value) else "files"
    return f"Run {run.pk} had {had}; files are kept until a run ends, choose it again."


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
        case "file":
            most = file_limits().of_file
            said = f"An image (PNG, JPEG, WebP, GIF) or a PDF, at most {megabytes(most)}. Kept until the run ends."
            attrs = {"accept": ",".join(MEDIA_TYPES), "data-most": most, "data-most-said": megabytes(most)}
            common |= {"initial": None, "help_text": f"{declared.description} {said}".strip()}
            common["error_messages"] |= {"empty": f"{declared.name} is an empty file."}
            return FileField(widget=ChosenFile(attrs=attrs), **common)
        case "secret":
            attrs = {"autocomplete": "off"}
            if declared.default not in (None, ""):
                attrs["placeholder"] = "stored · blank uses it"
            return forms.CharField(widget=forms.PasswordInput(attrs=attrs, render_value=False), **common)
        case _:
            return forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), **common, strip=False)
