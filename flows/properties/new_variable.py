"""The name of a variable that the action sets: behind it, or inside its branches only."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.language.shape import Shape
from flows.properties.base import Finding, LintContext, declare
from flows.properties.name import NameProperty

ANY_BRANCH = "any"


@dataclass(frozen=True, kw_only=True)
class NewVariableProperty(NameProperty):
    kind = "new_variable"

    type: str = ""  # of its value; empty when that is only known at run time
    shape: Callable[[Mapping[str, Any]], Shape] | None = None  # of its value, by the stored properties of the action
    item_of: str = ""  # the property whose list it goes over
    inside: str = ""  # the role of the branches that it is bound in, or ANY_BRANCH; empty: it is set behind the action

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str) or not value.isidentifier():
            yield Finding(f"{self.label} {value!r} is not a name.")

    def declares(self, value: Any) -> Sequence[tuple[str, str, bool]]:
        name = value or self.default
        return [(name, self.type, False)] if isinstance(name, str) and not self.inside else []

    def binds(self, value: Any, role: str) -> Sequence[tuple[str, str]]:
        name = value or self.default
        is_bound = bool(self.inside) and self.inside in (ANY_BRANCH, role)
        return [(name, self.type)] if isinstance(name, str) and is_bound else []

    def shapes(self, value: Any, properties: Mapping[str, Any]) -> Mapping[str, Shape]:
        name = value or self.default
        return {name: self.shape(properties)} if self.shape and isinstance(name, str) else {}

    def items_of(self, value: Any, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        name = value or self.default
        return {name: properties.get(self.item_of)} if self.item_of and isinstance(name, str) else {}


def new_variable(label: str, **more: Any) -> Any:
    return declare(NewVariableProperty(label=label, **more))


def result_variable(default: str, **more: Any) -> Any:
    """The variable that holds what the action gives."""
    return new_variable("Result variable name", default=default, is_result=True, **more)
