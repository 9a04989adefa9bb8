"""A text on one line, which may hold templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flows.language.expressions import templates_in
from flows.language.rendering import off_loop_if_heavy, render
from flows.language.scope import Scope
from flows.language.values import as_text, holds_secret
from flows.properties.base import Finding, LintContext, Property, brief_of, declare, template_problems


class TextProperty(Property):
    kind = "text"

    async def read(self, value: Any, scope: Scope) -> Any:
        rendered = await render(value, scope) if isinstance(value, str) else value
        return rendered if rendered is None or type(rendered) is str else await off_loop_if_heavy(show, rendered)

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if not isinstance(value, str | int | float):
            yield Finding(f"{self.label} is not a text.")
            return
        for template in templates_in(value):
            yield from template_problems(template, context.variables, self.label, may_hold_secret=self.may_hold_secret)

    def brief(self, value: Any) -> str:
        return brief_of(value)


def show(value: Any) -> str:
    """The value as text. Raises ValueError when a secret is in it."""
    if holds_secret(value):
        raise ValueError("it is a secret, or holds one; a secret goes only into a secret property")
    return as_text(value)


def text(label: str, **more: Any) -> Any:
    return declare(TextProperty(label=label, **more))
