"""The Foundry client: the one class that others use to talk to models."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import quote

import httpx

from connections.foundry import agent_list, deployments, diagnosis, embeddings
from connections.foundry.agent_list import ListedAgent
from connections.foundry.agents import AgentCall, AgentRequest, agent_events
from connections.foundry.answers import AnswerContext, read_completion, read_data
from connections.foundry.auth import EntraTokens, TokenSource
from connections.foundry.backoff import RetryPolicy
from connections.foundry.calls import ChatCall, EmbeddingCall, ListCall, ModelCall
from connections.foundry.classify import speaks_another_api
from connections.foundry.destinations import Destinations
from connections.foundry.diagnosis import TestResult
from connections.foundry.errors import FoundryError, request_id
from connections.foundry.exchange import ExchangeServices, ModelExchange, ReadEvents, RenewTarget
from connections.foundry.keys import KeyWatch, UnwatchedKeys
from connections.foundry.lessons import (
    EMBEDDINGS,
    NONE_MADE,
    SOME_MADE,
    Lesson,
    LessonMemory,
    LocalLessonMemory,
    learnt_way,
)
from connections.foundry.routes import Api
from connections.foundry.transport import HttpAnswer, HttpTransport
from connections.foundry.values import (
    ChatEvent,
    ChatRequest,
    EmbeddingEvent,
    EmbeddingRequest,
    Embeddings,
    ListedDeployment,
    Target,
)

MOST_PAGES = 20  # of a list of deployments
ONCE = RetryPolicy(attempts=1)


class FoundryClient:
    """Owns the transport, the clock and the policies. Belongs to one event loop."""

    def __init__(
        self,
        *,
        destinations: Destinations,
        transport: httpx.AsyncBaseTransport | None = None,
        retry: RetryPolicy | None = None,
        memory: LessonMemory | None = None,
        tokens: TokenSource | None = None,
        store_responses: bool | None = None,
        keys: KeyWatch | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`store_responses` is sent as `store` to the Responses API, which else keeps what it is asked for 30 days."""
        self._retry, self._store = retry or RetryPolicy(), store_responses
        self._services = ExchangeServices(
            HttpTransport(destinations, transport),
            memory or LocalLessonMemory(),
            tokens or EntraTokens(),
            clock,
            sleep,
            keys or UnwatchedKeys(),
        )

    def chat(
        self,
        target: Target,
        request: ChatRequest,
        *,
        retry: RetryPolicy | None = None,
        renew: RenewTarget | None = None,
    ) -> AsyncGenerator[ChatEvent]:
        """Text as it comes, waits as they begin, the whole answer at last. Raises FoundryError, and what `renew` does.

        Goes to chat completions or to Responses, whichever the endpoint prefers and the model speaks; what is said to
        an agent goes there.
        """
        if isinstance(request, AgentRequest):
            call = AgentCall(target, request, self._store)
            return agent_events(lambda sent, read: self._events(sent, read, retry, renew), call)
        return self._events(ChatCall(target, request, store=self._store), read_completion, retry, renew)

    def respond(
        self, target: Target, request: ChatRequest, *, retry: RetryPolicy | None = None
    ) -> AsyncGenerator[ChatEvent]:
        """The same by the Responses API, whatever the endpoint prefers. Raises FoundryError."""
        return self._events(ChatCall(target, request, Api.RESPONSES, store=self._store), read_completion, retry)

    async def embed(self, target: Target, request: EmbeddingRequest, *, retry: RetryPolicy | None = None) -> Embeddings:
        """One vector for each input. Raises FoundryError."""
        found: Embeddings = await last_event(self.embedding_events(target, request, retry=retry))
        return found

    def embedding_events(
        self,
        target: Target,
        request: EmbeddingRequest,
        *,
        retry: RetryPolicy | None = None,
        renew: RenewTarget | None = None,
    ) -> AsyncGenerator[EmbeddingEvent]:
        """The same, with the waits as they begin. Raises FoundryError, and what `renew` does.

        That a deployment makes none is remembered, until it does.
        """
        return self._embedding_events(EmbeddingCall(target, request), retry, renew)

    async def deployments(self, target: Target) -> list[ListedDeployment] | None:
        """The real deployments of the resource or project; None where the service gives no list."""

        async def read(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Any]:
            yield await read_data(answer, context, deployments.page_of_deployments)

        url, found = target.endpoint.listing_url, list[ListedDeployment]()
        for _ in range(MOST_PAGES):
            if url is None or not url.startswith(f"{target.endpoint.origin}/"):
                break
            try:
                page, url = await self._last_event(ListCall(target, url), read, ONCE)
            except FoundryError:
                return found or None
            found += page
        return found

    async def agents(self, target: Target) -> list[ListedAgent] | None:
        """The agents of a project, in their newest versions; None where the service gives no list."""

        async def read(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Any]:
            yield await read_data(answer, context, agent_list.page_of_agents)

        first = agent_list.agents_url(target.endpoint)
        url, found = first, list[ListedAgent]()
        for _ in range(MOST_PAGES):
            if url is None:
                break
            try:
                page, last = await self._last_event(ListCall(target, url), read, ONCE)
            except FoundryError:
                return found or None
            found += page
            url = f"{first}&after={quote(last, safe='')}" if last else None
        return found if first else None

    async def agent(self, target: Target) -> ListedAgent | None:
        """The agent that the address of a connection names; None where the service does not tell."""

        async def read(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Any]:
            yield await read_data(answer, context, agent_list.agent_of)

        url = agent_list.agents_url(target.endpoint, name) if (name := target.endpoint.agent_name) else None
        with suppress(FoundryError):
            found: ListedAgent | None = await self._last_event(ListCall(target, url), read, ONCE) if url else None
            return found
        return None

    async def test(self, target: Target, model: str, embed: str = "") -> TestResult:
        """One tiny chat call, or a text to embed, and what to do when it fails. Never raises FoundryError, the result
        carries it."""
        if embed:
            return await diagnosis.diagnose_embedding(self, target, model, embed)
        return await diagnosis.diagnose(self, target, model)

    async def aclose(self) -> None:
        await self._services.transport.aclose()
        await self._services.tokens.aclose()
        await self._services.keys.aclose()

    def _events(
        self, call: ModelCall, read: ReadEvents, retry: RetryPolicy | None, renew: RenewTarget | None = None
    ) -> AsyncGenerator[Any]:
        return ModelExchange(self._services, call, read, retry or self._retry, renew).events()

    async def _embedding_events(
        self, call: EmbeddingCall, retry: RetryPolicy | None, renew: RenewTarget | None
    ) -> AsyncGenerator[EmbeddingEvent]:
        try:
            async with aclosing(self._events(call, read_embeddings, retry, renew)) as events:
                async for event in events:
                    yield event
        except FoundryError as error:
            if speaks_another_api(error):
                await self._remember_embeddings(call, NONE_MADE, error.raw)
            raise
        if await self._makes_none(call):
            await self._remember_embeddings(call, SOME_MADE, "")

    async def _makes_none(self, call: EmbeddingCall) -> bool:
        """Whether that is what was learnt."""
        lessons = await self._services.memory.lessons(call.target.endpoint.url, call.model)
        return learnt_way(lessons, EMBEDDINGS) == NONE_MADE

    async def _remember_embeddings(self, call: EmbeddingCall, makes: str, said: str) -> None:
        lesson = Lesson(EMBEDDINGS, makes, said, self._services.clock())
        await self._services.memory.learn(call.target.endpoint.url, call.model, lesson)

    async def _last_event(self, call: ModelCall, read: ReadEvents, retry: RetryPolicy | None) -> Any:
        """The result of a call that does not stream."""
        return await last_event(self._events(call, read, retry))


async def read_embeddings(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[Embeddings]:
    made = await read_data(answer, context, embeddings.embeddings_fields)
    yield Embeddings(**made, request_id=request_id(answer.headers), status=answer.status, url=context.url)


async def last_event(events: AsyncGenerator[Any]) -> Any:
    result = None
    async with aclosing(events):
        async for event in events:
            result = event
    return result
