"""Runs its branch again and again while a condition holds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flows.actions.base import ActionType, Group, PropertyKind, Result, Signal, Step, prop
from flows.language.errors import ActionError

MOST = 1_000_000


@dataclass(frozen=True)
class Properties:
    condition: str = prop(PropertyKind.CONDITION, required=True)
    max_iterations: float = prop(PropertyKind.NUMBER, default=10_000, minimum=1, maximum=MOST)
    index_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="index")


class While(ActionType):
    type = "while"
    title = "While"
    purpose = "its actions while a condition holds"
    group = Group.CONTROL
    branches = "body"
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
                lap = await step.run_block(body, index=done, variables={properties.index_variable_name: done})
                done += 1
                if lap.signal is Signal.BREAK:
                    break
                # The body may hold nothing that waits, and evaluating the condition may take a while.
                await asyncio.sleep(0)
            if not done:
                await step.skip(body, "condition does not hold")
        return Result(output=done, facts={"iterations": done})

    async def holds(self, properties: Properties, step: Step, index: int) -> bool:
        scope = step.scope.child()
        scope.bind(properties.index_variable_name, index)
        return await step.holds(properties.condition, scope, "Condition")

    def declares(self, properties: Mapping[str, object]) -> Sequence[tuple[str, str, bool]]:
        return []

    def inside(self, properties: Mapping[str, object], branch: str = "") -> Sequence[tuple[str, str]]:
        return [(str(properties.get("index_variable_name") or "index"), "number")]
