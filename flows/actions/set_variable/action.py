"""Gives a variable another value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.language.errors import ActionError
from flows.language.values import convert


@dataclass(frozen=True)
class Properties:
    variable: str = prop(PropertyKind.VARIABLE, required=True)
    value: Any = prop(PropertyKind.VALUE, typed_by="variable")


class SetVariable(ActionType):
    type = "set_variable"
    title = "Set variable"
    purpose = "another value for a declared variable"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        found = step.scope.find(properties.variable)
        if found is None:
            raise ActionError(
                "variable_missing",
                f"{properties.variable} is not a variable here.",
                "Declare it above this action.",
            )
        try:
            value = convert(properties.value, found.type) if found.type else properties.value
        except ValueError as error:
            raise ActionError(
                "variable_type", f"{properties.variable}: the value {error}.", f"Its type is {found.type}."
            ) from None
        return Result(output=value, variables={properties.variable: value})
