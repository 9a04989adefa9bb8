"""Properties that are rows: variables to declare, and values for the inputs of another flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.designer.fields import Insert, PropertyField, ValuePropertyField, field_for
from flows.designer.typed_text import check_template, clean_name, parse_literal
from flows.language.nodes import Input
from flows.language.stored_secrets import KEY, is_own_key
from flows.language.values import VARIABLE_TYPES, convert
from flows.properties.base import text_of
from flows.properties.declarations import DeclarationsProperty
from flows.properties.flow_inputs import FlowInputsProperty, object_in

MOST_ROWS = 500
LONGEST_LINE = 50  # characters of a value that is typed on one line


def posted_rows(data: Mapping[str, Any], name: str, parts: Sequence[str]) -> list[dict[str, Any]]:
    """Rows that were posted as `NAME-0-name` and so on."""
    numbers = takewhile(lambda at: f"{name}-{at}-name" in data, range(MOST_ROWS))
    return [{part: data.get(f"{name}-{at}-{part}", "") for part in parts} for at in numbers]


class DeclarationsInput(forms.Widget):
    """Rows of name, type, value and global, posted as `variables-0-name` and so on."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> list[dict[str, Any]]:
        return posted_rows(data, name, ("name", "type", "value", "global", "kept"))

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return f"{name}-0-name" not in data


@field_for(DeclarationsProperty)
class DeclarationsPropertyField(PropertyField):
    partial = "properties/_declarations.html"
    rows_partial, rows_id = "properties/_declaration_rows.html", "variables-rows"
    insert = Insert()
    widget = DeclarationsInput
    types = VARIABLE_TYPES

    def control_value(self, value: Any) -> Any:
        rows = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        return [control_row(row) for row in rows]

    def control(self, bound: Any) -> list[dict[str, Any]]:
        """The rows for the template, with an empty one at the end; `prefix` begins the names of their controls."""
        rows = [control_row(row) if bound.form.is_bound else row for row in bound.value() or []]
        named = [*(row for row in rows if row["name"] or row["value"]), control_row({})]
        return [{**row, **ids_of(f"{bound.name}-{number}", row)} for number, row in enumerate(named)]

    def clean(self, value: Any) -> Any:
        rows = [row for row in value or [] if row["name"].strip() or row["value"].strip()]
        names = [clean_name(row["name"], required=True) for row in rows]
        if repeated := next((name for name in names if names.count(name) > 1), None):
            raise ValidationError(f"{repeated} is declared twice. Rename one of them.")
        return [clean_row(name, row) for name, row in zip(names, rows, strict=True)]


def ids_of(prefix: str, row: Mapping[str, Any]) -> dict[str, str]:
    """What the names of the controls of a row begin with, and the id of its value: a secret leaves that when stored."""
    return {"prefix": prefix, "value_id": f"{prefix}-value-kept" if row["kept"] else f"{prefix}-value"}


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


PARTS = ("name", "type", "value", "kept")
LITERALS = ("number", "boolean", "list", "object")  # types of which what is typed is JSON


@dataclass(frozen=True)
class InputRow:
    """The control of one input of the flow that is run."""

    prefix: str  # begins the names of its controls
    id: str  # that of no input of another flow, in whose place the page would keep what was typed
    name: str
    type: str
    value: str
    kept: str = ""  # the key of a stored secret
    declared: Input | None = None  # None: the flow has no such input
    no_secrets: str = ""  # why a secret cannot be chosen; empty where it can

    @property
    def is_long(self) -> bool:
        return self.type in ("list", "object") or "\n" in self.value or len(self.value) > LONGEST_LINE

    @property
    def insert(self) -> Insert:
        return Insert(secrets_first=self.type == "secret", no_secrets=self.no_secrets)

    @property
    def empty_words(self) -> str:
        """What the empty field means."""
        if self.kept:
            return "stored · blank keeps it"
        if self.declared is None or (self.declared.required and self.declared.default is None):
            return ""
        default = self.declared.default
        return "its default" if self.type == "secret" and default else text_of(default) or "nothing"


@dataclass(frozen=True)
class InputsControl:
    """The inputs of a flow, or the parameters of a function, one by one, or all of them as one text."""

    rows: Sequence[InputRow]
    text: str
    is_whole: bool  # as one text
    owner: str  # of the inputs; empty while none is chosen
    is_owner_known: bool


class FlowInputsInput(forms.Widget):
    """Rows `NAME-0-name` and so on; one text where `NAME-whole` is on, or there are no rows."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        are_rows = f"{name}-rows" in data and not data.get(f"{name}-whole")
        return posted_rows(data, name, PARTS) if are_rows else data.get(name, "")


class InputValues(dict[str, Any]):
    """Values that were typed one by one; a blank one is an empty text."""


@field_for(FlowInputsProperty)
class FlowInputsPropertyField(ValuePropertyField):
    partial = "properties/_flow_inputs.html"
    says_hint = True
    rows_partial, rows_id = "properties/_flow_input_rows.html", "flow-inputs"
    widget: Any = FlowInputsInput
    noun, when_known = "input", "Its inputs are known when a flow is chosen."

    def control_value(self, value: Any) -> Any:
        return value

    def owner_of_inputs(self, bound: Any) -> tuple[str, Sequence[Input] | None]:
        """What is chosen, and the inputs that it has; None where that is not known."""
        slug = str(bound.form[self.property.of].value() or "").strip()
        return slug, bound.form.panel_context.inputs_of(slug) if slug else None

    def row_id(self, owner: str, at: int, name: str) -> str:
        """That of no other input, in whose place the page would keep what was typed."""
        return f"input-{owner}-{at}"

    def control(self, bound: Any) -> InputsControl:
        (owner, inputs), given = self.owner_of_inputs(bound), bound.value()
        declared = {each.name: each for each in inputs or ()}
        typed = typed_by_name(given)
        names = list(dict.fromkeys([*declared, *(typed if inputs is not None else ())]))
        rows = [
            input_row(
                (f"{bound.name}-{at}", self.row_id(owner, at, name)),
                name,
                declared.get(name),
                typed.get(name, ("", "")),
                self.property.why_no_secrets,
            )
            for at, name in enumerate(names[:MOST_ROWS])
        ]
        whole = given if isinstance(given, str) else text_of(bound.form.stored.get(bound.name))
        is_whole = inputs is None or (isinstance(given, str) and bool(given) and object_in(given) is None)
        return InputsControl(rows, whole, is_whole, owner, inputs is not None)

    def clean(self, value: Any) -> Any:
        if not isinstance(value, list):
            return super().clean(value)
        return InputValues({row["name"]: self.clean_row(row) for row in value})

    def clean_row(self, row: Mapping[str, str]) -> Any:
        return clean_input(row)

    def fit(self, name: str, value: Any, form: Any) -> Any:
        """What was not changed as it is stored. Another flow takes over the values of inputs that it has, too."""
        if not isinstance(value, InputValues):
            return value
        stored = form.stored.get(name)
        before = stored if isinstance(stored, Mapping) else object_in(stored) or {}
        fitted = {key: as_before(each, before.get(key, MISSING)) for key, each in value.items()}
        fitted = {key: each for key, each in fitted.items() if each is not MISSING}
        inputs = self.inputs_of_another(form)
        if inputs is not None:
            fitted = {each.name: fitted[each.name] for each in inputs if each.name in fitted}
        return stored if fitted == before else fitted

    def inputs_of_another(self, form: Any) -> Sequence[Input] | None:
        """Those of a flow that was just chosen in place of another one."""
        slug = form.cleaned_data.get(self.property.of)
        inputs: Sequence[Input] | None = None
        if slug and slug != form.stored.get(self.property.of):
            inputs = form.panel_context.inputs_of(slug)
        return inputs


MISSING = object()


def as_before(typed: Any, stored: Any) -> Any:
    """A value as it is stored, where its text is the same; MISSING for a blank one that was none before."""
    if stored is not MISSING and text_of(stored) == text_of(typed):
        return stored
    return MISSING if typed == "" else typed


def typed_by_name(given: Any) -> dict[str, tuple[str, str]]:
    """The text of each input and the key of its stored secret; of posted rows, of an object, or of JSON that is one."""
    if isinstance(given, list):
        return {row["name"]: (row["value"], row["kept"]) for row in given}
    found = given if isinstance(given, Mapping) else object_in(given) or {}
    return {
        str(name): ("", each["secret"]) if is_own_key(each) else (text_of(each), "") for name, each in found.items()
    }


def input_row(
    ids: tuple[str, str], name: str, declared: Input | None, typed: tuple[str, str], no_secrets: str
) -> InputRow:
    text, kept = typed
    type = declared.type if declared else "text"
    is_shown = type != "secret" or "{{" in text  # what is typed as a secret is not shown again
    return InputRow(*ids, name, type, text if is_shown else "", kept, declared, no_secrets)


def clean_input(row: Mapping[str, str]) -> Any:
    text, name, type = row["value"].replace("\r\n", "\n"), row["name"], row["type"]
    if not text:
        return {"secret": row["kept"]} if KEY.fullmatch(row["kept"]) else ""
    if "{{" in text or ("{" in text and type != "secret"):
        check_template(text)
    if "{{" in text or type not in LITERALS:
        return text
    value = parse_literal(text)
    try:
        convert(value, type)
    except ValueError as error:
        raise ValidationError(f"{name}: {text[:40]!r} {error}.") from None
    return value
