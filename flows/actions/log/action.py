"""Writes a line to the execution log."""

from __future__ import annotations

from dataclasses import dataclass

from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop

LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Properties:
    message: str = prop(PropertyKind.TEXT, required=True)
    level: str = prop(PropertyKind.CHOICE, default="info", choices=LEVELS)


class Log(ActionType):
    type = "log"
    title = "Log"
    purpose = "a line in the execution log"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        await step.log(properties.level, properties.message)
        return Result(output=properties.message)
