"""Runs its branch once for every item of a list, one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, PropertyKind, Result, Step, prop
from flows.errors import ActionError
from flows.values import convert

MOST_ITEMS = 10_000


@dataclass(frozen=True)
class Properties:
    items: Any = prop(PropertyKind.VALUE)
    item_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="item")
    index_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="index")


class ForEach(ActionType):
    type = "for_each"
    title = "For each"
    purpose = "its actions once for every item of a list"
    group = Group.CONTROL
    branches = "body"
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        items = self.listed(properties.items)
        for body in step.action.branches[:1]:
            if not items:
                await step.skip(body, "no items")
            for index, item in enumerate(items):
                names = {properties.item_variable_name: item, properties.index_variable_name: index}
                await step.run_block(body, index=index, variables=names)
        return Result(output=f"{len(items)} of {len(items)}", facts={"iterations": len(items)})

    def listed(self, items: Any) -> list[Any]:
        if items is None:
            raise ActionError("property_missing", "Items is missing.", "Give a list, such as {{ parts }}.")
        try:
            made: list[Any] = convert(items, "list")
        except ValueError as error:
            raise ActionError(
                "not_a_list", f"Items {error}.", "Give a list; {{ text | lines }} makes one of a text."
            ) from None
        if len(made) > MOST_ITEMS:
            raise ActionError(
                "too_many_items",
                f"Items has {len(made):,} entries; {MOST_ITEMS:,} are the most.",
                "Split the list.",
            )
        return made

    def declares(self, properties: Mapping[str, Any]) -> Sequence[tuple[str, str, bool]]:
        return []

    def inside(self, properties: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return [
            (str(properties.get("item_variable_name") or "item"), ""),
            (str(properties.get("index_variable_name") or "index"), "number"),
        ]

    def problems(self, action: Any) -> Sequence[tuple[str | None, str]]:
        return (
            [("items", "Items is missing. Give a list, such as {{ parts }}.")]
            if action.properties.get("items") in (None, "")
            else []
        )
