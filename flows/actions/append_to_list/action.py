"""Puts something at the end of a list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.actions.variables import find_variable
from flows.language.errors import ActionError
from flows.language.values import to_json
from flows.properties.assigned_value import assigned_value
from flows.properties.choice import choice
from flows.properties.variable import variable

ONE, EACH = "as one item", "item by item"
MOST_ITEMS = 100_000


@dataclass(frozen=True)
class Properties:
    variable: str = variable(
        "Variable", required=True, type="list", hint="A list; one without a value counts as empty.", on_card=True
    )
    value: Any = assigned_value(
        "Value",
        to="variable",
        hint="Text, a number, JSON, or {{ an expression }}, which keeps its type.",
        empty="an empty item",
        keeps_json=True,
        on_card=True,
    )
    lists: str = choice("A list is added", choices=(ONE, EACH), default=ONE, advanced=True)


class AppendToList(ActionType):
    type = "append_to_list"
    title = "Append to list"
    purpose = "an item more at the end of a list"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        before, value = list_of(properties.variable, step), properties.value
        more = list(value) if properties.lists == EACH and isinstance(value, list | tuple) else [value]
        if len(before) + len(more) > MOST_ITEMS:
            raise ActionError(
                "too_large",
                f"{properties.variable} would have more than {MOST_ITEMS:,} items.",
                "Work on less at a time, or keep only what is needed of each.",
            )
        # A new list: others may hold the one before.
        after = [*before, *more]
        return Result(output=value, variables={properties.variable: after}, facts={"items": len(after)})


def list_of(name: str, step: Step) -> list[Any]:
    """What the variable holds now. Raises ActionError."""
    found = find_variable(name, step)
    if found.value in (None, ""):
        return []
    try:
        held: list[Any] = to_json(found.value, list, "a list")
    except ValueError as error:
        raise ActionError("variable_type", f"{name} {error}.", "Append to a variable of type list.") from None
    return held
