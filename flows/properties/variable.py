"""The name of a variable that is in scope."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.properties.base import Finding, LintContext, declare, say_may_be_unset
from flows.properties.name import NameProperty


@dataclass(frozen=True, kw_only=True)
class VariableProperty(NameProperty):
    kind = "variable"

    type: str = ""  # that the variable must have; any when empty

    def variable_of(self, value: Any) -> str:
        return value if isinstance(value, str) else ""

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        found = context.variables.get(value) if isinstance(value, str) else None
        if found is None:
            yield Finding(f"`{value}` is not a variable here. Declare it above this action.")
            return
        if found.may_be_unset:
            yield Finding(f"{say_may_be_unset(found)} or declare it before.", "warning")
        if self.type and found.type not in ("", self.type):
            yield Finding(f"`{value}` is of type {found.type}; {self.label} needs {self.type}.")


def variable(label: str, **more: Any) -> Any:
    return declare(VariableProperty(label=label, **more))
