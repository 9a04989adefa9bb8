"""The name of a stored connection."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from flows.properties.base import Finding, LintContext, declare
from flows.properties.name import NameProperty


class ConnectionProperty(NameProperty):
    kind = "connection"
    error_when_missing = "connection_missing"

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str):
            yield Finding(f"{self.label} is not the name of a connection.")
        elif context.connections is not None and value not in context.connections:
            severity = "warning" if context.is_overridden else "error"
            yield Finding(f"There is no connection named {value}. Choose one, or create it in the panel.", severity)
        elif (trouble := context.troubles.get(value)) and not context.is_overridden:
            yield Finding(trouble)

    def connections_named(self, value: Any) -> Sequence[str]:
        return (value,) if isinstance(value, str) else ()


def connection(label: str, **more: Any) -> Any:
    return declare(ConnectionProperty(label=label, **more))
