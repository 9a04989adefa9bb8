"""The field of a JSON Schema: a form and a text view of one text, which is what is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.designer.fields import ValuePropertyField, field_for
from flows.properties.schema import EXAMPLE, SchemaProperty, is_object, is_template
from foundryflow.strict_json import JsonError, storable_json

SCHEMA = "schema"  # chosen in the select when the text counts
WORDS = {"": "Text", "text": "Text", "json_object": "Any JSON object", SCHEMA: "JSON Schema"}


@dataclass(frozen=True)
class SchemaControl:
    """What the control shows: the choice beside the schema, where there is one, and the text."""

    choices: Sequence[tuple[str, str]]
    chosen: str
    text: str


class SchemaInput(forms.Textarea):
    """The word that is chosen in the select `NAME-kind`, or the text beside it."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        kind = data.get(f"{name}-kind", SCHEMA)
        return data.get(name, "") if kind == SCHEMA else kind


@field_for(SchemaProperty)
class SchemaPropertyField(ValuePropertyField):
    def __init__(self, property: Any) -> None:
        super().__init__(property)
        self.partial, self.editor_mode, self.widget = "properties/_schema.html", "json", SchemaInput()  # type: ignore[misc]

    def control(self, bound: Any) -> SchemaControl:
        value = bound.value() or ""
        if not self.property.words:
            return SchemaControl((), SCHEMA, value)
        # That nothing is said is another document than that it says text.
        words = [value if value == "text" else "", "json_object", SCHEMA]
        is_word = value in words
        choices = [(word, WORDS[word]) for word in words]
        return SchemaControl(choices, value if is_word else SCHEMA, "" if is_word else value)

    def clean(self, value: Any) -> Any:
        given = super().clean(value)
        if given in ("", *self.property.words) or isinstance(given, Mapping) or is_template(given):
            return given
        try:
            storable_json(value)
        except JsonError as error:
            if is_object(given):
                raise ValidationError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
        raise ValidationError(EXAMPLE)
