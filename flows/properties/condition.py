"""A bare expression that is true or false, which the action evaluates itself in front of its body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flows.language.expressions import ExpressionError, as_template
from flows.language.rename import rename_in_expression
from flows.language.scope import Scope, VariableInScope
from flows.language.values import as_text
from flows.properties.base import Finding, LintContext, Property, brief_of, declare, template_problems


class ConditionProperty(Property):
    kind = "condition"

    async def read(self, value: Any, scope: Scope) -> Any:
        return value if isinstance(value, str) else as_text(value)

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if isinstance(value, str | bool):
            return condition_problems(str(value), context.variables_before_body(), self.label)
        return iter([Finding(f"{self.label} is not an expression.")])

    def rename(self, value: Any, names: Mapping[str, str]) -> Any:
        return rename_in_expression(value, names) if isinstance(value, str) else value

    def brief(self, value: Any) -> str:
        return brief_of(value)


def condition(label: str, **more: Any) -> Any:
    return declare(ConditionProperty(label=label, **more))


def condition_problems(expression: str, variables: Mapping[str, VariableInScope], where: str) -> Iterator[Finding]:
    """What is wrong with a bare expression that reads these variables; `where` names it in a sentence."""
    try:
        template = as_template(expression)
    except ExpressionError as error:
        yield Finding(f"{where}: {error}")
        return
    yield from template_problems(template, variables, where)
