"""Ends the run with a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.errors import ActionError
from flows.values import Response


@dataclass(frozen=True)
class Properties:
    value: Any = prop(PropertyKind.VALUE)


class Return(ActionType):
    type = "return"
    title = "Return"
    purpose = "ends the run with a value"
    group = Group.OUTPUT
    Properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        value = properties.value
        if isinstance(value, Secret):
            raise ActionError("secret_in_output", "A secret cannot be the output of a run.", "Return something else.")
        # Who calls a flow asks for the answer; its parts are returned by name ({{ response.usage }}).
        return Result(output=value.text if isinstance(value, Response) else value, returns=True)
