"""Gives a variable another value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.variables import find_variable
from flows.language.errors import ActionError
from flows.language.values import convert
from flows.properties.assigned_value import assigned_value
from flows.properties.variable import variable


@dataclass(frozen=True)
class Properties:
    variable: str = variable("Variable", required=True, hint="Its type stays as declared.", on_card=True)
    value: Any = assigned_value(
        "Value",
        to="variable",
        hint="Text, a number, JSON, or {{ an expression }}, which keeps its type.",
        empty="no value",
        on_card=True,
    )


class SetVariable(ActionType):
    type = "set_variable"
    title = "Set variable"
    purpose = "another value for a declared variable"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        found = find_variable(properties.variable, step)
        try:
            value = convert(properties.value, found.type) if found.type else properties.value
        except ValueError as error:
            raise ActionError(
                "variable_type", f"{properties.variable}: the value {error}.", f"Its type is {found.type}."
            ) from None
        return Result(output=value, variables={properties.variable: value})
