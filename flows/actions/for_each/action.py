"""Runs its branch once for every item of a list, one after another or some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, PropertyKind, Result, Signal, Step, prop
from flows.language.document import Branch
from flows.language.errors import ActionError, Returned, RunFailed
from flows.language.values import convert

MOST_ITEMS = 10_000
WIDEST = 20  # iterations at the same time


@dataclass(frozen=True)
class Properties:
    items: Any = prop(PropertyKind.VALUE)
    item_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="item")
    index_variable_name: str = prop(PropertyKind.NEW_VARIABLE, default="index")
    parallelism: float | None = prop(PropertyKind.NUMBER, minimum=1, maximum=WIDEST)
    result: Any = prop(PropertyKind.LATER)
    results_variable_name: str | None = prop(PropertyKind.NEW_VARIABLE)


class ForEach(ActionType):
    type = "for_each"
    title = "For each"
    purpose = "its actions once for every item of a list"
    group = Group.CONTROL
    branches = "body"
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        loop = Loop(self.listed(properties.items), properties, step)
        for body in step.action.branches[:1]:
            if not loop.items:
                await step.skip(body, "no items")
            await loop.run(body)
        name = properties.results_variable_name
        return Result(
            output=f"{loop.done} of {len(loop.items)}",
            facts={"iterations": loop.done},
            variables={name: loop.results} if name else {},
        )

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
        name = properties.get("results_variable_name")
        return [(name, "list", False)] if isinstance(name, str) and name else []

    def inside(self, properties: Mapping[str, Any], branch: str = "") -> Sequence[tuple[str, str]]:
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


class Loop:
    """One execution: workers that take the next item until there is none, or break was reached."""

    def __init__(self, items: list[Any], properties: Properties, step: Step) -> None:
        self.items, self._properties, self._step = items, properties, step
        self.width = int(properties.parallelism or 1)
        self.done = 0
        self._left: Iterator[tuple[int, Any]] = iter(enumerate(items))
        self._last = len(items)  # the first item that reached break
        self._results: list[Any] = [None] * len(items)
        self._failures: dict[int, RunFailed | Returned | ActionError] = {}

    @property
    def results(self) -> list[Any]:
        # Items behind a break may have been going already; what counts is the same however fast they were.
        return [None if index > self._last else result for index, result in enumerate(self._results)]

    async def run(self, body: Branch) -> None:
        if self.width == 1:
            await self._work(body)
            return
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self.width, len(self.items))):
                    group.create_task(self._work(body))
        except BaseExceptionGroup:
            if not self._failures:
                raise
        if self._failures:
            raise self._failures[min(self._failures)]

    async def _work(self, body: Branch) -> None:
        for index, item in self._left:
            if index > self._last:
                return
            try:
                await self._iterate(body, index, item)
            except (RunFailed, Returned, ActionError) as failure:
                self._failures[index] = failure
                raise
            # The body may hold nothing that waits, and evaluating a result may take a while.
            await asyncio.sleep(0)

    async def _iterate(self, body: Branch, index: int, item: Any) -> None:
        names = self._properties
        variables = {names.item_variable_name: item, names.index_variable_name: index}
        lap = await self._step.run_block(body, index=index, variables=variables, isolated=self.width > 1)
        self.done += 1
        if lap.signal is Signal.BREAK:
            self._last = min(self._last, index)
        elif lap.signal is Signal.NONE:
            self._results[index] = await self._step.rendered(names.result, lap.scope)
