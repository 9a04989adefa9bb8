"""Properties as form fields: a small class for each kind, derived from what its action type says.

A field turns the JSON of a property into what people type (`control_value`) and back (`clean`). An empty one leaves the
property out of the document. A kind without a class of its own has that of the kind that it is derived from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError

from connections.endpoint.embedded_secrets import without_secrets
from flows.designer.typed_text import check_condition, check_template, clean_name, parse_literal, parse_number
from flows.language.nodes import Input
from flows.language.scope import VariableInScope
from flows.language.stored_secrets import KEY, is_stored
from flows.properties.address import AddressProperty
from flows.properties.base import Property, text_of
from flows.properties.condition import ConditionProperty
from flows.properties.deferred_value import DeferredValueProperty
from flows.properties.environment_name import EnvironmentNameProperty
from flows.properties.long_text import LongTextProperty
from flows.properties.new_variable import NewVariableProperty
from flows.properties.number import NumberProperty
from flows.properties.secret import SecretProperty
from flows.properties.sql import SqlProperty
from flows.properties.text import TextProperty
from flows.properties.value import ValueProperty


@dataclass(frozen=True)
class PanelContext:
    """What a property panel knows beside the action itself. What only some kinds ask is looked up when they do."""

    variables: Sequence[VariableInScope] = ()
    connections: Sequence[str] = ()
    environment_secrets: Sequence[str] = ()  # names of variables of the server that flows may read
    flows: Callable[[], Sequence[tuple[str, str]]] = tuple  # that can be run: slug and name
    inputs_of: Callable[[str], Sequence[Input] | None] = lambda slug: None  # of a flow; None when there is no such one
    tried_with: Callable[[], Mapping[str, str]] = dict  # what the person last tried the code of the action with


@dataclass(frozen=True)
class Insert:
    """How variables are inserted into a control."""

    is_bare: bool = False  # by their name, without braces
    secrets_first: bool = False
    no_secrets: str = ""  # why a secret cannot be chosen; empty where it can
    with_body: bool = False  # variables of the body of a loop, too


class PropertyField(forms.Field):
    """What all fields of properties have in common."""

    partial: ClassVar[str]  # the template of the control
    label_partial: ClassVar[str] = "properties/_label.html"  # says whether a run needs it
    label_id: ClassVar[str] = "label-{}"  # of the element that it is, by the name of the property
    says_hint: ClassVar[bool] = False  # the control has the hint in it
    rows_partial: ClassVar[str] = ""  # the template of rows that are renewed after every save
    rows_id: ClassVar[str] = ""  # of the element that they stand in
    insert: Insert | None = None  # none where no template is typed
    editor_mode: ClassVar[str] = ""  # of the large editor (code_editor.js); none where it would not help
    names_variables: ClassVar[bool] = False  # the control has the variables in scope in it

    def __init__(self, property: Any) -> None:
        super().__init__(label=property.label, help_text=property.hint, required=False)
        self.property = property

    def control_value(self, value: Any) -> Any:
        """The stored value as the control shows it."""
        return text_of(value)

    def control(self, bound: Any) -> Any:
        """What the control shows beside its value, where there is more."""

    def fit(self, name: str, value: Any, form: Any) -> Any:
        """A cleaned value beside what else was typed into the form."""
        return value


FIELDS: dict[type[Property], type[PropertyField]] = {}  # by kind
FieldClass = TypeVar("FieldClass", bound=type[PropertyField])


def field_for(kind: type[Property]) -> Callable[[FieldClass], FieldClass]:
    """Makes a class the one for a kind of property."""

    def register(made: FieldClass) -> FieldClass:
        FIELDS[kind] = made
        return made

    return register


@field_for(TextProperty)
class TextPropertyField(PropertyField):
    partial = "properties/_text.html"
    widget: Any = forms.TextInput

    def __init__(self, property: Any) -> None:
        super().__init__(property)
        self.insert = Insert(no_secrets=property.why_no_secrets)

    def clean(self, value: Any) -> Any:
        text = (value or "").replace("\r\n", "\n")
        if "{" in text:
            check_template(text)
        return text


@field_for(EnvironmentNameProperty)
class EnvironmentNamePropertyField(TextPropertyField):
    partial = "properties/_environment_name.html"


@field_for(LongTextProperty)
class LongTextPropertyField(TextPropertyField):
    partial = "properties/_long_text.html"
    editor_mode = "template"
    widget = forms.Textarea


@field_for(SqlProperty)
class SqlPropertyField(PropertyField):
    """A statement, in which nothing is rendered."""

    partial = "properties/_sql.html"
    editor_mode = "text"
    widget = forms.Textarea

    def clean(self, value: Any) -> Any:
        text = (value or "").replace("\r\n", "\n").strip()
        if why := self.property.refuse(text):
            raise ValidationError(why)
        return text


@field_for(AddressProperty)
class AddressPropertyField(TextPropertyField):
    """An address with a secret inside is refused, and not shown again."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if why := self.property.refuse(text):
            raise ValidationError(why)
        return text

    def bound_data(self, data: Any, initial: Any) -> Any:
        return without_secrets(data) if data and self.property.refuse(data) else data


@field_for(ValueProperty)
class ValuePropertyField(TextPropertyField):
    """Text that is a JSON number, list or object is kept as that."""

    def __init__(self, property: Any) -> None:
        super().__init__(property)
        if property.rows > 1:
            self.partial, self.widget = LongTextPropertyField.partial, forms.Textarea()  # type: ignore[misc]
            self.editor_mode = LongTextPropertyField.editor_mode  # type: ignore[misc]

    def control_value(self, value: Any) -> Any:
        is_nested = isinstance(value, dict | list) and self.property.rows > 1
        return json.dumps(value, ensure_ascii=False, indent=2) if is_nested else super().control_value(value)

    def clean(self, value: Any) -> Any:
        return parse_literal(super().clean(value), with_templates=self.property.keeps_json)


@field_for(DeferredValueProperty)
class DeferredValuePropertyField(ValuePropertyField):
    """It is read behind the body, whose variables are offered."""

    def __init__(self, property: Any) -> None:
        super().__init__(property)
        self.insert = Insert(no_secrets=property.why_no_secrets, with_body=True)


CONDITION_INSERT = Insert(is_bare=True, no_secrets="a secret can't be compared")


@field_for(ConditionProperty)
class ConditionPropertyField(TextPropertyField):
    partial = "properties/_condition.html"
    editor_mode = "expression"
    names_variables = True

    def __init__(self, property: Any) -> None:
        super().__init__(property)
        self.insert = replace(CONDITION_INSERT, with_body=True)

    def clean(self, value: Any) -> Any:
        text = (value or "").strip()
        if text:
            check_condition(text)
        return text


@field_for(NumberProperty)
class NumberPropertyField(TextPropertyField):
    partial = "properties/_number.html"

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text or "{{" in text:
            return text
        number = parse_number(text, whole=self.property.whole)
        if why := self.property.why_out_of_bounds(number):
            raise ValidationError(f"{why[:1].upper()}{why[1:]}.")
        return int(number) if float(number).is_integer() and "." not in text else number


@field_for(NewVariableProperty)
class NewVariablePropertyField(PropertyField):
    partial = "properties/_new_variable.html"
    widget = forms.TextInput

    def clean(self, value: Any) -> Any:
        return clean_name(value)


class WriteOnlyInput(forms.TextInput):
    """What is typed, else the stored secret that `NAME-kept` names."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        typed, kept = data.get(name, ""), data.get(f"{name}-kept", "")
        return {"secret": kept} if not typed.strip() and KEY.fullmatch(kept) else typed


@field_for(SecretProperty)
class SecretPropertyField(PropertyField):
    """A stored secret is write-only: blank keeps it."""

    partial = "properties/_secret.html"
    widget = WriteOnlyInput
    insert = Insert(secrets_first=True)

    def control_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else ""

    def clean(self, value: Any) -> Any:
        if is_stored(value):
            return value
        text = (value or "").strip()
        if "{{" in text:
            check_template(text)
        return text
