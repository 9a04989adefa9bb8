"""A statement of SQL, which is taken as it stands: values are bound to its parameters, never put into its text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.scope import Scope
from flows.properties.base import Finding, LintContext, brief_of, declare
from flows.properties.text import TextProperty

NO_TEMPLATES = "takes no templates. Name a parameter, such as :id, and give it its value in Parameters."


@dataclass(frozen=True, kw_only=True)
class SqlProperty(TextProperty):
    kind = "sql"

    async def read(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, str):
            raise ValueError("it is not a text")
        if "{{" in value or "{%" in value:
            raise ValueError(NO_TEMPLATES)
        return value

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str):
            yield Finding(f"{self.label} is not a text.")
        elif why := self.refuse(value):
            yield Finding(why)

    def refuse(self, value: Any) -> str:
        return f"{self.label} {NO_TEMPLATES}" if "{{" in value or "{%" in value else ""

    def brief(self, value: Any) -> str:
        return brief_of(" ".join(value.split())) if isinstance(value, str) else ""


def sql(label: str, **more: Any) -> Any:
    return declare(SqlProperty(label=label, **more))
