"""The Foundry client: the one class that others use to talk to models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import httpx

from connections.foundry import deployments, diagnosis, embeddings
from connections.foundry.answers import AnswerContext, AttemptFailed, failure_of, read_completion, read_data
from connections.foundry.auth import EntraTokens, TokenSource, extra_header, identity_refusal, key_headers, secrets_of
from connections.foundry.backoff import RETRIED_KINDS, RetryPolicy, requested_delay
from connections.foundry.calls import ChatCall, EmbeddingCall, ListCall, ModelCall, WireRequest
from connections.foundry.diagnosis import TestResult
from connections.foundry.errors import ErrorKind, FoundryError, request_id
from connections.foundry.lessons import Lesson, LocalMemory, Memory, lesson_from
from connections.foundry.masking import masker_of
from connections.foundry.routes import Api, lesson_about_credentials, lesson_about_route
from connections.foundry.transport import Destinations, HttpAnswer, HttpTransport
from connections.foundry.values import (
    ChatEvent,
    ChatRequest,
    Deployment,
    EmbeddingRequest,
    Embeddings,
    Target,
    Waiting,
)

MOST_CHANGES = 12  # of one request, until it is taken or given up
MOST_PAGES = 20  # of a list of deployments
ONCE = RetryPolicy(attempts=1)
Reader = Callable[[HttpAnswer, AnswerContext, Api], AsyncGenerator[Any]]


@dataclass
class Progress:
    """What one call has learnt and tried so far."""

    lessons: list[Lesson]
    unproven: list[Lesson] = field(default_factory=list)  # other ways, remembered once they have led somewhere
    changes: int = 0
    renewed: bool = False  # the token, once a call
    wants_fresh_token: bool = False
    first: AttemptFailed | None = None  # what was said before anything was changed

    def has_tried(self, lesson: Lesson) -> bool:
        return any(known.parameter == lesson.parameter for known in self.unproven)


class FoundryClient:
    """Owns the transport, the clock and the policies. Belongs to one event loop."""

    def __init__(
        self,
        *,
        destinations: Destinations,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: RetryPolicy | None = None,
        memory: Memory | None = None,
        tokens: TokenSource | None = None,
        store_responses: bool | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`store_responses` is sent as `store` to the Responses API, which else keeps what it is asked for 30 days."""
        self._transport = HttpTransport(destinations, transport)
        self._retry, self._store = retry or RetryPolicy(), store_responses
        self._memory: Memory = memory or LocalMemory()
        self._tokens: TokenSource = tokens or EntraTokens()
        self._clock, self._sleep = clock, sleep

    def chat(
        self, target: Target, request: ChatRequest, *, retry: RetryPolicy | None = None
    ) -> AsyncGenerator[ChatEvent]:
        """Text as it comes, waits as they begin, the whole answer at last. Raises FoundryError.

        Goes to chat completions or to Responses, whichever the endpoint prefers and the model speaks.
        """
        return self._exchange(ChatCall(target, request, store=self._store), read_completion, retry)

    def respond(
        self, target: Target, request: ChatRequest, *, retry: RetryPolicy | None = None
    ) -> AsyncGenerator[ChatEvent]:
        """The same by the Responses API, whatever the endpoint prefers. Raises FoundryError."""
        return self._exchange(ChatCall(target, request, Api.RESPONSES, store=self._store), read_completion, retry)

    async def embed(self, target: Target, request: EmbeddingRequest, *, retry: RetryPolicy | None = None) -> Embeddings:
        """One vector for each input. Raises FoundryError."""

        async def read(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Embeddings]:
            made = await read_data(answer, context, embeddings.read)
            yield Embeddings(**made, request_id=request_id(answer.headers), status=answer.status, url=context.url)

        found: Embeddings = await self._last(EmbeddingCall(target, request), read, retry)
        return found

    async def deployments(self, target: Target) -> list[Deployment] | None:
        """The real deployments of the resource or project; None where the service gives no list."""

        async def read(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Any]:
            yield await read_data(answer, context, deployments.read)

        url, found = target.endpoint.listing_url, list[Deployment]()
        for _ in range(MOST_PAGES):
            if url is None or not url.startswith(f"{target.endpoint.origin}/"):
                break
            try:
                page, url = await self._last(ListCall(target, url), read, ONCE)
            except FoundryError:
                return found or None
            found += page
        return found

    async def test(self, target: Target, model: str) -> TestResult:
        """One tiny chat call, and what to do when it fails. Never raises FoundryError, the result carries it."""
        return await diagnosis.diagnose(self, target, model)

    async def aclose(self) -> None:
        await self._transport.aclose()
        await self._tokens.aclose()

    async def _last(self, call: ModelCall, read: Reader, retry: RetryPolicy | None) -> Any:
        """The last event of an exchange: the result of a call that does not stream."""
        result = None
        async with aclosing(self._exchange(call, read, retry)) as events:
            async for event in events:
                result = event
        return result

    async def _exchange(self, call: ModelCall, read: Reader, retry: RetryPolicy | None) -> AsyncGenerator[Any]:
        policy, started, attempt = retry or self._retry, self._clock(), 1
        progress = Progress(list(await self._memory.lessons(call.target.endpoint.url, call.model)))
        asked = call.asked(progress.lessons)
        while True:
            try:
                async with aclosing(self._attempt(call, asked, read, progress)) as events:
                    async for event in events:
                        yield event
                await self._remember(call, *progress.unproven)
                return
            except AttemptFailed as refused:
                if not refused.final and (adapted := await self._adapted(call, asked, refused.error, progress)):
                    progress.first = progress.first or refused
                    asked = adapted
                    continue
                delay, reason = (
                    self._delay(policy, telling(refused, progress.first), attempt, started),
                    refused.error.message,
                )
            yield Waiting(reason, self._clock() + delay, attempt)
            await self._sleep(delay)
            attempt += 1

    async def _attempt(
        self, call: ModelCall, asked: WireRequest, read: Reader, progress: Progress
    ) -> AsyncGenerator[Any]:
        try:
            headers, token = await self._credentials(call.target, asked, progress)
            masker = masker_of(*secrets_of(call.target), token)
            context = AnswerContext(asked.route.url, call.model, asked.route.endpoint.host, masker)
            method = "GET" if asked.body is None else "POST"
            async with self._transport.send(method, asked.route.url, headers, asked.body) as answer:
                answer.mask_headers(masker)
                if answer.status != 200:
                    raise await failure_of(answer, context)
                async with aclosing(read(answer, context, asked.route.api)) as events:
                    async for event in events:
                        yield event
        except FoundryError as error:
            raise AttemptFailed(error, {}, final=False) from None

    async def _credentials(self, target: Target, asked: WireRequest, progress: Progress) -> tuple[dict[str, str], str]:
        """The headers that say who calls, and the token among them."""
        if target.identity is None:
            return key_headers(target, asked.key_header), ""
        if target.identity.is_own and not self._transport.trusts(target.endpoint):
            raise FoundryError(ErrorKind.BLOCKED_DESTINATION, *identity_refusal(target.endpoint))
        token = await self._tokens.token(target.identity, asked.scope, fresh=progress.wants_fresh_token)
        progress.wants_fresh_token = False
        headers = {"Authorization": f"Bearer {token.reveal()}", **extra_header(target)}
        return headers, token.reveal()

    async def _adapted(
        self, call: ModelCall, asked: WireRequest, error: FoundryError, progress: Progress
    ) -> WireRequest | None:
        """The request with one thing changed, or None when nothing can be."""
        progress.changes += 1
        if progress.changes > MOST_CHANGES:
            return None
        # Another call may have learnt the same in the meantime; then that is all this one needs.
        known = await self._memory.lessons(call.target.endpoint.url, call.model)
        progress.lessons = [*known, *progress.unproven]
        if (again := call.asked(progress.lessons)) != asked:
            return again
        lesson = self._other_way(call, asked, error)
        if lesson is not None and not progress.has_tried(lesson):
            progress.unproven.append(lesson)
        elif lesson := lesson_from(error, dict(asked.body or {}), progress.lessons, self._clock()):
            await self._remember(call, lesson)
        else:
            return asked if self._takes_new_token(call, error, progress) else None
        progress.lessons.append(lesson)
        again = call.asked(progress.lessons)
        return again if again != asked else None

    def _other_way(self, call: ModelCall, asked: WireRequest, error: FoundryError) -> Lesson | None:
        now = self._clock()
        return lesson_about_route(asked.route, call.model, error, now) or lesson_about_credentials(
            error,
            asked.route.endpoint,
            identity=call.target.identity is not None,
            scope=asked.scope,
            key_header=asked.key_header,
            now=now,
        )

    def _takes_new_token(self, call: ModelCall, error: FoundryError, progress: Progress) -> bool:
        """A token may end early: a refused one is replaced, once."""
        if error.kind is not ErrorKind.AUTH_TOKEN or error.status != 401 or call.target.identity is None:
            return False
        progress.wants_fresh_token, first = not progress.renewed, not progress.renewed
        progress.renewed = True
        return first

    async def _remember(self, call: ModelCall, *lessons: Lesson) -> None:
        for lesson in lessons:
            await self._memory.learn(call.target.endpoint.url, call.model, lesson)

    def _delay(self, policy: RetryPolicy, refused: AttemptFailed, attempt: int, started: float) -> float:
        """Seconds until the next attempt; raises the error when there is none."""
        now = self._clock()
        delay = None
        if not refused.final:
            delay = policy.delay(attempt, refused.error, refused.headers, now, now - started)
        if delay is None:
            raise explained(refused, now) from None
        return delay


def telling(refused: AttemptFailed, first: AttemptFailed | None) -> AttemptFailed:
    """When another path was not there either, what was said about the first one tells more."""
    lost = ErrorKind.NOT_FOUND_ROUTE
    return first if first is not None and refused.error.kind is first.error.kind is lost else refused


def explained(refused: AttemptFailed, now: float) -> FoundryError:
    """The error, with the wait the service asks for when that is why nothing is tried again."""
    error, asked = refused.error, requested_delay(refused.headers, refused.error.raw, now)
    if error.kind in RETRIED_KINDS and asked is not None and asked >= 1:
        error.hint = f"The service asks to wait {asked:,.0f} s. {error.hint}"
    return error
