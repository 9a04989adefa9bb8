"""Runs its branch again and again while a condition holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, NewBranch, Result, Signal, Step
from flows.language.errors import ActionError
from flows.properties.condition import condition
from flows.properties.new_variable import ANY_BRANCH, new_variable
from flows.properties.number import number

MOST = 1_000_000


@dataclass(frozen=True)
class Properties:
    condition: str = condition(
        "Condition",
        required=True,
        empty="a run stops here without one",
        hint="An expression such as score < 3 and index < 5.",
        on_card=True,
    )
    max_iterations: int = number(
        "Max iterations",
        default=10_000,
        minimum=1,
        maximum=MOST,
        whole=True,
        hint="When they are used up, the action fails.",
        advanced=True,
    )
    index_variable_name: str = new_variable(
        "Index variable name",
        default="index",
        type="number",
        inside=ANY_BRANCH,
        hint="Counts from 0.",
        advanced=True,
    )


class While(ActionType):
    type = "while"
    title = "While"
    purpose = "its actions while a condition holds"
    group = Group.CONTROL
    branches = "body"
    new_branches = (NewBranch("body"),)
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        done = 0
        for body in step.action.branches[:1]:
            while await self.holds(properties, step, done):
                if done >= properties.max_iterations:
                    raise ActionError(
                        "too_many_iterations",
                        f"The condition still holds after {done:,} iterations.",
                        "Check the condition, or raise Max iterations.",
                    )
                left = await step.run_block(body, index=done, variables={properties.index_variable_name: done})
                done += 1
                if left.signal is Signal.BREAK:
                    break
                # The body may hold nothing that waits, and evaluating the condition may take a while.
                await asyncio.sleep(0)
            if not done:
                await step.skip(body, "condition does not hold")
        return Result(output=done, facts={"iterations": done})

    def values_inside(self, recorded: Mapping[str, Any], index: int) -> Mapping[str, Any]:
        return {str(recorded.get("index_variable_name")): index}

    async def holds(self, properties: Properties, step: Step, index: int) -> bool:
        scope = step.scope.child()
        scope.bind(properties.index_variable_name, index)
        return await step.holds(properties.condition, scope, "Condition")
