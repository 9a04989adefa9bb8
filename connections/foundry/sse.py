"""Bytes -> server-sent events, incrementally.

Lines end with LF, CR or CRLF and nothing else: U+2028 and its like may stand raw inside JSON strings. Bytes may
be split anywhere, also inside a character, so whole lines are decoded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_EVENT = 16 * 1024 * 1024  # bytes
DONE = b"[DONE]"  # ends a stream; Microsoft's own simulator sends it without a field in front


class EventTooLarge(ValueError):
    """One event is larger than any answer may be."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    data: str
    event: str = ""


class EventReader:
    """Feed bytes, get the events that are complete."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []  # the line that is not complete yet, in pieces
        self._held = 0
        self._after_cr = False
        self._first = True
        self._data: list[str] = []
        self._event = ""
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[ServerEvent]:
        for line in self._lines(chunk):
            if event := self._line(line):
                yield event

    def finish(self) -> Iterator[ServerEvent]:
        """What a stream that ended without a blank line still holds."""
        rest, self._pending = b"".join(self._pending), []
        if rest and (event := self._line(rest)):
            yield event
        if event := self._line(b""):
            yield event

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        # A CR at the end of a chunk ends the line at once; an LF that opens the next chunk belongs to it.
        if self._after_cr and chunk:
            chunk, self._after_cr = chunk.removeprefix(b"\n"), False
        if not chunk:
            return
        self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        first, *lines = chunk.split(b"\n")
        self._pending.append(first)
        self._held += len(first)
        if self._held > LONGEST_EVENT:
            raise EventTooLarge("one event is larger than 16 MiB")
        for line in lines:
            whole, self._pending, self._held = b"".join(self._pending), [line], len(line)
            yield whole

    def _line(self, line: bytes) -> ServerEvent | None:
        if self._first:
            line, self._first = line.removeprefix(b"\xef\xbb\xbf"), False
        if not line:
            return self._dispatch()
        if line == DONE:
            event, self._data = self._dispatch(), [DONE.decode()]
            return event
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            self._size += len(value)
            if self._size > LONGEST_EVENT:
                raise EventTooLarge("one event is larger than 16 MiB")
            self._data.append(value.decode("utf-8", "replace"))
        elif field == b"event":
            self._event = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> ServerEvent | None:
        data, event = self._data, self._event
        self._data, self._event, self._size = [], "", 0
        return ServerEvent("\n".join(data), event) if data else None
