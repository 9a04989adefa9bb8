"""Ends the run with a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.actions.base import ActionType, Group, Result, Signal, Step
from flows.language.errors import ActionError
from flows.language.values import Response
from flows.properties.value import value


@dataclass(frozen=True)
class Properties:
    value: Any = value(
        "Value",
        empty="the run has no output",
        hint="The output of the run. An expression such as {{ response }} keeps its type.",
        on_card=True,
        may_hold_secret=True,
        no_secrets="a secret can't leave a run",
    )


class Return(ActionType):
    type = "return"
    title = "Return"
    purpose = "ends the run with a value"
    group = Group.OUTPUT
    properties = Properties
    leaves_block = True

    async def execute(self, properties: Properties, step: Step) -> Result:
        return Result(output=as_output(properties.value), signal=Signal.RETURN)


def as_output(value: Any) -> Any:
    """The value as who calls the flow gets it: a response is its text, its other parts are returned by name."""
    match value:
        case Secret():
            raise ActionError("secret_in_output", "A secret cannot be the output of a run.", "Return something else.")
        case Response():
            return value.text
        case Mapping():
            return {key: as_output(inner) for key, inner in value.items()}
        case list():
            return [as_output(inner) for inner in value]
        case _:
            return value
