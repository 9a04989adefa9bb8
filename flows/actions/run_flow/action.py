"""Runs another flow and waits for what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.language.errors import ActionError
from flows.language.values import to_json


@dataclass(frozen=True)
class Properties:
    flow: str = prop(PropertyKind.TEXT, required=True)
    inputs: Any = prop(PropertyKind.VALUE, inputs_of="flow")
    result_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="result")


class RunFlow(ActionType):
    type = "run_flow"
    title = "Subflow"
    purpose = "another flow, as one action"
    group = Group.CONTROL
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        slug = properties.flow.strip()
        ran = await step.services.run_flow(slug, inputs_of(properties.inputs), step)
        return Result(
            output=ran.output,
            variables={properties.result_variable_name: ran.output},
            facts={"run": ran.run_id, "flow": slug},
        )


def inputs_of(value: Any) -> Mapping[str, Any]:
    if value in (None, ""):
        return {}
    try:
        made: Mapping[str, Any] = to_json(value, dict, "an object")
    except ValueError as error:
        raise ActionError(
            "input", f"Inputs {error}.", 'Give an object such as {"question": "{{ question }}"}.'
        ) from None
    return made
