"""Adds to a number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.variables import find_variable
from flows.language.errors import ActionError
from flows.language.values import to_number
from flows.properties.number import number
from flows.properties.variable import variable


@dataclass(frozen=True)
class Properties:
    variable: str = variable(
        "Variable", required=True, type="number", hint="A number; one without a value counts as 0.", on_card=True
    )
    by: float = number("By", default=1, hint="Less than 0 counts down.", on_card=True)


class IncrementVariable(ActionType):
    type = "increment_variable"
    title = "Increment variable"
    purpose = "a number more, or less, in a variable"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        found = find_variable(properties.variable, step)
        try:
            value = sum_of(0 if found.value in (None, "") else to_number(found.value), properties.by)
        except ValueError as error:
            raise ActionError(
                "variable_type", f"{properties.variable} {error}.", "Increment a variable of type number."
            ) from None
        return Result(output=value, variables={properties.variable: value})


def sum_of(value: float, by: float) -> float:
    """The sum. Raises ValueError when it is no number that anything computes with."""
    try:
        total = value + by
        is_finite = math.isfinite(total)
    except OverflowError:
        is_finite = False
    if not is_finite:
        raise ValueError("becomes larger than any number")
    return total
