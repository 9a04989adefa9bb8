"""Properties as form fields: a small class for each kind, derived from what its action type says.

A field turns the JSON of a property into what people type (`control_value`) and back (`clean`). An empty one leaves the
property out of the document. A kind without a class of its own has that of the kind that it is derived from.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError

from connections.endpoint.embedded_secrets import without_secrets
from flows.language.expressions import ExpressionError, as_template, check
from flows.language.scope import VariableInScope
from flows.language.stored_secrets import KEY, is_stored
from flows.language.values import VARIABLE_TYPES
from flows.properties.address import AddressProperty
from flows.properties.base import EMPTY, Property, text_of
from flows.properties.choice import ChoiceProperty
from flows.properties.condition import ConditionProperty
from flows.properties.connection import ConnectionProperty
from flows.properties.connection_variable import ConnectionVariableProperty
from flows.properties.declarations import DeclarationsProperty
from flows.properties.long_text import LongTextProperty
from flows.properties.new_variable import NewVariableProperty
from flows.properties.number import NumberProperty
from flows.properties.secret import SecretProperty
from flows.properties.sql import SqlProperty
from flows.properties.text import TextProperty
from flows.properties.value import ValueProperty
from flows.properties.variable import VariableProperty
from foundryflow.strict_json import JsonError, storable_json

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MOST_ROWS = 500


@dataclass(frozen=True)
class PanelContext:
    """What a property panel knows beside the action itself."""

    variables: Sequence[VariableInScope] = ()
    connections: Sequence[str] = ()


class PropertyField(forms.Field):
    """What all fields of properties have in common."""

    partial: ClassVar[str]  # the template of the control
    says_hint: ClassVar[bool] = False  # the control has the hint in it
    rows_partial: ClassVar[str] = ""  # the template of rows that are renewed after every save
    rows_id: ClassVar[str] = ""  # of the element that they stand in

    def __init__(self, property: Any) -> None:
        super().__init__(label=property.label, help_text=property.hint, required=False)
        self.property = property

    def control_value(self, value: Any) -> Any:
        """The stored value as the control shows it."""
        return text_of(value)


FIELDS: dict[type[Property], type[PropertyField]] = {}  # by kind
FieldClass = TypeVar("FieldClass", bound=type[PropertyField])


def field_for(kind: type[Property]) -> Callable[[FieldClass], FieldClass]:
    """Makes a class the one for a kind of property."""

    def register(made: FieldClass) -> FieldClass:
        FIELDS[kind] = made
        return made

    return register


def make_field(property: Property, stored: Any) -> PropertyField:
    """The field for a property that has this value now; a secret is never shown, whatever its kind."""
    if property.is_write_only(stored):
        return SecretPropertyField(property)
    return next(FIELDS[kind] for kind in type(property).__mro__ if kind in FIELDS)(property)


@field_for(TextProperty)
class TextPropertyField(PropertyField):
    partial = "properties/_text.html"
    widget: Any = forms.TextInput

    def clean(self, value: Any) -> Any:
        text = (value or "").replace("\r\n", "\n")
        if "{" in text:
            check_template(text)
        return text


@field_for(LongTextProperty)
class LongTextPropertyField(TextPropertyField):
    partial = "properties/_long_text.html"
    widget = forms.Textarea


@field_for(SqlProperty)
class SqlPropertyField(PropertyField):
    """A statement, in which nothing is rendered."""

    partial = "properties/_sql.html"
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

    def clean(self, value: Any) -> Any:
        return parse_literal(super().clean(value))


@field_for(ConditionProperty)
class ConditionPropertyField(TextPropertyField):
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
        if why := self.property.bound_broken(number):
            raise ValidationError(f"{why[:1].upper()}{why[1:]}.")
        return int(number) if float(number).is_integer() and "." not in text else number


@field_for(ChoiceProperty)
class ChoicePropertyField(PropertyField):
    partial = "properties/_choice.html"
    widget = forms.Select

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The first says what it means that none is chosen."""
        return [("", self.property.empty_words), *((each, each) for each in self.property.choices)]

    def clean(self, value: Any) -> Any:
        if value and value not in self.property.choices:
            raise ValidationError(f"{value!r} is not one of {', '.join(self.property.choices)}.")
        return value or ""


@field_for(ConnectionProperty)
class ConnectionPropertyField(PropertyField):
    """A stored connection, with the toggle that creates one in place."""

    partial = "properties/_connection.html"
    widget = forms.TextInput

    def clean(self, value: Any) -> Any:
        return (value or "").strip()


@field_for(VariableProperty)
class VariablePropertyField(PropertyField):
    partial = "properties/_variable.html"
    widget = forms.TextInput

    def clean(self, value: Any) -> Any:
        return clean_name(value)


@field_for(NewVariableProperty)
class NewVariablePropertyField(VariablePropertyField):
    partial = "properties/_new_variable.html"


class ToggledInput(forms.TextInput):
    """A text that counts only while the checkbox beside it is on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        return data.get(name, "") if data.get(f"{name}-on") else ""


@field_for(ConnectionVariableProperty)
class ConnectionVariablePropertyField(PropertyField):
    partial = "properties/_connection_variable.html"
    says_hint = True
    widget = ToggledInput

    def clean(self, value: Any) -> Any:
        text = (value or "").strip()
        if text and not NAME.fullmatch(text):
            raise ValidationError("Choose a variable of type connection.")
        return text


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

    def control_value(self, value: Any) -> Any:
        return value if isinstance(value, str) else ""

    def clean(self, value: Any) -> Any:
        if is_stored(value):
            return value
        text = (value or "").strip()
        if "{{" in text:
            check_template(text)
        return text


class DeclarationsInput(forms.Widget):
    """Rows of name, type, value and global, posted as `variables-0-name` and so on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, Any]]:
        rows = []
        for at in range(MOST_ROWS):
            if f"{name}-{at}-name" not in data:
                break
            rows.append(
                {part: data.get(f"{name}-{at}-{part}", "") for part in ("name", "type", "value", "global", "kept")}
            )
        return rows

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-0-name" not in data


@field_for(DeclarationsProperty)
class DeclarationsPropertyField(PropertyField):
    partial = "properties/_declarations.html"
    rows_partial, rows_id = "properties/_declaration_rows.html", "variables-rows"
    widget = DeclarationsInput
    types = VARIABLE_TYPES

    def control_value(self, value: Any) -> Any:
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        return [control_row(row) for row in rows]

    def rows_of(self, bound: forms.BoundField) -> list[dict[str, Any]]:
        """The rows for the template, with an empty one at the end; `prefix` begins the names of their controls."""
        rows = [control_row(row) if bound.form.is_bound else row for row in bound.value() or []]
        named = [*(row for row in rows if row["name"] or row["value"]), control_row({})]
        return [{**row, "prefix": f"{bound.name}-{number}"} for number, row in enumerate(named)]

    def clean(self, value: Any) -> Any:
        rows = [row for row in value or [] if row["name"].strip() or row["value"].strip()]
        names = [clean_name(row["name"], required=True) for row in rows]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValidationError(f"{repeated} is declared twice. Rename one of them.")
        return [clean_row(name, row) for name, row in zip(names, rows, strict=True)]


def control_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as its controls show it; what is typed as a secret is not shown again."""
    value = row.get("value")
    kept = value.get("secret", "") if isinstance(value, dict) and "secret" in value else ""
    typed = "" if kept else text_of(value)
    return {
        "name": row.get("name") or "",
        "type": row.get("type") or "text",
        "value": "" if row.get("type") == "secret" and "{{" not in typed else typed,
        "global": bool(row.get("global")),
        "kept": kept or row.get("kept") or "",
    }


def clean_row(name: str, row: Mapping[str, Any]) -> dict[str, Any]:
    if row["type"] not in VARIABLE_TYPES:
        raise ValidationError(f"{name}: {row['type']!r} is not a type. Choose one of {', '.join(VARIABLE_TYPES)}.")
    text = row["value"].replace("\r\n", "\n")
    if "{" in text:
        check_template(text)
    value: Any = parse_literal(text) if row["type"] in ("number", "boolean", "list", "object") else text
    if row["type"] == "secret" and not text and row["kept"]:
        value = {"secret": row["kept"]}
    cleaned = {"name": name, "type": row["type"], "value": value}
    return {**cleaned, "global": True} if row["global"] else cleaned


class PropertyForm(forms.Form):
    """The properties of one action."""

    def __init__(
        self,
        declared: Mapping[str, Property],
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        context: PanelContext | None = None,
    ) -> None:
        self.declared, self.stored = declared, stored
        # Not `context`: in a template a field of that name would come first.
        self.panel_context = context or PanelContext()
        super().__init__(data, auto_id="property-%s")
        for name, property in declared.items():
            field = make_field(property, stored.get(name))
            self.fields[name], self.initial[name] = field, field.control_value(stored.get(name))

    def property_fields(self) -> Iterator[tuple[str, PropertyField]]:
        return ((name, field) for name, field in self.fields.items() if isinstance(field, PropertyField))

    @property
    def advanced(self) -> list[str]:
        """Names of the properties that are folded away."""
        return [name for name, property in self.declared.items() if property.advanced]

    @property
    def output(self) -> str:
        """The property that names the result variable; empty when there is none."""
        return next((name for name, property in self.declared.items() if property.is_result), "")

    def properties(self) -> dict[str, Any]:
        """The stored properties with what was typed put in; empty ones are left out, unknown ones stay."""
        merged = dict(self.stored)
        for name in self.declared:
            value = self.cleaned_data[name]
            if value in EMPTY and not isinstance(value, bool):
                drop_unless_kept(merged, name)
            elif not is_same(value, merged.get(name)):
                merged[name] = value
        return merged


def drop_unless_kept(stored: dict[str, Any], name: str) -> None:
    # A property that was stored as null or empty means the same; leaving it makes an export equal to its import.
    # A stored secret is kept while its field is blank: it is write-only.
    if name in stored and stored[name] not in EMPTY and not is_stored(stored[name]):
        del stored[name]


def is_same(value: Any, stored: Any) -> bool:
    return type(value) is type(stored) and bool(value == stored)


def parse_literal(text: str) -> Any:
    """JSON where the text is a JSON number, boolean, list or object; else the text."""
    stripped = text.strip()
    if not stripped or "{{" in stripped:
        return text
    try:
        value = storable_json(stripped)
    except JsonError:
        return text
    return text if isinstance(value, str) or value is None else value


def parse_number(text: str, *, whole: bool) -> int | float:
    """Raises ValidationError."""
    try:
        number = int(text) if whole else float(text)
        float(number)  # one that is too large is none
    except (ValueError, OverflowError):
        kind = "a whole number" if whole else "a number"
        raise ValidationError(f"{text!r} is not {kind}. Type {kind} or a variable such as {{{{ name }}}}.") from None
    if not math.isfinite(number):
        raise ValidationError("Type a number that is not infinite.")
    return number


def clean_name(value: Any, required: bool = False) -> str:
    """The name of a variable without spaces around it. Raises ValidationError."""
    text = (value or "").strip()
    if text and not NAME.fullmatch(text):
        raise ValidationError(f"{text!r} is not a name. Use letters, digits and _, and begin with a letter.")
    if required and not text:
        raise ValidationError("A variable needs a name.")
    return str(text)


def check_condition(expression: str) -> None:
    """Raises ValidationError when a bare expression cannot be read."""
    try:
        check(as_template(expression))
    except ExpressionError as error:
        raise ValidationError(str(error)) from None


def check_template(text: str) -> None:
    """Raises ValidationError when it cannot be read."""
    try:
        check(text)
    except ExpressionError as error:
        raise ValidationError(str(error)) from None
