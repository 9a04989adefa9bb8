"""Reviews what would change in a flow, line by line, and what stays; or previews the flow that would be made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from flows.actions.chat_completion.action import ChatCompletion, Properties
from flows.language.document import Document
from flows.language.nodes import Input, Located
from flows.models import Flow, Revision
from flows.playground.roundtrip.merge import (
    FOLDED,
    NeededVariable,
    PropertyChange,
    digest,
    merge_properties,
    missing_variables,
    new_document,
    property_changes,
)
from flows.playground.roundtrip.session_source import SessionSource
from flows.properties.base import properties_of
from foundryflow.text_diff import DiffLine, diff_lines, fold_unchanged

PROPERTIES = properties_of(Properties)  # of a chat completion


@dataclass(frozen=True)
class PropertyRow:
    """A property as people read it."""

    label: str
    value: str


@dataclass(frozen=True)
class ChangedPropertyRow:
    """A property with its lines, and why where it is not plain."""

    label: str
    lines: list[DiffLine | int]  # a number stands for so many lines that are the same
    why: str = ""


@dataclass(frozen=True)
class Review:
    """What the session changes in one chat completion."""

    flow: Flow
    revision: Revision
    located: Located
    document: Document
    source: SessionSource

    @property
    def action_id(self) -> str:
        return self.located.action.id

    @property
    def title(self) -> str:
        return title_of(self.located)

    @property
    def stored_properties(self) -> Mapping[str, Any]:
        return self.located.action.properties

    @cached_property
    def properties(self) -> dict[str, Any]:
        return merge_properties(self.stored_properties, self.source.settings)

    @cached_property
    def changes(self) -> list[PropertyChange]:
        return property_changes(self.stored_properties, self.properties)

    @cached_property
    def rows(self) -> list[ChangedPropertyRow]:
        held = [label_of(change.name).lower() for change in self.changes if change.name in FOLDED]
        return [
            ChangedPropertyRow(label_of(change.name), lines_of(change), reason_of(change, held))
            for change in self.changes
        ]

    @cached_property
    def unchanged_rows(self) -> list[PropertyRow]:
        """The properties that stay, retry and timeout included."""
        changed = {change.name for change in self.changes}
        names = [
            name
            for name in self.stored_properties
            if name not in changed and self.stored_properties[name] not in (None, "", [])
        ]
        rows = [
            PropertyRow(label_of(name), property_text(self.stored_properties[name])) for name in in_panel_order(names)
        ]
        if "result_variable_name" not in self.stored_properties:
            rows.append(PropertyRow(label_of("result_variable_name"), default_result()))
        action = self.located.action
        if action.retry:
            rows.append(PropertyRow("Retry", f"{action.retry.attempts} tries"))
        if action.timeout:
            rows.append(PropertyRow("Timeout", f"{action.timeout:g} s"))
        return rows

    @cached_property
    def missing(self) -> list[NeededVariable]:
        return missing_variables(self.document, self.action_id, self.properties, self.source.settings.values)

    @property
    def dynamic(self) -> str:
        """The variable whose connection is used at run time, whatever connection is chosen."""
        return str(self.stored_properties.get("dynamic_connection") or "")

    @property
    def digest(self) -> str:
        return digest(self.properties)


@dataclass(frozen=True)
class NewFlowPreview:
    """The flow that would be made."""

    source: SessionSource

    @cached_property
    def document(self) -> Document:
        return new_document("New flow", self.source.settings)

    @cached_property
    def rows(self) -> list[PropertyRow]:
        properties = self.document.actions[0].properties
        return [PropertyRow(label_of(name), property_text(properties[name])) for name in in_panel_order(properties)]

    @property
    def inputs(self) -> Sequence[Input]:
        return self.document.inputs

    @property
    def digest(self) -> str:
        return digest(self.document.to_json())


def title_of(located: Located) -> str:
    title = located.action.title or ChatCompletion.title
    owner = located.owner.title or located.owner.type.replace("_", " ").capitalize() if located.owner else ""
    return f"{title}, in {owner}" if owner else title


def label_of(name: str) -> str:
    """As the property panel says it."""
    property = PROPERTIES.get(name)
    return property.label if property else name.replace("_", " ").capitalize()


def in_panel_order(names: Iterable[str]) -> list[str]:
    """As in the property panel."""
    order = list(PROPERTIES)
    return sorted(names, key=lambda name: order.index(name) if name in order else len(order))


def default_result() -> str:
    return str(PROPERTIES["result_variable_name"].default)


def property_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def lines_of(change: PropertyChange) -> list[DiffLine | int]:
    old, new = ("" if value is None else property_text(value) for value in (change.old, change.new))
    return fold_unchanged(diff_lines(old, new))


def reason_of(change: PropertyChange, held: list[str]) -> str:
    """What the lines alone do not say."""
    if change.name in FOLDED:
        return "Removed: in the session it is a part of the prompt."
    if change.name == "user_prompt" and held:
        return f"The prompt of the session holds the {' and '.join(held)} of this action, too."
    if change.name == "history":
        return "The examples of the session, in front of what the history held beyond its own."
    return ""
