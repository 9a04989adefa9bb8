"""A Foundry client that keeps to the limits of stored connections."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Protocol

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.exchange import RenewTarget
from connections.foundry.values import ChatRequest, Completion, Spilled, Target, Waited, Waiting, WhenReached
from connections.limits.rules import LEASE, Ledger, LimitReached

MOST_SPILLS = 5
LONGEST_PAUSE = 5.0  # seconds between two looks; others may give back what they reserved
CHARACTERS_A_TOKEN, ANSWER_TOKENS = 4, 500  # for the reservation, until the usage is known
IMAGE_TOKENS = 1_000


class UnlimitedClient(Protocol):
    """What is wrapped."""

    def chat(
        self, target: Target, request: ChatRequest, *, renew: RenewTarget | None = None
    ) -> AsyncGenerator[Any, None]: ...


class LimitedClient:
    """Calls begin in the order they were asked for; one that waits says what for, and until when."""

    def __init__(
        self,
        client: UnlimitedClient,
        ledger: Ledger,
        connection: Callable[[str], Awaitable[Target]],
        queues: defaultdict[str, asyncio.Lock] | None = None,
    ) -> None:
        self._client, self._ledger, self._connection = client, ledger, connection
        self._queues = queues if queues is not None else defaultdict(asyncio.Lock)

    async def chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]:
        """The events of the call, with those of waiting and spilling over. Raises FoundryError."""
        for _ in range(MOST_SPILLS):
            if target.limits is None or not target.limits.any:
                async with aclosing(self._client.chat(target, request, renew=self._renewed)) as events:
                    async for event in events:
                        yield event
                return
            async with aclosing(self._limited_chat(target, request)) as events:
                spilled: Spilled | None = None
                async for event in events:
                    spilled = event if isinstance(event, Spilled) else None
                    yield event
            if spilled is None:
                return
            target = spilled.target
        raise FoundryError(
            ErrorKind.QUOTA,
            f"{target.name}: the connections spill over into each other.",
            "Let one of them wait or fail.",
        )

    async def _limited_chat(self, target: Target, request: ChatRequest) -> AsyncGenerator[Any, None]:
        """Ends with Spilled, or with what the call itself ends with."""
        reserved = estimated_tokens(request)
        id, began, waits = "", time.time(), False
        if self._queues[target.account].locked():
            waits = True
            yield Waiting(f"Limit of {target.name}: others wait before it", time.time() + LONGEST_PAUSE, 0)
        async with self._queues[target.account]:
            if waits:
                target = await self._renewed(target)
            while not id:
                answer = await self._begin(target, reserved)
                if isinstance(answer, str):
                    id = answer
                    break
                event = await self._event_of_limit(target, answer)
                yield event
                if isinstance(event, Spilled):
                    return
                waits = True
                await asyncio.sleep(max(0.05, min(answer.until - time.time(), LONGEST_PAUSE)))
                target = await self._renewed(target)
        if waits:
            yield Waited(time.time() - began)
        async with aclosing(self._booked_chat(target, request, id, reserved)) as events:
            async for event in events:
                yield event

    async def _booked_chat(
        self, target: Target, request: ChatRequest, id: str, reserved: int
    ) -> AsyncGenerator[Any, None]:
        """The call, with its place kept while it is going and its tokens booked at the end; a failed one used none."""
        used = reserved
        renewing = asyncio.create_task(self._keep_renewing(id))
        try:
            async with aclosing(self._client.chat(target, request, renew=self._renewed)) as events:
                async for event in events:
                    if isinstance(event, Completion):
                        used = event.usage.total_tokens or reserved
                    yield event
        except FoundryError:
            used = 0
            raise
        finally:
            renewing.cancel()
            await asyncio.shield(self._ledger.end(id, used))

    async def _renewed(self, target: Target) -> Target:
        """The same after a wait, in which the key of a stored connection may have been replaced."""
        if not target.slot:
            return target
        return replace(await self._connection(target.name), limits=target.limits)

    async def _begin(self, target: Target, wanted: int) -> str | LimitReached:
        if target.limits is None:
            raise ValueError("This target has no limits.")
        return await self._ledger.begin(target.account, target.limits, wanted)

    async def _event_of_limit(self, target: Target, reached: LimitReached) -> Waiting | Spilled:
        limits = target.limits
        if limits is not None and limits.when_reached is WhenReached.SPILL and limits.spill_over_to:
            return Spilled(await self._connection(limits.spill_over_to), f"{target.name}: {reached.reason}")
        if limits is not None and limits.when_reached is WhenReached.FAIL:
            raise FoundryError(
                ErrorKind.QUOTA if reached.daily else ErrorKind.RATE_LIMIT,
                f"The limit of the connection is reached: {reached.reason}.",
                "Raise it on the page of the connection, or let calls wait.",
            )
        return Waiting(f"Limit of {target.name}: {reached.reason}", reached.until, 0)

    async def _keep_renewing(self, id: str) -> None:
        while True:
            await asyncio.sleep(LEASE / 3)
            await self._ledger.renew(id)


def estimated_tokens(request: ChatRequest) -> int:
    """Tokens a call may take, for the reservation."""
    parts = [part for message in request.messages for part in parts_of(message.content)]
    prompt = sum(len(part) / CHARACTERS_A_TOKEN if isinstance(part, str) else IMAGE_TOKENS for part in parts)
    return int(prompt) + (request.max_completion_tokens or ANSWER_TOKENS)


def parts_of(content: Any) -> list[Any]:
    if isinstance(content, list | tuple):
        return [part.get("text") if isinstance(part, dict) and "text" in part else part for part in content]
    return [content or ""]
