"""The Foundry client: the one class that others use to talk to models."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from connections.endpoint import Endpoint
from connections.foundry.adapt import Lessons
from connections.foundry.auth import key_headers
from connections.foundry.chat import (
    Assembler,
    ChatRequest,
    Completion,
    ErrorInStream,
    Message,
    ProtocolError,
    TextDelta,
    Usage,
    Waiting,
    body_of,
    completion_of,
)
from connections.foundry.errors import ErrorKind, FoundryError, from_answer, masked, request_id
from connections.foundry.jsons import parsed
from connections.foundry.retry import RetryPolicy, asked_for
from connections.foundry.sse import EventReader, EventTooLarge
from connections.foundry.transport import Answer, Destinations, HttpTransport, Transport
from connections.secret import Secret

GRACE = 0.2  # seconds a server may take to end a stream after [DONE]
TEST_TOKENS = 16  # the least that every API accepts
ONCE = RetryPolicy(attempts=1)
ChatEvent = TextDelta | Waiting | Completion


@dataclass(frozen=True)
class Target:
    """A connection as the client needs it."""

    name: str
    endpoint: Endpoint
    key: Secret


@dataclass(frozen=True)
class TestResult:
    """What one tiny chat call brought. Times in milliseconds; `request` and `answer` hold no key."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    ok: bool
    url: str
    status: int | None
    latency_ms: float
    first_token_ms: float | None = None
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    text: str = ""
    request_id: str | None = None
    error: FoundryError | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    answer: str = ""


class Refused(Exception):
    """An attempt failed; carries what decides about another."""

    def __init__(self, error: FoundryError, headers: Mapping[str, str], final: bool) -> None:
        super().__init__(error.message)
        self.error, self.headers, self.final = error, headers, final


class FoundryClient:
    """Owns the transport, the clock and the policies. Belongs to one event loop."""

    def __init__(
        self,
        *,
        destinations: Destinations,
        transport: Transport | None = None,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._transport: Transport = transport or HttpTransport(destinations)
        self._retry = retry or RetryPolicy()
        self._clock = clock
        self._lessons = Lessons()

    async def chat(
        self, target: Target, request: ChatRequest, *, retry: RetryPolicy | None = None
    ) -> AsyncIterator[ChatEvent]:
        """Text as it comes, waits as they begin, the whole answer at last. Raises FoundryError."""
        policy = retry or self._retry
        url = target.endpoint.chat_url(request.model)
        if url is None:
            raise no_chat(target.endpoint)
        body = self._lessons.applied(url, request.model, body_of(target.endpoint, request))
        started, attempt = self._clock(), 1
        while True:
            try:
                async with aclosing(self._attempt(url, target, request.model, body)) as events:
                    async for event in events:
                        yield event
                return
            except Refused as refused:
                adapted = None if refused.final else self._lessons.learn(url, request.model, body, refused.error)
                if adapted is not None:
                    body = adapted
                    continue
                delay, reason = self._delay(policy, refused, attempt, started), refused.error.message
            yield Waiting(reason, self._clock() + delay, attempt)
            await asyncio.sleep(delay)
            attempt += 1

    def _delay(self, policy: RetryPolicy, refused: Refused, attempt: int, started: float) -> float:
        """Seconds until the next attempt; raises the error when there is none."""
        now = self._clock()
        delay = None
        if not refused.final:
            delay = policy.delay(attempt, refused.error, refused.headers, now, now - started)
        if delay is None:
            raise explained(refused, now) from None
        return delay

    async def _attempt(
        self, url: str, target: Target, model: str, body: Mapping[str, Any]
    ) -> AsyncGenerator[TextDelta | Completion]:
        key = target.key.reveal()
        try:
            async with self._transport.post(url, key_headers(target.endpoint, target.key), body) as answer:
                if answer.status != 200:
                    raise await refusal(answer, model, key, target.endpoint.host)
                kind = answer.headers.get("content-type", "")
                reading = streamed if "event-stream" in kind else at_once
                async with aclosing(reading(answer, url, model, target)) as events:
                    async for event in events:
                        yield event
        except FoundryError as error:
            raise Refused(error, {}, final=False) from None

    async def test(self, target: Target, model: str) -> TestResult:
        """One tiny chat call; never raises FoundryError, the result carries it."""
        request = ChatRequest(
            model, (Message("user", "Answer with one word: ready?"),), max_completion_tokens=TEST_TOKENS
        )
        url = target.endpoint.chat_url(model) or target.endpoint.url
        sent = {"url": url, "body": body_of(target.endpoint, request)}
        started, first = time.monotonic(), None
        try:
            async for event in self.chat(target, request, retry=ONCE):
                if isinstance(event, TextDelta) and first is None:
                    first = elapsed(started)
                if isinstance(event, Completion):
                    return TestResult(
                        True, url, event.status, elapsed(started), first, event.usage, event.model, event.text,
                        event.request_id, None, sent, json.dumps(event.raw, ensure_ascii=False, indent=2),
                    )  # fmt: skip
            error = FoundryError(ErrorKind.PROTOCOL, "The call ended without an answer.")
        except FoundryError as failed:
            error = failed
        if spent_its_budget(error):
            return TestResult(
                True,
                url,
                error.status,
                elapsed(started),
                request_id=error.request_id,
                request=sent,
                answer=error.raw,
            )
        return TestResult(
            False,
            url,
            error.status,
            elapsed(started),
            request_id=error.request_id,
            error=error,
            request=sent,
            answer=error.raw,
        )

    async def aclose(self) -> None:
        await self._transport.aclose()


def no_chat(endpoint: Endpoint) -> FoundryError:
    return FoundryError(
        ErrorKind.NOT_FOUND_ROUTE,
        f"This endpoint ({endpoint.label}) has no chat completions.",
        f"Use {endpoint.origin}/openai/v1 for chat.",
    )


async def refusal(answer: Answer, model: str, key: str, host: str) -> Refused:
    if 300 <= answer.status < 400:
        error = FoundryError(
            ErrorKind.PROTOCOL,
            f"{answer.status}: {host} redirects elsewhere, which is not followed.",
            "Paste the address it redirects to.",
            status=answer.status,
        )
        return Refused(error, {}, final=True)
    text = (await answer.body()).decode("utf-8", "replace")
    error = from_answer(answer.status, text, answer.headers, model=model, key=key, host=host)
    return Refused(error, answer.headers, final=False)


def explained(refused: Refused, now: float) -> FoundryError:
    """The error, with the wait the service asks for when that is why nothing is tried again."""
    error, asked = refused.error, asked_for(refused.headers, refused.error.raw, now)
    if error.kind is ErrorKind.RATE_LIMIT and asked is not None and asked >= 1:
        error.hint = f"The service asks to wait {asked:,.0f} s. {error.hint}"
    return error


async def streamed(answer: Answer, url: str, model: str, target: Target) -> AsyncGenerator[TextDelta | Completion]:
    """A streamed answer. Once text was shown nothing is tried again."""
    reader, assembler, key = EventReader(), Assembler(), target.key.reveal()
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    for delta in assembler.feed(event):
                        yield delta
                if assembler.done:
                    await finished(chunks)
                    break
    except ErrorInStream as error:
        typed = from_answer(
            error_status(error.text), error.text, answer.headers, model=model, key=key, host=target.endpoint.host
        )
        raise Refused(typed, answer.headers, final=assembler.begun) from None
    except (ProtocolError, EventTooLarge) as error:
        typed = FoundryError(
            ErrorKind.PROTOCOL, f"The stream is broken: {masked(str(error), key)}", "Try again.", status=200
        )
        raise Refused(typed, {}, final=True) from None
    except FoundryError as error:
        # A connection that breaks after the last word takes nothing away.
        if not assembler.whole:
            raise Refused(error, {}, final=assembler.begun) from None
    for delta in last_words(reader, assembler):
        yield delta
    if not assembler.whole:
        cut = FoundryError(
            ErrorKind.TRUNCATED, "The stream ended before the answer was finished.", "Try again.",
            status=200, request_id=request_id(answer.headers),
        )  # fmt: skip
        raise Refused(cut, {}, final=True)
    yield assembler.completion(status=answer.status, url=url, request_id=request_id(answer.headers))


async def finished(chunks: AsyncGenerator[bytes]) -> None:
    """Reads to the end, so that the connection can be used again, but waits for no server that holds it open."""
    with suppress(TimeoutError, FoundryError):
        async with asyncio.timeout(GRACE):
            async for _ in chunks:
                pass


def last_words(reader: EventReader, assembler: Assembler) -> Iterator[TextDelta]:
    """What the last line says although no line end follows. Half a line is a cut stream, not a broken one."""
    with suppress(ProtocolError, ErrorInStream):
        for event in reader.finish():
            yield from assembler.feed(event)


async def at_once(answer: Answer, url: str, model: str, target: Target) -> AsyncGenerator[TextDelta | Completion]:
    """An answer in one piece, also of a server that does not stream although asked to."""
    text = (await answer.body()).decode("utf-8", "replace")
    try:
        completion = completion_of(readable(text), status=answer.status, url=url, request_id=request_id(answer.headers))
    except ProtocolError as error:
        typed = FoundryError(
            ErrorKind.PROTOCOL,
            f"The answer cannot be read: {error}.",
            "Is this the endpoint of a model?",
            status=answer.status,
            raw=masked(text, target.key.reveal()),
        )
        raise Refused(typed, {}, final=True) from None
    if completion.text:
        yield TextDelta(completion.text)
    yield completion


def readable(text: str) -> Any:
    try:
        return parsed(text)
    except ValueError:
        raise ProtocolError("it is not JSON") from None


def error_status(text: str) -> int:
    """An error inside a stream has no status of its own; its code may be one, else it is the service's."""
    try:
        error = parsed(text).get("error") or {}
        code = str(error.get("code") or "")
    except (ValueError, AttributeError):
        return 500
    known = {"rate_limit_exceeded": 429, "content_filter": 400, "context_length_exceeded": 400}
    return int(code) if code.isdigit() and 400 <= int(code) < 600 else known.get(code, 500)


def elapsed(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def spent_its_budget(error: FoundryError) -> bool:
    """A reasoning model that used up the tiny budget has answered: the connection works."""
    return error.status == 400 and "model output limit was reached" in error.raw
