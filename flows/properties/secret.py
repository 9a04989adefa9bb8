"""A secret: a template that gives one, or a literal, which is stored encrypted beside the document."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.language.expressions import templates_in
from flows.language.rendering import render
from flows.language.scope import Scope
from flows.language.stored_secrets import is_stored
from flows.language.values import convert
from flows.properties.base import (
    ChangeSecret,
    Finding,
    LintContext,
    Property,
    SecretContext,
    brief_of,
    declare,
    template_problems,
)


@dataclass(frozen=True, kw_only=True)
class SecretProperty(Property):
    kind = "secret"
    is_secret = True
    makes_secrets = True

    may_hold_secret: bool = True

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        return await open(value["secret"]) if is_stored(value) else value

    async def read(self, value: Any, scope: Scope) -> Any:
        return convert(await render(value, scope) if isinstance(value, str) else value, "secret")

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str) and not is_stored(value):
            yield Finding(f"{self.label} is neither a text nor a stored secret.")
            return
        for template in templates_in(value):
            yield from template_problems(template, context.variables, self.label)

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        return change(self.label, value)

    def is_write_only(self, stored: Any) -> bool:
        return True

    def brief(self, value: Any) -> str:
        return brief_of(value) if isinstance(value, str) else "stored"


def secret(label: str, **more: Any) -> Any:
    return declare(SecretProperty(label=label, **more))
