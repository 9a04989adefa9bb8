"""A Foundry client that keeps to the limits of stored connections."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.estimates import estimated_usage, with_estimated_usage
from connections.foundry.exchange import RenewTarget
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Embeddings,
    Limits,
    ModelRequest,
    Spilled,
    Target,
    Waited,
    Waiting,
    WhenReached,
)
from connections.limits.budgets import BudgetLedger, BudgetReached, Reservation
from connections.limits.rules import LEASE, Ledger, LimitReached

MOST_SPILLS = 5
LONGEST_PAUSE = 5.0  # seconds between two looks; others may give back what they reserved


class UnlimitedClient(Protocol):
    """What is wrapped."""

    def chat(
        self, target: Target, request: ChatRequest, *, renew: RenewTarget | None = None
    ) -> AsyncGenerator[Any, None]: ...

    def embedding_events(
        self, target: Target, request: EmbeddingRequest, *, renew: RenewTarget | None = None
    ) -> AsyncGenerator[Any, None]: ...


@dataclass(frozen=True, slots=True)
class Spender:
    """Whose budgets hold the calls of a client: `customer` is the label of whoever they are for, if their connection
    has none."""

    budgets: BudgetLedger
    customer: str = ""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A call may begin: what was answered to it, and its connection as it is after the wait."""

    answer: Any
    target: Target


class LimitedClient:
    """Calls begin in the order they were asked for; one that waits says what for, and until when."""

    def __init__(
        self,
        client: UnlimitedClient,
        ledger: Ledger,
        connection: Callable[[str], Awaitable[Target]],
        queues: defaultdict[str, asyncio.Lock],
        spender: Spender,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._ledger, self._connection = client, ledger, connection
        self._queues, self._spender, self._clock = queues, spender, clock

    def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]:
        """The events of the call, with those of waiting and spilling over. Raises FoundryError."""
        return self._spilling_call(target, request)

    def embedding_events(self, target: Target, request: EmbeddingRequest) -> AsyncGenerator[Any, None]:
        """The same of embeddings."""
        return self._spilling_call(target, request)

    async def _spilling_call(self, target: Target, request: ModelRequest) -> AsyncGenerator[Any, None]:
        customer = target.customer or self._spender.customer
        for _ in range(MOST_SPILLS):
            async with aclosing(self._budgeted_call(target, customer, request)) as events:
                spilled: Spilled | None = None
                async for event in events:
                    spilled = event if isinstance(event, Spilled) else None
                    yield event
            if spilled is None:
                return
            target = spilled.target
            if spilled.of_customer:  # from now on the other connection pays
                customer = ""
        raise FoundryError(
            ErrorKind.QUOTA,
            f"{target.name}: the connections spill over into each other.",
            "Let one of them wait or fail.",
        )

    async def _budgeted_call(self, target: Target, customer: str, request: ModelRequest) -> AsyncGenerator[Any, None]:
        """Ends with Spilled, or with what the call itself ends with."""
        budgets = self._spender.budgets
        if not await budgets.has_budget(target.name, customer):
            async with aclosing(self._limited_call(target, request)) as events:
                async for event in events:
                    yield event
            return
        reservation: Reservation | None = None
        queue = self._queues[f"budgets of {target.name} and {customer}"]

        async def ask(asking: Target) -> Reservation | BudgetReached:
            return await budgets.begin(asking.name, customer, request)

        async with aclosing(self._admit(target, queue, ask)) as admission:
            async for event in admission:
                if isinstance(event, Admitted):
                    reservation, target = event.answer, event.target
                else:
                    yield event
        if reservation is None:
            return
        async with aclosing(self._paid_call(target, request, budgets, reservation)) as events:
            async for event in events:
                yield event

    async def _paid_call(
        self, target: Target, request: ModelRequest, budgets: BudgetLedger, reservation: Reservation
    ) -> AsyncGenerator[Any, None]:
        """The call, with what it may use set aside. One that failed, or was stopped before it began, used nothing; what
        one used that was stopped nobody knows."""
        answer, used = None, True
        renewing = asyncio.create_task(keep_renewing(lambda: budgets.renew(reservation)))
        try:
            async with aclosing(self._limited_call(target, request)) as events:
                async for event in events:
                    used = not isinstance(event, Waiting | Spilled | Adapted)
                    answer = event if isinstance(event, Completion | Embeddings) else answer
                    yield event
        except FoundryError:
            used = False
            raise
        finally:
            renewing.cancel()
            if used:
                await asyncio.shield(budgets.end(reservation, request, answer))
            else:
                await asyncio.shield(budgets.give_back(reservation, request))

    async def _limited_call(self, target: Target, request: ModelRequest) -> AsyncGenerator[Any, None]:
        """Ends with Spilled, or with what the call itself ends with."""
        limits = target.limits
        if limits is None or not limits.any:
            async with aclosing(self._counted_call(target, request)) as events:
                async for event in events:
                    yield event
            return
        reserved, id = estimated_usage(request).total_tokens, ""
        queue = self._queues[target.account]

        async def ask(asking: Target) -> str | LimitReached:
            return await self._ledger.begin(asking.account, limits, reserved)

        async with aclosing(self._admit(target, queue, ask)) as admission:
            async for event in admission:
                if isinstance(event, Admitted):
                    id, target = event.answer, event.target
                else:
                    yield event
        if not id:
            return
        async with aclosing(self._booked_call(target, request, id, reserved)) as events:
            async for event in events:
                yield event

    async def _admit(
        self, target: Target, queue: asyncio.Lock, ask: Callable[[Target], Awaitable[Any]]
    ) -> AsyncGenerator[Any, None]:
        """Waits until nothing stands in the way any more. Ends with Admitted, or with Spilled."""
        began, waits = self._clock(), False
        if queue.locked():
            waits = True
            yield Waiting(f"Limit of {target.name}: others wait before it", None, 0)
        async with queue:
            if waits:
                target = await self._renewed(target)
            while isinstance(answer := await ask(target), LimitReached | BudgetReached):
                if isinstance(answer, BudgetReached):
                    event = await self._event_of_budget(target, answer)
                else:
                    event = await self._event_of_limit(target, answer)
                yield event
                if isinstance(event, Spilled):
                    return
                waits = True
                await asyncio.sleep(max(0.05, min(answer.until - self._clock(), LONGEST_PAUSE)))
                target = await self._renewed(target)
        if waits:
            yield Waited(self._clock() - began)
        yield Admitted(answer, target)

    async def _booked_call(
        self, target: Target, request: ModelRequest, id: str, reserved: int
    ) -> AsyncGenerator[Any, None]:
        """The call, with its place kept while it is going and its tokens booked at the end; a failed one used none."""
        used = reserved
        renewing = asyncio.create_task(keep_renewing(lambda: self._ledger.renew(id)))
        try:
            async with aclosing(self._counted_call(target, request)) as events:
                async for event in events:
                    if isinstance(event, Completion | Embeddings):
                        used = event.usage.total_tokens
                    yield event
        except FoundryError:
            used = 0
            raise
        finally:
            renewing.cancel()
            await asyncio.shield(self._ledger.end(id, used))

    async def _counted_call(self, target: Target, request: ModelRequest) -> AsyncGenerator[Any, None]:
        """The call, with its tokens estimated where the service counts none."""
        async with aclosing(self._unlimited_call(target, request)) as events:
            async for event in events:
                is_answer = isinstance(event, Completion | Embeddings)
                yield with_estimated_usage(request, event) if is_answer else event

    def _unlimited_call(self, target: Target, request: ModelRequest) -> AsyncGenerator[Any, None]:
        if isinstance(request, EmbeddingRequest):
            return self._client.embedding_events(target, request, renew=self._renewed)
        return self._client.chat(target, request, renew=self._renewed)

    async def _renewed(self, target: Target) -> Target:
        """The same after a wait, in which the key of a stored connection may have been replaced."""
        if not target.slot:
            return target
        return replace(await self._connection(target.name), limits=target.limits)

    async def _event_of_limit(self, target: Target, reached: LimitReached) -> Waiting | Spilled:
        limits = target.limits or Limits()
        if limits.when_reached is WhenReached.SPILL and limits.spill_over_to:
            return Spilled(await self._connection(limits.spill_over_to), f"{target.name}: {reached.reason}")
        if limits.when_reached is WhenReached.FAIL:
            raise FoundryError(
                ErrorKind.QUOTA if reached.daily else ErrorKind.RATE_LIMIT,
                f"The limit of the connection is reached: {reached.reason}.",
                "Raise it on the page of the connection, or let calls wait.",
            )
        return Waiting(f"Limit of {target.name}: {reached.reason}", reached.until if reached.is_known else None, 0)

    async def _event_of_budget(self, target: Target, reached: BudgetReached) -> Waiting | Spilled:
        if reached.is_spent and reached.when_spent is WhenReached.FAIL:
            raise FoundryError(
                ErrorKind.BUDGET,
                f"{reached.reason}.",
                "Raise it on the page of usage, under Budgets, or let calls wait.",
                details=reached.details,
            )
        if reached.is_spent and reached.when_spent is WhenReached.SPILL and reached.spill_over_to:
            other = await self._connection(reached.spill_over_to)
            return Spilled(other, f"{target.name}: {reached.reason}", reached.of_customer)
        return Waiting(reached.reason, reached.until if reached.is_spent else None, 0)


async def keep_renewing(renew: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(LEASE / 3)
        await renew()
