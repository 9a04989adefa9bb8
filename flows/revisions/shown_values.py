"""The values of two revisions as they may be shown: what is secret in either of them is masked, as in an export."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from connections.secret import MASK
from flows.language.document import Document
from flows.language.flat import ABSENT, Key
from flows.language.nodes import Action, Json
from flows.language.stored_secrets import is_stored
from flows.lint.literal_secrets import (
    SecretPlace,
    assignments,
    change_input,
    change_properties,
    literal_of,
    refusal_of,
    secret_names,
)
from flows.models import Flow
from foundryflow.strict_yaml import write_yaml


class ShownValues:
    """What became a secret later, or was one before, is masked on both sides."""

    def __init__(self, before: Document, after: Document) -> None:
        both = (before, after)
        self._names = secret_names(before) | secret_names(after)
        self._names |= {each.name for document in both for each in document.inputs if each.may_hold_secret}
        self._literals = set(literals_of(both, self._names))
        self._secret_inputs = cache(Flow.objects.secret_inputs)

    def of_action(self, action: Action | None, key: Key) -> Any:
        """One value of an action, by its key in `flat.py`."""
        if action is None:
            return ABSENT
        if key[0] == "properties":
            properties = change_properties(action, mask, self._names, self._secret_inputs)
            return self._hide(properties.get(key[1], ABSENT))
        if key[0] == "branches":
            branch = next((branch for branch in action.branches if branch.id == key[1]), None)
            return self._hide(branch.json.get(key[2], ABSENT)) if branch else ABSENT
        return self._hide(action.json.get(key[0], ABSENT))

    def of_input(self, declared: Json | None) -> Json:
        """An input without a default that is secret; empty where there is none."""
        if declared is None:
            return {}
        shown = change_input(declared, mask)
        if declared.get("name") in self._names and shown.get("default") not in (None, ""):
            shown = {**shown, "default": MASK}
        return shown

    def of_flow(self, value: Any) -> Any:
        return self._hide(value)

    def _hide(self, value: Any) -> Any:
        if isinstance(value, str):
            return MASK if value in self._literals else value
        if isinstance(value, Mapping):
            return {name: self._hide(inner) for name, inner in value.items()}
        return [self._hide(inner) for inner in value] if isinstance(value, list) else value


def literals_of(documents: tuple[Document, ...], names: set[str]) -> Iterator[str]:
    """What stands as it is for a variable or an input that is a secret in one of the documents."""
    for document in documents:
        for name, template in assignments(document):
            if name in names and template.strip() and "{{" not in template:
                yield template
        for declared in document.inputs:
            if declared.name in names and isinstance(declared.default, str) and declared.default.strip():
                yield declared.default


def mask(place: SecretPlace, value: Any) -> Any:
    """Expressions stay."""
    return MASK if is_stored(value) or literal_of(place, value) is not None or refusal_of(place, value) else value


def text_of(value: Any) -> str:
    """As people read it: on and off, figures with their thousands, what is nested as YAML."""
    match value:
        case None:
            return ""
        case bool():
            return "on" if value else "off"
        case int() | float():
            return f"{value:,}"
        case str():
            return value
        case _:
            return "" if value is ABSENT else write_yaml(value).rstrip("\n")
