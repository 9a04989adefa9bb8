"""Goes on with the next iteration of the loop it stands in."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Signal, Step


@dataclass(frozen=True)
class Properties:
    """None."""


class Continue(ActionType):
    type = "continue"
    title = "Continue"
    purpose = "the next iteration of the loop"
    group = Group.CONTROL
    properties = Properties
    only_in_loops = True
    leaves_block = True

    async def execute(self, properties: Properties, step: Step) -> Result:
        return Result(signal=Signal.CONTINUE)
