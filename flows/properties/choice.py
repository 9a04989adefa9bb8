"""One of a few words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.scope import Scope
from flows.properties.base import Finding, LintContext, Property, brief_of, declare


@dataclass(frozen=True, kw_only=True)
class ChoiceProperty(Property):
    kind = "choice"

    choices: tuple[str, ...]

    async def read(self, value: Any, scope: Scope) -> Any:
        if value not in self.choices:
            raise ValueError(f"{value!r} is not one of {', '.join(self.choices)}")
        return value

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if value not in self.choices:
            yield Finding(f"{self.label} is {value!r}; choose one of {', '.join(self.choices)}.")

    def brief(self, value: Any) -> str:
        return brief_of(value)


def choice(label: str, **more: Any) -> Any:
    return declare(ChoiceProperty(label=label, **more))
