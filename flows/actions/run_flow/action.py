"""Runs another flow and waits for what it returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.values import to_json
from flows.properties.flow import flow
from flows.properties.flow_inputs import flow_inputs
from flows.properties.new_variable import result_variable


@dataclass(frozen=True)
class Properties:
    flow: str = flow("Flow", required=True, when_missing="Choose one.", on_card=True)
    inputs: Any = flow_inputs("Inputs", of="flow", empty="their defaults", on_card=True)
    result_variable_name: str = result_variable("result", hint="What the flow returns.")


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
            usage=ran.usage,
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
