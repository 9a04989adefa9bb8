"""A value that the action renders itself, behind the last action of its body."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.expressions import templates_in
from flows.language.scope import Scope
from flows.properties.base import Finding, LintContext, declare, template_problems
from flows.properties.value import ValueProperty


@dataclass(frozen=True, kw_only=True)
class DeferredValueProperty(ValueProperty):
    kind = "deferred_value"

    may_hold_secret: bool = True

    async def read(self, value: Any, scope: Scope) -> Any:
        return value

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        for template in templates_in(value):
            yield from template_problems(template, context.variables_after_body(), self.label)


def deferred_value(label: str, **more: Any) -> Any:
    return declare(DeferredValueProperty(label=label, **more))
