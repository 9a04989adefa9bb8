"""The panel of Start: the name of the flow and its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from flows.actions.properties import checked_name, literal
from flows.language.document import Document
from flows.language.values import VariableType
from flows.lint.literal_secrets import KEY, is_stored

TYPES = [type.value for type in VariableType if type is not VariableType.CONNECTION]
PARTS = ("name", "type", "required", "default", "description", "kept", "forget")


class InputsForm(forms.Form):
    """Rows of inputs, posted as `input-0-name` and so on; a row without a name is dropped."""

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
        self.rows = (
            posted_rows(data) if data is not None else [stored_row(i) for i in document.to_json().get("inputs") or []]
        )
        self.types = TYPES
        self.conflict: Any = None

    @property
    def shown_rows(self) -> list[dict[str, Any]]:
        """With an empty one at the end, to add another."""
        named = [row for row in self.rows if row["name"] or row["description"]]
        # What is typed as a secret is not shown again.
        named = [{**row, "default": ""} if row["type"] == "secret" else row for row in named]
        return [*named, dict.fromkeys(PARTS, "") | {"type": "text"}]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        inputs: list[dict[str, Any]] = []
        for row in self.rows:
            if not row["name"].strip():
                continue
            name = checked_name(row["name"])
            if any(made["name"] == name for made in inputs):
                raise ValidationError(f"The input {name} is there twice. Rename one of them.")
            if row["type"] not in TYPES:
                raise ValidationError(f"{name}: {row['type']!r} is not a type. Choose one of {', '.join(TYPES)}.")
            inputs.append(self.made(name, row))
        cleaned["inputs"] = inputs
        return cleaned

    def made(self, name: str, row: Mapping[str, Any]) -> dict[str, Any]:
        stored = next((i for i in self.document.to_json().get("inputs") or [] if i.get("name") == name), {})
        text = row["default"]
        default = None if text == "" else text if row["type"] in ("text", "secret") else literal(text)
        if row["type"] == "secret" and text == "" and not row["forget"]:
            default = kept_default(row, stored)
        typed = {
            "type": row["type"],
            "required": bool(row["required"]),
            "default": default,
            "description": row["description"],
        }
        # What was absent and is still empty stays absent, so that an export equals its import.
        kept = {key: value for key, value in typed.items() if key in stored or value not in (None, "", False)}
        return {**stored, "name": name, "type": row["type"], **kept}

    def applied(self) -> Document:
        changed = self.document.with_name(self.cleaned_data["name"]).with_inputs(self.cleaned_data["inputs"])
        settings = {name: self.cleaned_data[name] for name in ("deadline", "concurrency") if name in self.data}
        return changed.with_settings(**settings)


def kept_default(row: Mapping[str, Any], stored: Mapping[str, Any]) -> Any:
    """The stored secret that stays while its field is blank."""
    if KEY.fullmatch(row["kept"]):
        return {"secret": row["kept"]}
    return stored.get("default") if stored.get("type") == "secret" and is_stored(stored.get("default")) else None


def posted_rows(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for at in range(200):
        if f"input-{at}-name" not in data:
            break
        rows.append({part: data.get(f"input-{at}-{part}", "") for part in PARTS})
    return rows


def stored_row(stored: Mapping[str, Any]) -> dict[str, Any]:
    default = stored.get("default")
    secret = stored.get("type") == "secret"
    return {
        "name": stored.get("name", ""),
        "type": stored.get("type", "text"),
        "required": bool(stored.get("required")),
        "default": ""
        if default is None or secret
        else default
        if isinstance(default, str)
        else forms.JSONField().prepare_value(default),
        "description": stored.get("description") or "",
        "kept": default["secret"] if secret and is_stored(default) else "",
        "forget": "",
    }
