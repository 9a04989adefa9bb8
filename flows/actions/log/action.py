"""Writes a line to the execution log."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions.base import ActionType, Group, Result, Step
from flows.properties.choice import choice
from flows.properties.long_text import long_text


@dataclass(frozen=True)
class Properties:
    message: str = long_text("Message", required=True, on_card=True)
    level: str = choice("Level", default="info", choices=("debug", "info", "warning", "error"))


class Log(ActionType):
    type = "log"
    title = "Log"
    purpose = "a line in the execution log"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        await step.log(properties.level, properties.message)
        return Result(output=properties.message)
