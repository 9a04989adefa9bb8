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
class Event:
    """`data` is JSON, or text such as [DONE]. `part` marks the pieces of the answer."""

    data: dict[str, Any] | str
    name: str = ""
    part: bool = False


@dataclass(frozen=True)
class Raw:
    """Bytes that are no whole event."""

    data: bytes


class Drop:
    """The connection breaks here."""


class Hold:
    """Nothing more comes, and nothing ends."""


Step = Event | Raw | Drop | Hold

FAILURE = {"code": "server_error", "message": "The model failed (simulated)."}
# Of Responses: seen live, an object inside; in the specification, flat.
NESTED_ERROR = {"type": "error", "error": {"type": "server_error", **FAILURE, "param": None}}
FLAT_ERROR = {"type": "error", **FAILURE, "param": None}

# Deployment -> what stands where the second half of the answer would begin: for chat, for Responses.
BREAKS: dict[str, tuple[tuple[Step, ...], tuple[Step, ...]]] = {
    "cut-stream": ((), ()),
    "cut-in-word": (
        (Raw(b'data: {"choices": [{"delta": {"content": "simul'),),
        (Raw(b'data: {"type": "response.output_text.delta", "delta": "simul'),),
    ),
    "error-in-stream": ((Event({"error": FAILURE}),), (Event(NESTED_ERROR, "error"),)),
    "event-error": ((Event({"error": FAILURE}, "error"),), (Event(FLAT_ERROR, "error"),)),
    "drop-in-stream": ((Drop(),), (Drop(),)),
    "hang-in-stream": ((Hold(),), (Hold(),)),
}


def spoiled(deployment: str, events: Iterable[Event], responses: bool, echo: str = "") -> Iterator[Step]:
    """The events, with what goes wrong at this deployment."""
    if place_of(deployment) == "stream":
        yield from list(events)[:2]
        failure = {"code": echo, "message": f"The model failed for {echo}."}
        yield Event({"type": "error", "error": failure}, "error")
        return
    if deployment not in BREAKS:
        yield from events
        if deployment == "held-open":
            yield Hold()
        return
    known = list(events)
    parts = [at for at, event in enumerate(known) if event.part]
    yield from known[: parts[max(1, len(parts) // 2) % len(parts)]] if parts else known[:1]
    yield from BREAKS[deployment][responses]


def lines(event: Event, text: str) -> list[str]:
    return [*([f"event: {event.name}"] if event.name else []), f"data: {text}", "", ""]


def plain(event: Event) -> bytes:
    return joined("\n", event, text_of(event))


def joined(end: str, event: Event, text: str) -> bytes:
    # A prompt may carry half a character, which JSON allows and UTF-8 does not.
    return end.join(lines(event, text)).encode(errors="replace")


def with_ends(end: str) -> Callable[[Event], list[bytes]]:
    return lambda event: [joined(end, event, text_of(event))]


def text_of(event: Event, **options: Any) -> str:
    return event.data if isinstance(event.data, str) else json.dumps(event.data, ensure_ascii=False, **options)


def byte_by_byte(event: Event) -> list[bytes]:
    return [bytes([byte]) for byte in plain(event)]


def with_comments(event: Event) -> list[bytes]:
    return [b": keep-alive\n\n", b"id: 1\nretry: 3000\n" + plain(event)]


def over_lines(event: Event) -> list[bytes]:
    """One event, several data lines: the parser joins them."""
    data = text_of(event, indent=1).replace("\n", "\ndata: ")
    return [joined("\n", event, data)]


def without_blank(event: Event) -> list[bytes]:
    return [plain(event).replace(b"data: ", b"data:", 1)]


# Deployment -> the chunks that one event becomes.
FORMS: dict[str, Callable[[Event], list[bytes]]] = {
    "crlf": with_ends("\r\n"),
    "cr": with_ends("\r"),
    "split-bytes": byte_by_byte,
    "comments": with_comments,
    "multi-data": over_lines,
    "no-blank": without_blank,
}


def chunks(deployment: str, event: Event) -> list[bytes]:
    form = FORMS.get(deployment)
    return form(event) if form else [plain(event)]
