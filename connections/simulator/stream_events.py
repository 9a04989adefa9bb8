"""Events of a stream: where they break off on purpose, and the bytes they become.

A stream may be cut, may report an error, may hang; and its bytes may have every form that parsers must bear.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from connections.simulator.echoes import place_of


@dataclass(frozen=True)
class StreamEvent:
    """`data` is JSON, or text such as [DONE]. `part` marks the pieces of the answer."""

    data: dict[str, Any] | str
    name: str = ""
    part: bool = False


@dataclass(frozen=True)
class RawBytes:
    """Bytes that are no whole event."""

    data: bytes


class DropConnection:
    """The connection breaks here."""


class HoldOpen:
    """Nothing more comes, and nothing ends."""


Step = StreamEvent | RawBytes | DropConnection | HoldOpen

FAILURE = {"code": "server_error", "message": "The model failed (simulated)."}
# Of Responses: seen live, an object inside; in the specification, flat.
NESTED_ERROR = {"type": "error", "error": {"type": "server_error", **FAILURE, "param": None}}
FLAT_ERROR = {"type": "error", **FAILURE, "param": None}

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded (simulated)"}}


@dataclass(frozen=True)
class Break:
    """What stands where the second half of an answer would begin, by API."""

    chat: tuple[Step, ...] = ()
    responses: tuple[Step, ...] = ()
    messages: tuple[Step, ...] = ()


# Deployment -> how its streams break off.
BREAKS: dict[str, Break] = {
    "cut-stream": Break(),
    "cut-in-word": Break(
        (RawBytes(b'data: {"choices": [{"delta": {"content": "simul'),),
        (RawBytes(b'data: {"type": "response.output_text.delta", "delta": "simul'),),
        (RawBytes(b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {"text": "simul'),),
    ),
    "error-in-stream": Break(
        (StreamEvent({"error": FAILURE}),), (StreamEvent(NESTED_ERROR, "error"),), (StreamEvent(OVERLOADED, "error"),)
    ),
    "event-error": Break(
        (StreamEvent({"error": FAILURE}, "error"),),
        (StreamEvent(FLAT_ERROR, "error"),),
        (StreamEvent({"error": FAILURE}, "error"),),
    ),
    "drop-in-stream": Break((DropConnection(),), (DropConnection(),), (DropConnection(),)),
    "hang-in-stream": Break((HoldOpen(),), (HoldOpen(),), (HoldOpen(),)),
}


def events_with_fault(deployment: str, events: Iterable[StreamEvent], api: str, echo: str = "") -> Iterator[Step]:
    """The events, with what goes wrong at this deployment."""
    if place_of(deployment) == "stream":
        yield from list(events)[:2]
        failure = {"code": echo, "message": f"The model failed for {echo}."}
        yield StreamEvent({"type": "error", "error": failure}, "error")
        return
    if deployment not in BREAKS:
        yield from events
        if deployment == "held-open":
            yield HoldOpen()
        return
    known = list(events)
    parts = [at for at, event in enumerate(known) if event.part]
    yield from known[: parts[max(1, len(parts) // 2) % len(parts)]] if parts else known[:1]
    yield from getattr(BREAKS[deployment], api)


def lines(event: StreamEvent, text: str) -> list[str]:
    return [*([f"event: {event.name}"] if event.name else []), f"data: {text}", "", ""]


def plain_bytes(event: StreamEvent) -> bytes:
    return event_bytes("\n", event, text_of(event))


def event_bytes(end: str, event: StreamEvent, text: str) -> bytes:
    # A prompt may carry half a character, which JSON allows and UTF-8 does not.
    return end.join(lines(event, text)).encode(errors="replace")


def with_ends(end: str) -> Callable[[StreamEvent], list[bytes]]:
    return lambda event: [event_bytes(end, event, text_of(event))]


def text_of(event: StreamEvent, **options: Any) -> str:
    return event.data if isinstance(event.data, str) else json.dumps(event.data, ensure_ascii=False, **options)


def byte_by_byte(event: StreamEvent) -> list[bytes]:
    return [bytes([byte]) for byte in plain_bytes(event)]


def with_comments(event: StreamEvent) -> list[bytes]:
    return [b": keep-alive\n\n", b"id: 1\nretry: 3000\n" + plain_bytes(event)]


def over_lines(event: StreamEvent) -> list[bytes]:
    """One event, several data lines: the parser joins them."""
    data = text_of(event, indent=1).replace("\n", "\ndata: ")
    return [event_bytes("\n", event, data)]


def without_space(event: StreamEvent) -> list[bytes]:
    return [plain_bytes(event).replace(b"data: ", b"data:", 1)]


# Deployment -> the chunks that one event becomes.
FORMS: dict[str, Callable[[StreamEvent], list[bytes]]] = {
    "crlf": with_ends("\r\n"),
    "cr": with_ends("\r"),
    "split-bytes": byte_by_byte,
    "comments": with_comments,
    "multi-data": over_lines,
    "no-blank": without_space,
}


def chunks_of(deployment: str, event: StreamEvent) -> list[bytes]:
    form = FORMS.get(deployment)
    return form(event) if form else [plain_bytes(event)]
