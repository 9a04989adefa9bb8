"""Declares variables in the block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.language.values import Declared


@dataclass(frozen=True)
class Properties:
    variables: list[dict[str, Any]] = prop(PropertyKind.VARIABLES, required=True)


class DeclareVariables(ActionType):
    type = "declare_variables"
    title = "Declare variables"
    purpose = "names for values that later actions use"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        declared = tuple(Declared(r["name"], r["type"], r["value"], r["global"]) for r in properties.variables)
        return Result(output={row.name: row.value for row in declared}, declared=declared)

    def declares(self, properties: Mapping[str, Any]) -> Sequence[tuple[str, str, bool]]:
        rows = properties.get("variables")
        return [
            (row["name"], str(row.get("type") or "text"), bool(row.get("global")))
            for row in (rows if isinstance(rows, list) else [])
            if isinstance(row, Mapping) and isinstance(row.get("name"), str)
        ]
