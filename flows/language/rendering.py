"""Templates and conditions on an event loop: what is brief happens here, the rest in a process of its own.

Of a second, brief evaluations have the half at most, however many runs there are; pages have the rest.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from flows.language.evaluator_pool import pool
from flows.language.expressions import UNFINISHED, BoundTemplate, as_template, is_plain, is_true, read_template
from flows.language.sandbox.rewrite import remembered_template
from flows.language.scope import HEAVY, Scope
from flows.language.values import weight

SHORT = 2_000  # characters of a template that is read in passing
SHARE = 0.5  # of the time of a loop
BURST = 0.01  # seconds that may be used at once
SLOW = 0.001  # seconds from which on a template goes to a process when the loop has no time for it
MOST_REMEMBERED = 1_000  # templates

T = TypeVar("T")

# One, so that copying large values has a small part of the interpreter.
_copying = ThreadPoolExecutor(1, thread_name_prefix="copying")
_long: dict[str, None] = {}  # templates that did not end in brief
_slow: dict[str, None] = {}  # and those that nearly did not


class LoopShare:
    """How much of its time a loop has spent on evaluations."""

    def __init__(self) -> None:
        self._paid_at = 0.0  # time.monotonic() at which what was spent is balanced
        self._queue = asyncio.Lock()

    @property
    def free(self) -> bool:
        return self._paid_at - time.monotonic() <= BURST

    async def come(self) -> None:
        """Returns when there is time, first come, first served."""
        async with self._queue:
            while (left := self._paid_at - time.monotonic()) > BURST:  # noqa: ASYNC110 - time is what is waited for
                await asyncio.sleep(left - BURST / 2)

    def spend(self, seconds: float) -> None:
        self._paid_at = max(self._paid_at, time.monotonic()) + seconds / SHARE


_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, LoopShare] = WeakKeyDictionary()


def share_of_loop() -> LoopShare:
    loop = asyncio.get_running_loop()
    found = _turns.get(loop)
    if found is None:
        found = _turns[loop] = LoopShare()
    return found


async def render(template: str, scope: Scope) -> Any:
    """The value of a template: the type of the expression when it is exactly one, else text. Raises ExpressionError."""
    return template if is_plain(template) else await evaluate(template, scope)


async def render_deep(value: Any, scope: Scope) -> Any:
    """The value with every template in it rendered. Raises ExpressionError."""
    if isinstance(value, str):
        return await render(value, scope)
    if isinstance(value, Mapping):
        return {key: await render_deep(inner, scope) for key, inner in value.items()}
    if isinstance(value, list):
        return [await render_deep(inner, scope) for inner in value]
    return value


async def evaluate_condition(expression: str, scope: Scope) -> bool:
    """Whether a bare expression holds. Raises ExpressionError."""
    return is_true(await evaluate(as_template(expression), scope))


async def evaluate(template: str, scope: Scope) -> Any:
    mine = share_of_loop()
    began = time.thread_time()
    compiled = remembered_template(template)
    if compiled is None:
        if len(template) > SHORT:
            compiled = await asyncio.get_running_loop().run_in_executor(_copying, read_template, template)
            began = time.thread_time()
        else:
            compiled = read_template(template)
    prepared = BoundTemplate(compiled, scope)
    if not mine.free and template not in _long:
        if template in _slow:
            return await evaluate_in_process(template, prepared)
        await mine.come()
        began = time.thread_time()
    if template in _long:
        return await evaluate_in_process(template, prepared)
    try:
        value = prepared.evaluate_briefly()
    finally:
        spent = time.thread_time() - began
        mine.spend(spent)
        if spent > SLOW:
            remember(_slow, template)
    if value is not UNFINISHED:
        return value
    remember(_long, template)
    return await evaluate_in_process(template, prepared)


async def evaluate_in_process(template: str, prepared: BoundTemplate) -> Any:
    outcome = await asyncio.wrap_future(pool.submit(prepared.to_task()))
    if outcome.seconds < SLOW:
        _long.pop(template, None)
        _slow.pop(template, None)
    return prepared.open_result(outcome)


def remember(known: dict[str, None], template: str) -> None:
    known[template] = None
    while len(known) > MOST_REMEMBERED:
        known.pop(next(iter(known)), None)


async def off_loop_if_heavy(function: Callable[..., T], value: Any, *more: Any) -> T:
    """Calls it with a value here when that is small, else where others need not wait for it."""
    if weight(value, HEAVY) < HEAVY:
        return function(value, *more)
    return await asyncio.get_running_loop().run_in_executor(_copying, function, value, *more)
