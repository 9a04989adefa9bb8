"""Literal secrets of a flow: kept encrypted beside the document, which holds only `{"secret": id}`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from connections.secret import Secret
from flows.actions import registry
from flows.actions.base import PropertyKind, props
from flows.document import Action, Document
from flows.models import Flow, FlowSecret


class SecretStore:
    """Keeps literals aside until the revision that names them is committed."""

    def __init__(self) -> None:
        self._kept: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        key = f"s{secrets.token_hex(6)}"
        self._kept[key] = value
        return key

    def save(self, flow: Flow) -> None:
        FlowSecret.objects.bulk_create(
            FlowSecret(flow=flow, key=key, value=Secret(value)) for key, value in self._kept.items()
        )


def set_aside(document: Document, keep: Callable[[str], str]) -> Document:
    """The document with every literal in a secret property handed to `keep`."""
    for located in list(document.walk()):
        changed = without_literals(located.action, keep)
        if changed != located.action.properties:
            document = document.with_properties(located.action.id, changed)
    return document


def without_literals(action: Action, keep: Callable[[str], str]) -> Mapping[str, Any]:
    try:
        declared = props(registry.action_type(action.type).properties)
    except registry.UnknownAction:
        return action.properties
    changed = dict(action.properties)
    for name, each in declared.items():
        value = changed.get(name)
        if each.kind is PropertyKind.SECRET and is_literal(value):
            changed[name] = {"secret": keep(value)}
        if each.kind is PropertyKind.VARIABLES and isinstance(value, list):
            changed[name] = [row_without_literal(row, keep) for row in value]
    return changed


def row_without_literal(row: Any, keep: Callable[[str], str]) -> Any:
    if not isinstance(row, dict) or row.get("type") != "secret" or not is_literal(row.get("value")):
        return row
    return {**row, "value": {"secret": keep(row["value"])}}


def is_literal(value: Any) -> bool:
    return isinstance(value, str) and bool(value) and "{{" not in value
