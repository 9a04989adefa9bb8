"""Any value: a template, which keeps its type, or JSON with templates in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flows.language.expressions import templates_in
from flows.language.rendering import off_loop_if_heavy, render_deep
from flows.language.sandbox.budget import PART
from flows.language.scope import Scope
from flows.language.stored_secrets import is_own_key
from flows.language.values import weight
from flows.properties.base import Finding, LintContext, Property, brief_of, declare, template_problems

MOST_COMPOSED = 10_000_000  # characters of a value that is put together, with 16 for each of its parts


class ValueProperty(Property):
    kind = "value"

    def is_unset(self, stored: Any) -> bool:
        return stored is None or stored == ""

    async def read(self, value: Any, scope: Scope) -> Any:
        return await render_value(value, scope)

    def is_missing(self, value: Any) -> bool:
        return value is None

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        for template in templates_in(value):
            yield from template_problems(template, context.variables, self.label, may_hold_secret=self.may_hold_secret)

    def is_write_only(self, stored: Any) -> bool:
        return is_own_key(stored)

    def brief(self, value: Any) -> str:
        return "stored" if is_own_key(value) else brief_of(value)


def value(label: str, **more: Any) -> Any:
    return declare(ValueProperty(label=label, **more))


async def render_value(value: Any, scope: Scope) -> Any:
    """A value with its templates rendered. Raises ExpressionError, and ValueError when together it is too large."""
    rendered = await render_deep(value, scope)
    if isinstance(value, Mapping | list):
        # Parts may be the same list many times over, which takes no memory until it is written down.
        await off_loop_if_heavy(refuse_large, rendered)
    return rendered


def refuse_large(value: Any, most: int = MOST_COMPOSED) -> None:
    """Raises ValueError when the value would be larger than `most`, counted wherever its parts stand."""
    if weight(value, most, of_part=PART) >= most:
        raise ValueError(f"the value would be larger than {most:,} characters")
