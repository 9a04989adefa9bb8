"""Runs its branch once for every item of a list, one after another or some at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, NewBranch, Result, Signal, Step
from flows.language.errors import ActionError, Returned, RunFailed
from flows.language.nodes import Branch
from flows.language.values import convert
from flows.properties.deferred_value import deferred_value
from flows.properties.new_variable import ANY_BRANCH, new_variable
from flows.properties.number import number
from flows.properties.value import value

MOST_ITEMS = 10_000
WIDEST = 20  # iterations at the same time


@dataclass(frozen=True)
class Properties:
    items: Any = value(
        "Items",
        required=True,
        hint="A list, such as {{ parts }} or {{ question | lines }}.",
        when_missing="Give a list, such as {{ parts }}.",
        on_card=True,
        may_hold_secret=True,
    )
    item_variable_name: str = new_variable(
        "Item variable name", default="item", item_of="items", inside=ANY_BRANCH, hint="The current item."
    )
    index_variable_name: str = new_variable(
        "Index variable name",
        default="index",
        type="number",
        inside=ANY_BRANCH,
        hint="Counts from 0.",
    )
    parallelism: int | None = number(
        "At the same time", minimum=1, maximum=WIDEST, whole=True, empty="1", hint="Iterations.", advanced=True
    )
    result: Any = deferred_value(
        "Result of an iteration",
        empty="nothing is collected",
        hint="Collected at its end, such as {{ response }}.",
        advanced=True,
    )
    results_variable_name: str | None = new_variable(
        "Results variable name",
        type="list",
        empty="the results are not kept",
        hint="A list of the results, in the order of the items.",
        advanced=True,
    )


class ForEach(ActionType):
    type = "for_each"
    title = "For each"
    purpose = "its actions once for every item of a list"
    group = Group.CONTROL
    branches = "body"
    new_branches = (NewBranch("body"),)
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        loop = Loop(list_of(properties.items), properties, step)
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

    def values_inside(self, recorded: Mapping[str, Any], index: int) -> Mapping[str, Any]:
        items, item_name = recorded.get("items"), str(recorded.get("item_variable_name"))
        item = {item_name: items[index]} if isinstance(items, list) and index < len(items) else {}
        return {**item, str(recorded.get("index_variable_name")): index}

    def iterations_in(self, recorded: Mapping[str, Any]) -> int | None:
        items = recorded.get("items")
        return len(items) if isinstance(items, list) else None


def list_of(items: Any) -> list[Any]:
    """The items as a list. Raises ActionError."""
    try:
        listed: list[Any] = convert(items, "list")
    except ValueError as error:
        raise ActionError(
            "not_a_list", f"Items {error}.", "Give a list; {{ text | lines }} makes one of a text."
        ) from None
    if len(listed) > MOST_ITEMS:
        raise ActionError(
            "too_many_items",
            f"Items has {len(listed):,} entries; {MOST_ITEMS:,} are the most.",
            "Split the list.",
        )
    return listed


class Loop:
    """One execution: workers that take the next item until there is none, or break was reached."""

    def __init__(self, items: list[Any], properties: Properties, step: Step) -> None:
        self.items, self._properties, self._step = items, properties, step
        self.width = properties.parallelism or 1
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
        left = await self._step.run_block(
            body, index=index, items=self.items, variables=variables, isolated=self.width > 1
        )
        self.done += 1
        if left.signal is Signal.BREAK:
            self._last = min(self._last, index)
        elif left.signal is Signal.NONE:
            self._results[index] = await self._step.render(names.result, left.scope)
