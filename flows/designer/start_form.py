"""The form in the panel of Start: the name of the flow, its inputs, and the limits of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.designer.conflict import FieldConflict
from flows.designer.row_fields import posted_rows
from flows.designer.typed_text import clean_name, parse_literal
from flows.language.document import Document
from flows.language.secret_parts import MOST as MOST_PATHS
from flows.language.secret_parts import PathError, parse_paths
from flows.language.stored_secrets import KEY, is_stored
from flows.language.values import VariableType

TYPES = [type.value for type in VariableType if type is not VariableType.CONNECTION]
MOST_INPUTS = 200
PARTS = ("name", "type", "required", "default", "description", "secret_parts", "kept", "forget")


class StartForm(forms.Form):
    """Inputs are rows, posted as `input-0-name` and so on; a row without a name is dropped."""

    name = forms.CharField(max_length=200, label="Name", error_messages={"required": "A flow needs a name."})
    deadline = forms.FloatField(min_value=1, max_value=30 * 86_400, required=False)
    concurrency = forms.IntegerField(min_value=1, max_value=1_000, required=False)

    def __init__(self, document: Document, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(
            data,
            initial={"name": document.name, "deadline": document.deadline, "concurrency": document.concurrency},
            auto_id="start-%s",
        )
        self.document = document
        self.stored_inputs = document.to_json().get("inputs") or []
        self.rows = (
            posted_rows(data, "input", PARTS)[:MOST_INPUTS]
            if data is not None
            else [stored_row(stored) for stored in self.stored_inputs]
        )
        self.types = TYPES
        self.conflicts: Mapping[str, Sequence[FieldConflict]] = {}  # by field

    @property
    def input_conflicts(self) -> list[FieldConflict]:
        return [each for field, found in self.conflicts.items() if field.startswith("input-") for each in found]

    @property
    def opens_limits(self) -> bool:
        """Whether something is to be seen to in the folded part."""
        return not {"deadline", "concurrency"}.isdisjoint({*self.errors, *self.conflicts})

    @property
    def rows_to_fill(self) -> list[dict[str, Any]]:
        """The rows as the panel shows them, with an empty one at the end, to add another; `prefix` begins the names of
        their controls. What is typed as a secret is not shown again.
        """
        rows = [row for row in self.rows if row["name"] or row["description"]]
        rows = [{**row, "default": ""} if row["type"] == "secret" else row for row in rows]
        empty = dict.fromkeys(PARTS, "") | {"type": "text"}
        return [{**row, "prefix": f"input-{at}"} for at, row in enumerate([*rows, empty])]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        inputs: list[dict[str, Any]] = []
        for row in self.rows:
            if not row["name"].strip():
                continue
            name = clean_name(row["name"])
            if any(each["name"] == name for each in inputs):
                raise ValidationError(f"The input {name} is there twice. Rename one of them.")
            if row["type"] not in TYPES:
                raise ValidationError(f"{name}: {row['type']!r} is not a type. Choose one of {', '.join(TYPES)}.")
            inputs.append(self.input_of(name, row))
        cleaned["inputs"] = inputs
        return cleaned

    def input_of(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it goes into the document."""
        stored: Mapping[str, Any] = next((each for each in self.stored_inputs if each.get("name") == name), {})
        typed = {
            "type": row["type"],
            "required": bool(row["required"]),
            "default": default_of(row, stored),
            "description": row["description"],
            "secret_parts": secret_parts_of(name, row) or None,
        }
        # What was absent and is still empty stays absent, so that an export equals its import.
        kept = {key: value for key, value in typed.items() if key in stored or value not in (None, "", False)}
        changed = {**stored, "name": name, "type": row["type"], **kept}
        if changed.get("secret_parts", ()) is None:
            del changed["secret_parts"]
        return changed

    def apply(self) -> Document:
        """The document with what was posted put in."""
        changed = self.document.with_name(self.cleaned_data["name"]).with_inputs(self.cleaned_data["inputs"])
        settings = {name: self.cleaned_data[name] for name in ("deadline", "concurrency") if name in self.data}
        return changed.with_settings(**settings)


def secret_parts_of(name: str, row: Mapping[str, Any]) -> list[str]:
    """Raises ValidationError."""
    paths = [path.strip() for path in row["secret_parts"].split(",") if path.strip()]
    if paths and row["type"] not in ("object", "list"):
        return []
    try:
        parse_paths(paths)
    except PathError as error:
        raise ValidationError(f"{name}: {error}") from None
    if len(paths) > MOST_PATHS:
        raise ValidationError(f"{name}: at most {MOST_PATHS} secret parts.")
    return paths


def default_of(row: Mapping[str, Any], stored: Mapping[str, Any]) -> Any:
    text = row["default"]
    if row["type"] == "file":
        return None  # it has none
    if row["type"] == "secret" and text == "" and not row["forget"]:
        return stored_secret(row, stored)
    return None if text == "" else text if row["type"] in ("text", "secret") else parse_literal(text)


def stored_secret(row: Mapping[str, Any], stored: Mapping[str, Any]) -> Any:
    """The stored secret that stays while its field is blank."""
    if KEY.fullmatch(row["kept"]):
        return {"secret": row["kept"]}
    return stored.get("default") if stored.get("type") == "secret" and is_stored(stored.get("default")) else None


def stored_row(stored: Mapping[str, Any]) -> dict[str, Any]:
    default: Any = stored.get("default")
    secret = stored.get("type") == "secret"
    return {
        "name": stored.get("name", ""),
        "type": stored.get("type", "text"),
        "required": bool(stored.get("required")),
        "default": "" if default is None or secret else default_text(default),
        "description": stored.get("description") or "",
        "secret_parts": ", ".join(stored.get("secret_parts") or ()),
        "kept": default["secret"] if default and secret and is_stored(default) else "",
        "forget": "",
    }


def default_text(default: Any) -> Any:
    return default if isinstance(default, str) else forms.JSONField().prepare_value(default)
