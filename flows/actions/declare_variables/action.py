"""Declares variables in the block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.values import Declared
from flows.properties.declarations import declarations


@dataclass(frozen=True)
class Properties:
    variables: list[dict[str, Any]] = declarations(
        "Variables",
        required=True,
        hint="Live in this block and the blocks inside. Global lifts one to the flow.",
        on_card=True,
    )


class DeclareVariables(ActionType):
    type = "declare_variables"
    title = "Declare variables"
    purpose = "names for values that later actions use"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        declared = tuple(Declared(r["name"], r["type"], r["value"], r["global"]) for r in properties.variables)
        return Result(output={row.name: row.value for row in declared}, declared=declared)
