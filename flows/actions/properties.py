"""Properties as form fields. An action type's `form.py` lists its properties with these; the panel derives from them.

Each field turns the JSON of a property into what a person types (`shown`) and back (`clean`). Empty means
"not set": the property is then left out of the document.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError

from connections.endpoint.embedded_secrets import without_secrets
from connections.endpoint.recognise import secret_warning
from flows.language.expressions import ExpressionError, check
from flows.language.values import VariableType
from flows.lint.linter import VariableInScope
from flows.lint.literal_secrets import KEY, is_own_key, is_stored
from foundryflow.strict_json import JsonError, storable_json

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
EMPTY: tuple[Any, ...] = (None, "", [], {})
FORM_ID = "properties-form"


@dataclass(frozen=True)
class Surroundings:
    """What a property panel knows beside the action itself."""

    variables: Sequence[VariableInScope] = ()
    connections: Sequence[str] = ()

    def of_type(self, type: str) -> list[VariableInScope]:
        return [variable for variable in self.variables if variable.type == type]


class Property(forms.Field):
    """What all property fields share. `short` is the label on the card, `star` marks a property that a run needs."""

    control: ClassVar[str] = "line"

    def __init__(self, label: str, *, hint: str = "", short: str = "", star: bool = False, **kwargs: Any) -> None:
        super().__init__(label=label, help_text=hint, required=False, **kwargs)
        self.short, self.star = short or label, star

    def shown(self, value: Any) -> Any:
        """The stored value as the control shows it."""
        return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def brief(self, value: Any) -> str:
        """A few words of the value for the card; empty when it says nothing there."""
        return ""


class Template(Property):
    """Text with `{{ variables }}`."""

    control = "text"
    widget = forms.Textarea

    def __init__(self, label: str, *, rows: int = 2, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.rows = rows

    def clean(self, value: Any) -> Any:
        text = (value or "").replace("\r\n", "\n")
        if "{" in text:
            check_template(text)
        return text


class Line(Template):
    """A template on one line. Text that is a JSON number, list or object is kept as that."""

    control = "line"
    widget = forms.TextInput

    def brief(self, value: Any) -> str:
        text = str(self.shown(value))
        return text.removeprefix("{{").removesuffix("}}").strip()[:40]


class Address(Line):
    """A template that gives an endpoint. One with a secret inside is refused, and not shown again."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if why := secret_warning(text):
            raise ValidationError(why)
        return text

    def bound_data(self, data: Any, initial: Any) -> Any:
        return without_secrets(data) if data and secret_warning(data) else data


class Value(Line):
    """A template or a JSON value."""

    def brief(self, value: Any) -> str:
        return "stored" if is_own_key(value) else super().brief(value)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return literal(text)


class Later(Value):
    """A template or JSON value that is evaluated later than the other properties."""


class Condition(Line):
    """A bare expression that is true or false."""

    def clean(self, value: Any) -> Any:
        text = (value or "").strip()
        if text:
            inner = text.removeprefix("{{").removesuffix("}}") if text.startswith("{{") else text
            check_template("{{ (" + inner + ") }}")
        return text


class Number(Line):
    """A number in bounds, or a template that gives one. Empty: the provider's default."""

    control = "number"

    def __init__(
        self,
        label: str,
        *,
        minimum: float | None = None,
        maximum: float | None = None,
        whole: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(label, **kwargs)
        self.minimum, self.maximum, self.whole = minimum, maximum, whole

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text or "{{" in text:
            return text
        try:
            number = int(text) if self.whole else float(text)
            float(number)  # one that is too large is none
        except (ValueError, OverflowError):
            kind = "a whole number" if self.whole else "a number"
            raise ValidationError(
                f"{text!r} is not {kind}. Type {kind} or a variable such as {{{{ name }}}}."
            ) from None
        if not math.isfinite(number):
            raise ValidationError("Type a number that is not infinite.")
        if self.minimum is not None and number < self.minimum:
            raise ValidationError(f"At least {self.minimum:g}.")
        if self.maximum is not None and number > self.maximum:
            raise ValidationError(f"At most {self.maximum:g}.")
        return int(number) if float(number).is_integer() and "." not in text else number


class Choice(Property):
    """One of a few values."""

    control = "choice"
    widget = forms.Select

    def __init__(self, label: str, *, choices: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.choices = list(choices)

    def clean(self, value: Any) -> Any:
        if value and value not in dict(self.choices):
            raise ValidationError(f"{value!r} is not one of {', '.join(key for key, _ in self.choices if key)}.")
        return value or ""


class Flag(Property):
    control = "flag"
    widget = forms.CheckboxInput

    def shown(self, value: Any) -> Any:
        return bool(value)

    def clean(self, value: Any) -> Any:
        return True if value else None


class ConnectionName(Property):
    """A stored connection, with the toggle that creates one in place."""

    control = "connection"
    widget = forms.TextInput

    def brief(self, value: Any) -> str:
        return str(value)[:40]

    def clean(self, value: Any) -> Any:
        return (value or "").strip()


class Toggled(forms.TextInput):
    """A text that counts only while the checkbox beside it is on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        return data.get(name, "") if data.get(f"{name}-on") else ""


class DynamicConnection(Property):
    """The variable whose connection is used instead at run time; on and off by its own toggle."""

    control = "dynamic_connection"
    widget = Toggled

    def brief(self, value: Any) -> str:
        return str(value)[:40]

    def clean(self, value: Any) -> Any:
        text = (value or "").strip()
        if text and not NAME.fullmatch(text):
            raise ValidationError("Choose a variable of type connection.")
        return text


class VariableName(Property):
    """The name of a variable that is in scope."""

    control = "variable"
    widget = forms.TextInput

    def __init__(self, label: str, *, type: str | None = None, **kwargs: Any) -> None:
        super().__init__(label, **kwargs)
        self.type = type

    def brief(self, value: Any) -> str:
        return str(value)[:40]

    def clean(self, value: Any) -> Any:
        return checked_name(value)


class NewVariable(VariableName):
    """The name of a variable that this action sets."""

    control = "name"


class WriteOnly(forms.TextInput):
    """What is typed, else the stored secret that `NAME-kept` names."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        typed, kept = data.get(name, ""), data.get(f"{name}-kept", "")
        return {"secret": kept} if not typed.strip() and KEY.fullmatch(kept) else typed


class SecretText(Property):
    """A secret: a variable such as `{{ api_key }}`, or a literal, which is stored encrypted beside the document."""

    control = "secret"
    widget = WriteOnly

    def shown(self, value: Any) -> Any:
        return value if isinstance(value, str) else ""

    def brief(self, value: Any) -> str:
        return Line("").brief(value) if isinstance(value, str) else "stored"

    def clean(self, value: Any) -> Any:
        if is_stored(value):
            return value
        text = (value or "").strip()
        if "{{" in text:
            check_template(text)
        return text


class VariableRows(forms.Widget):
    """Rows of name, type, value and global, posted as `variables-0-name` and so on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, Any]]:
        rows = []
        for at in range(500):
            if f"{name}-{at}-name" not in data:
                break
            rows.append(
                {part: data.get(f"{name}-{at}-{part}", "") for part in ("name", "type", "value", "global", "kept")}
            )
        return rows

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-0-name" not in data


class Variables(Property):
    """Variables to declare: name, type, value, global."""

    control = "variables"
    widget = VariableRows
    types: ClassVar[list[str]] = [type.value for type in VariableType]

    def shown(self, value: Any) -> Any:
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        return [self.row(row) for row in rows]

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        kept = row["value"].get("secret", "") if isinstance(row.get("value"), dict) and "secret" in row["value"] else ""
        return {
            "name": row.get("name") or "",
            "type": row.get("type") or "text",
            "value": "" if kept else self.shown_value(row),
            "global": bool(row.get("global")),
            "kept": kept or row.get("kept") or "",
        }

    def shown_value(self, row: Mapping[str, Any]) -> Any:
        shown = Property.shown(self, row.get("value"))
        return "" if row.get("type") == "secret" and "{{" not in shown else shown

    def clean(self, value: Any) -> Any:
        rows = [row for row in value or [] if row["name"].strip() or row["value"].strip()]
        names = [checked_name(row["name"], required=True) for row in rows]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValidationError(f"{repeated} is declared twice. Rename one of them.")
        return [self.cleaned_row(name, row) for name, row in zip(names, rows, strict=True)]

    def cleaned_row(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        if row["type"] not in self.types:
            raise ValidationError(f"{name}: {row['type']!r} is not a type. Choose one of {', '.join(self.types)}.")
        text = row["value"].replace("\r\n", "\n")
        if "{" in text:
            check_template(text)
        value: Any = literal(text) if row["type"] in ("number", "boolean", "list", "object") else text
        if row["type"] == "secret" and not text and row["kept"]:
            value = {"secret": row["kept"]}
        cleaned = {"name": name, "type": row["type"], "value": value}
        return {**cleaned, "global": True} if row["global"] else cleaned


class PropertyForm(forms.Form):
    """The properties of one action. `ports` are those shown on the card, `advanced` those folded away."""

    ports: ClassVar[Sequence[str]] = ()
    advanced: ClassVar[Sequence[str]] = ()
    output: ClassVar[str] = ""  # the property that names the result variable

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any],
        surroundings: Surroundings | None = None,
    ) -> None:
        self.stored, self.surroundings = stored, surroundings or Surroundings()
        shown = {name: field.shown(stored.get(name)) for name, field in self.property_fields()}
        super().__init__(data, initial=shown, auto_id="property-%s")
        for name, field in self.property_fields():
            if isinstance(field, Value) and is_own_key(stored.get(name)):
                # The value of a secret variable is as write-only as a secret property.
                self.fields[name] = SecretText(field.label, hint=field.help_text, short=field.short, star=field.star)
                self.initial[name] = ""

    @classmethod
    def property_fields(cls) -> Iterator[tuple[str, Property]]:
        for name, declared in cls.base_fields.items():
            if isinstance(declared, Property):
                yield name, declared

    def properties(self) -> dict[str, Any]:
        """The stored properties with what was typed put in; empty ones are left out, unknown ones stay."""
        merged = dict(self.stored)
        for name, _ in self.property_fields():
            value = self.cleaned_data[name]
            if value in EMPTY and not isinstance(value, bool):
                keep_or_drop(merged, name)
            elif not same(value, merged.get(name)):
                merged[name] = value
        return merged


def keep_or_drop(stored: dict[str, Any], name: str) -> None:
    # A property that was stored as null or empty means the same; leaving it makes an export equal to its import.
    # A stored secret is kept while its field is blank: it is write-only.
    if name in stored and stored[name] not in EMPTY and not is_stored(stored[name]):
        del stored[name]


def same(value: Any, stored: Any) -> bool:
    return type(value) is type(stored) and bool(value == stored)


def literal(text: str) -> Any:
    """JSON where the text is a JSON number, boolean, list or object; else the text."""
    stripped = text.strip()
    if not stripped or "{{" in stripped:
        return text
    try:
        value = storable_json(stripped)
    except JsonError:
        return text
    return text if isinstance(value, str) or value is None else value


def checked_name(value: Any, required: bool = False) -> str:
    text = (value or "").strip()
    if text and not NAME.fullmatch(text):
        raise ValidationError(f"{text!r} is not a name. Use letters, digits and _, and begin with a letter.")
    if required and not text:
        raise ValidationError("A variable needs a name.")
    return str(text)


def check_template(text: str) -> None:
    try:
        check(text)
    except ExpressionError as error:
        raise ValidationError(str(error)) from None
