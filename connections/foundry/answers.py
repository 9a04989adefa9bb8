"""An HTTP answer -> what it means, or why it means nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from connections.foundry import chat, messages_answers, responses
from connections.foundry.classify import error_of_answer
from connections.foundry.errors import ErrorKind, FoundryError, request_id, request_ids
from connections.foundry.json_parsing import parse_json
from connections.foundry.masking import Masker, MaskingWindow
from connections.foundry.routes import Api
from connections.foundry.sse import EventReader, EventTooLarge, ServerEvent
from connections.foundry.transport import LARGEST_REFUSAL, HttpAnswer
from connections.foundry.values import Completion, ErrorInAnswer, ProtocolError, TextDelta

MUCH = 256 * 1024  # bytes of an answer, beyond which it is masked in a thread
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
STREAM_BEGINS = (b"data:", b"event:", b"id:", b"retry:", b":")
LONGEST_BEGIN = 9  # bytes of the longest of them, behind the mark
GRACE = 0.2  # seconds a server may take to end a stream after its last event
ReadCompletion = Callable[[Any], dict[str, Any]]
COMPLETION_READERS: Mapping[Api, ReadCompletion] = {
    Api.CHAT: chat.completion_fields,
    Api.RESPONSES: responses.completion_fields,
    Api.MESSAGES: messages_answers.completion_fields,
}


class AttemptFailed(Exception):
    """An attempt failed; carries what decides about another."""

    def __init__(self, error: FoundryError, headers: Mapping[str, str], final: bool) -> None:
        super().__init__(error.message)
        self.error, self.headers, self.final = error, headers, final


class StreamAssembler(Protocol):
    is_done: bool

    @property
    def has_begun(self) -> bool: ...

    @property
    def is_whole(self) -> bool: ...

    def feed(self, event: ServerEvent) -> Iterator[TextDelta]: ...

    def fields(self) -> dict[str, Any]: ...


ASSEMBLERS: Mapping[Api, Callable[[], StreamAssembler]] = {
    Api.CHAT: chat.ChatAssembler,
    Api.RESPONSES: responses.ResponseAssembler,
    Api.MESSAGES: messages_answers.MessageAssembler,
}


@dataclass(frozen=True, slots=True)
class AnswerContext:
    """What is known about the call whose answer is read. `masker` knows what must not come back."""

    url: str
    model: str
    host: str
    masker: Masker

    def error(self, status: int, text: str, headers: Mapping[str, str]) -> FoundryError:
        return error_of_answer(status, text, headers, model=self.model, masker=self.masker, host=self.host)

    def unreadable(self, answer: HttpAnswer, why: object, text: str) -> AttemptFailed:
        error = FoundryError(
            ErrorKind.PROTOCOL,
            f"The answer cannot be read: {why}.",
            "Is this the endpoint of a model?",
            status=answer.status,
            request_id=request_id(answer.headers),
            raw=self.masker.text(text),
        )
        return AttemptFailed(error, {}, final=True)


async def failure_of(answer: HttpAnswer, context: AnswerContext) -> AttemptFailed:
    """Why an answer is none, of any status but 200."""
    if 300 <= answer.status < 400:
        error = FoundryError(
            ErrorKind.PROTOCOL,
            f"{answer.status}: {context.host} redirects elsewhere, which is not followed.",
            "Paste the address it redirects to.",
            status=answer.status,
        )
        return AttemptFailed(error, {}, final=True)
    read = await answer.beginning()
    text = read[:LARGEST_REFUSAL].decode("utf-8", "replace")
    if len(read) > LARGEST_REFUSAL:
        text = mask_cut_text(text, context)
    return AttemptFailed(context.error(answer.status, text, answer.headers), answer.headers, final=False)


def mask_cut_text(text: str, context: AnswerContext) -> str:
    """The beginning of an error. At its end it leaves out what may be the beginning of a secret."""
    return context.masker.window().feed(text)


async def read_data(answer: HttpAnswer, context: AnswerContext, read: Callable[[Any], Any]) -> Any:
    """What `read` makes of an answer in one piece."""
    body = await answer.body()
    text = body.decode("utf-8", "replace")
    try:
        made = read(parse_answer(text))
        if len(body) > MUCH:
            # Seconds, when somebody means harm; others go on meanwhile.
            return await asyncio.to_thread(mask_result, made, body, context.masker)
        return mask_result(made, body, context.masker)
    except ErrorInAnswer as error:
        raise reported_failure(error, answer, context, begun=False) from None
    except ProtocolError as error:
        raise context.unreadable(answer, error, text) from None


def mask_result(made: Any, body: bytes, masker: Masker) -> Any:
    """What was read from a body, without the secrets in it. The names of fields are ours."""
    if not masker.finds(body):
        return made
    return masker.fields(made) if isinstance(made, dict) else masker.value(made)


def parse_answer(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        raise ProtocolError("it is not JSON") from None


async def read_completion(
    answer: HttpAnswer, context: AnswerContext, api: Api
) -> AsyncGenerator[TextDelta | Completion]:
    """The events of a chat, streamed or at once: also of a server that does not stream although asked to."""
    if await is_stream(answer):
        assembler = ASSEMBLERS[api]()
        async with aclosing(read_stream(answer, context, assembler)) as deltas:
            async for delta in deltas:
                yield delta
        try:
            made = context.masker.fields(assembler.fields())
        except ProtocolError as error:
            raise context.unreadable(answer, error, "") from None
    else:
        made = await read_data(answer, context, COMPLETION_READERS[api])
        # Put together from parts, that may each hold a piece of a secret.
        made |= {name: context.masker.text(made[name]) for name in ("text", "refusal", "reasoning") if made[name]}
        if made["text"]:
            yield TextDelta(made["text"])
    ids = request_ids(answer.headers)
    yield Completion(
        **made, request_id=next(iter(ids.values()), None), status=answer.status, url=context.url, request_ids=ids
    )


async def is_stream(answer: HttpAnswer) -> bool:
    """By its first bytes: some services name no type of their streams, or a wrong one."""
    if "event-stream" in answer.headers.get("content-type", ""):
        return not (await answer.peek(1)).startswith((b"{", b"["))
    return (await answer.peek(LONGEST_BEGIN)).removeprefix(BYTE_ORDER_MARK).startswith(STREAM_BEGINS)


async def read_stream(
    answer: HttpAnswer, context: AnswerContext, assembler: StreamAssembler
) -> AsyncGenerator[TextDelta]:
    """The text of a stream. Once some was shown nothing is tried again. Raises AttemptFailed."""
    reader, window = EventReader(), context.masker.window()
    try:
        async with aclosing(answer.chunks()) as chunks:
            async for chunk in chunks:
                for event in reader.feed(chunk):
                    for delta in assembler.feed(event):
                        if text := window.feed(delta.text):
                            yield TextDelta(text)
                if assembler.is_done:
                    if text := window.finish():
                        yield TextDelta(text)
                    await drain(chunks)
                    return
    except (ErrorInAnswer, ProtocolError, EventTooLarge, FoundryError) as error:
        # A connection that breaks after the last word takes nothing away.
        if not (isinstance(error, FoundryError) and assembler.is_whole):
            raise stream_failure(error, answer, context, begun=assembler.has_begun) from None
    for text in remaining_text(reader, assembler, window):
        yield TextDelta(text)
    if not assembler.is_whole:
        raise cut_stream(answer)


def stream_failure(error: Exception, answer: HttpAnswer, context: AnswerContext, *, begun: bool) -> AttemptFailed:
    """What broke a stream off: an error that the service reports, bytes that are none, or the connection."""
    if isinstance(error, ErrorInAnswer):
        return reported_failure(error, answer, context, begun=begun)
    if isinstance(error, FoundryError):
        return AttemptFailed(error, {}, final=begun)
    broken = FoundryError(
        ErrorKind.PROTOCOL,
        f"The stream is broken: {broken_stream_detail(error, context.masker)}",
        "Try again.",
        status=answer.status,
        request_id=request_id(answer.headers),
    )
    return AttemptFailed(broken, {}, final=True)


def cut_stream(answer: HttpAnswer) -> AttemptFailed:
    cut = FoundryError(
        ErrorKind.TRUNCATED,
        "The stream ended before the answer was finished.",
        "Try again.",
        status=answer.status,
        request_id=request_id(answer.headers),
    )
    return AttemptFailed(cut, {}, final=True)


async def drain(chunks: AsyncGenerator[bytes]) -> None:
    """Reads to the end, so that the connection can be used again, but waits for no server that holds it open."""
    with suppress(TimeoutError, FoundryError):
        async with asyncio.timeout(GRACE):
            async for _ in chunks:
                pass


def remaining_text(reader: EventReader, assembler: StreamAssembler, window: MaskingWindow) -> Iterator[str]:
    """What the last line says although no line end follows. Half a line is a cut stream, not a broken one."""
    with suppress(ProtocolError, ErrorInAnswer):
        for event in reader.finish():
            yield from filter(None, (window.feed(delta.text) for delta in assembler.feed(event)))
    # The end of a text that was cut may be the beginning of a secret.
    if assembler.is_whole and (text := window.finish()):
        yield text


def broken_stream_detail(error: Exception, masker: Masker) -> str:
    """Why a stream cannot be read, with the beginning of what came instead."""
    said = masker.text(error.said)[:100] if isinstance(error, ProtocolError) else ""
    return f"{error}: {said!r}" if said else str(error)


def reported_failure(error: ErrorInAnswer, answer: HttpAnswer, context: AnswerContext, *, begun: bool) -> AttemptFailed:
    """An error that came with status 200."""
    text = (
        error.text if len(error.text) <= LARGEST_REFUSAL else context.masker.window().feed(error.text[:LARGEST_REFUSAL])
    )
    typed = context.error(reported_status(error.text), text, answer.headers)
    return AttemptFailed(typed, answer.headers, final=begun)


STATUSES = {
    "rate_limit_exceeded": 429,
    "too_many_requests": 429,
    "insufficient_quota": 429,
    "content_filter": 400,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    # Of the Messages API
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def reported_status(text: str) -> int:
    """An error inside an answer has no status of its own; its code may be one, else it is the service's."""
    try:
        data = parse_json(text)
        error = data.get("error") or data
        said = [str(error.get(name) or "") for name in ("code", "status", "statusCode", "type")]
    except (ValueError, AttributeError):
        return 500
    numbers = [int(each) for each in said if re.fullmatch("[45][0-9]{2}", each)]
    return next(iter([*numbers, *(STATUSES[each] for each in said if each in STATUSES)]), 500)
