"""Code, the values for its parameters, and values to try it with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.designer.completions import COMPLETIONS
from flows.designer.fields import PropertyField, field_for
from flows.designer.row_fields import LITERALS, FlowInputsPropertyField
from flows.designer.typed_text import check_template, parse_literal
from flows.language.nodes import Input
from flows.language.python_source import CodeError, FunctionSource, Parameter, read_source
from flows.language.values import convert
from flows.properties.arguments import ArgumentsProperty
from flows.properties.base import text_of
from flows.properties.code import CodeProperty


def source_of(code: Any) -> FunctionSource | None:
    """The function in a text; None when it cannot be read, which lint says."""
    try:
        return read_source(code) if isinstance(code, str) and code.strip() else None
    except CodeError:
        return None


@dataclass(frozen=True)
class TrialField:
    """A control for a value to try the function with."""

    id: str
    name: str  # of the control
    parameter: Parameter
    value: str

    @property
    def empty_words(self) -> str:
        return self.parameter.default


TRIAL = "trial-"  # begins the names of controls of values to try with


@field_for(CodeProperty)
class CodePropertyField(PropertyField):
    """A text in which nothing is rendered. What is wrong with it is said by lint, so that half a line is saved, too."""

    partial = "properties/_code.html"
    says_hint = True
    rows_partial, rows_id = "properties/_trial_fields.html", "trial-fields"
    widget = forms.Textarea
    editor_mode = "python"
    completions = json.dumps([completion._asdict() for completion in COMPLETIONS])  # as the large editor takes them

    def clean(self, value: Any) -> Any:
        text = (value or "").replace("\r\n", "\n").rstrip()
        if why := self.property.refuse(text):
            raise ValidationError(why)
        return text

    @property
    def limits_selector(self) -> str:
        """Of the controls of its limits."""
        return ", ".join(f"#property-{name}" for name in self.property.limits)

    def control(self, bound: Any) -> list[TrialField]:
        """A field for each parameter: with what it was last tried with, else what is written down for it, where that
        is no template."""
        source, given = source_of(bound.value()), bound.form.stored.get(self.property.arguments)
        stored = {
            name: text
            for name, value in (given.items() if isinstance(given, Mapping) else ())
            if "{{" not in (text := text_of(value))
        }
        offered = {**stored, **bound.form.panel_context.tried_with()}
        return [
            TrialField(f"trial-{each.name}", f"{TRIAL}{each.name}", each, offered.get(each.name, ""))
            for each in (source.parameters if source else ())
        ]


@field_for(ArgumentsProperty)
class ArgumentsPropertyField(FlowInputsPropertyField):
    """The parameters of a function one by one."""

    noun, when_known = "parameter", "Its parameters are known when the code can be read."

    def owner_of_inputs(self, bound: Any) -> tuple[str, Sequence[Input] | None]:
        code = bound.form[self.property.of].value()
        source = source_of(code)
        if source is None:
            # While somebody types, the code is broken; the values stay as they are.
            stored = bound.form.stored.get(bound.name)
            names = list(stored) if isinstance(stored, Mapping) else []
            return "The function", [as_input(Parameter(str(name), required=False)) for name in names] or None
        return source.name, [as_input(parameter) for parameter in source.parameters]

    def row_id(self, owner: str, at: int, name: str) -> str:
        return f"argument-{name if name.isidentifier() else at}"

    def clean_row(self, row: Mapping[str, str]) -> Any:
        return clean_argument(row["name"], row["value"], row["type"])

    def inputs_of_another(self, form: Any) -> None:
        """None: a value whose parameter was renamed stays, and is marked."""


def as_input(parameter: Parameter) -> Input:
    return Input(
        {
            "name": parameter.name,
            "type": parameter.type,
            "required": parameter.required,
            "default": parameter.default or None,
        }
    )


def clean_argument(name: str, typed: str, type: str) -> Any:
    """What is typed for a parameter, as it is stored: of any type but text JSON is that. Raises ValidationError."""
    text = typed.replace("\r\n", "\n")
    if "{" in text:
        check_template(text)
    if type == "text" or not text:
        return text
    value = parse_literal(text, with_templates=True)
    if type in LITERALS and "{{" not in text:
        try:
            convert(value, type)
        except ValueError as error:
            raise ValidationError(f"{name}: {text[:40]!r} {error}.") from None
    return value
