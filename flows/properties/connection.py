"""The name of a stored connection of one of some kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from connections.kinds.foundry import FOUNDRY
from connections.kinds.registry import KINDS, labels_of
from flows.properties.base import Finding, LintContext, declare
from flows.properties.name import NameProperty


@dataclass(frozen=True, kw_only=True)
class ConnectionProperty(NameProperty):
    kind = "connection"
    error_when_missing = "connection_missing"

    when_missing: str = "Choose one, or create it in the panel."
    kinds: tuple[str, ...] = (FOUNDRY.name,)  # of connections that it takes

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        severity = "warning" if context.is_overridden else "error"
        if not isinstance(value, str):
            yield Finding(f"{self.label} is not the name of a connection.")
        elif context.connections is not None and value not in context.connections:
            yield Finding(f"There is no connection named {value}. {ConnectionProperty.when_missing}", severity)
        elif (
            context.connections is not None
            and (kind := context.connection_kinds.get(value, FOUNDRY.name)) not in self.kinds
        ):
            takes = f"{self.label} takes {labels_of(self.kinds)}."
            yield Finding(f"{value} is a connection of the kind {KINDS[kind].label}. {takes}", severity)
        elif (trouble := context.troubles.get(value)) and not context.is_overridden:
            yield Finding(trouble)

    def connections_named(self, value: Any) -> Sequence[str]:
        return (value,) if isinstance(value, str) else ()


def connection(label: str, **more: Any) -> Any:
    return declare(ConnectionProperty(label=label, **more))
