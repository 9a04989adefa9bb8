"""A number in bounds, or a template that gives one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flows.language.rendering import render
from flows.language.scope import Scope
from flows.language.values import to_number
from flows.properties.base import Finding, LintContext, Property, brief_of, declare, template_problems


@dataclass(frozen=True, kw_only=True)
class NumberProperty(Property):
    kind = "number"

    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False

    @property
    def empty_words(self) -> str:
        return self.empty or ("" if self.default is None else f"{self.default:,}")

    async def read(self, value: Any, scope: Scope) -> Any:
        rendered = await render(value, scope) if isinstance(value, str) else value
        if rendered in (None, ""):
            return None
        number = to_number(rendered)
        if self.minimum is not None and number < self.minimum:
            raise ValueError(f"{number:g} is less than {self.minimum:g}")
        if self.maximum is not None and number > self.maximum:
            raise ValueError(f"{number:g} is more than {self.maximum:g}")
        return int(number) if self.whole else number

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        if isinstance(value, str) and "{{" in value:
            yield from template_problems(value, context.variables, self.label)
            return
        number = number_in(value)
        if number is None:
            yield Finding(f"{self.label} is not a number.")
        elif why := self.why_out_of_bounds(number):
            yield Finding(f"{self.label} is {why}.")
        elif self.whole and not number.is_integer():
            yield Finding(f"{self.label} is a whole number; of {number:g} a run takes {int(number)}.", "warning")

    def why_out_of_bounds(self, number: float) -> str:
        """The bound that a number is beyond, in words; nothing when it is within both."""
        if self.minimum is not None and number < self.minimum:
            return f"at least {self.minimum:g}"
        if self.maximum is not None and number > self.maximum:
            return f"at most {self.maximum:g}"
        return ""

    def brief(self, value: Any) -> str:
        return brief_of(value)


def number(label: str, **more: Any) -> Any:
    return declare(NumberProperty(label=label, **more))


def number_in(value: Any) -> float | None:
    """The number that a stored value is; None when it is none."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and not isinstance(value, bool) else None
