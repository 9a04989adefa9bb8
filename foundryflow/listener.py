"""The front door: listening sockets, and a protocol of uvicorn that does not wait for ever.

uvicorn alone limits neither the time in which a request has to come nor the number of connections that say nothing.
Another way to start the server takes the same protocol: `uvicorn --http foundryflow.listener:Protocol`.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from enum import Enum, auto
from functools import cache
from http import HTTPStatus
from typing import Any

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0  # from the first byte that could come to the end of the headers
LONGEST_HEAD = 65_536  # bytes
BODY_SECONDS = 30.0  # that a body may take in any case
SLOWEST_BODY = 8_192  # bytes a second after that
UNREAD_SECONDS = 60.0  # that an answer waits for a client that reads nothing of it
KEEP_ALIVE_SECONDS = 75  # that a kept connection rests; longer than the 60 s of common proxies, so that they end it
MOST_FILES = 65_536
BACKLOG = 128  # also connections that are accepted in one go, before any of them is counted
SHARE_OF_FILES = 2  # the other half is left to connections to models, to the database and to files themselves
SENTENCES = {
    408: b"The request did not come in time.",
    431: b"The head of the request is too long.",
    503: b"The server has no place for another connection.",
}
PROBES_AFTER, BETWEEN_PROBES, PROBES = 60, 15, 4  # seconds and number: TCP finds peers that went without a word


def listen(host: str, port: int) -> socket.socket | None:
    """A bound socket for a server to listen on, or None when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol number is named. With it each answer on a kept
    # connection waits some 40 ms for a delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        return None
    listener.set_inheritable(True)
    return listener


def raise_file_limit() -> None:
    """Lets this process open as many files as the system lets it, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@cache
def connection_bound() -> int:
    """How many connections a server holds: the setting, or fewer where the process may not open enough files."""
    most: int = settings.CONNECTIONS
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if soft == resource.RLIM_INFINITY else min(most, soft // SHARE_OF_FILES)


class RequestPart(Enum):
    """What of a request is to come next."""

    HEAD = auto()
    BODY = auto()
    NOTHING = auto()  # it is complete; its answer is under way


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 with time limits for head, body and unread answers, and a bound on connections.

    To make room the connection is ended that has kept the server waiting for longest. One with a complete request is
    never ended, however long its answer or event stream takes.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.awaits = RequestPart.HEAD
        self.waits_since = self.loop.time()
        self._length = 0  # bytes of that part that have come
        self._request_timer: asyncio.TimerHandle | None = None
        self._answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        watch_peer(transport.get_extra_info("socket"))
        self._watch_request()
        if len(self.connections) > connection_bound():
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_request_timer()
        self._cancel_answer_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.awaits is RequestPart.NOTHING:
            self._cancel_request_timer()
            return
        self._length += len(data)
        if self.awaits is RequestPart.HEAD and self._length > LONGEST_HEAD:
            self.end(431)
        elif self._request_timer is None and not self.transport.is_closing():
            self._watch_request()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await(RequestPart.HEAD)

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._await(RequestPart.BODY)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self.awaits = RequestPart.NOTHING

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.awaits is RequestPart.NOTHING and not self.pipeline:
            self._await(RequestPart.HEAD)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._answer_timer is None:
            self._answer_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._cancel_answer_timer()

    def _await(self, part: RequestPart) -> None:
        self.awaits, self.waits_since, self._length = part, self.loop.time(), 0

    def _watch_request(self) -> None:
        self._request_timer = self.loop.call_later(HEAD_SECONDS, self._look_at_request)

    def _look_at_request(self) -> None:
        """Ends the connection when its request is late, else looks again when it would be."""
        now = self.loop.time()
        if self.awaits is RequestPart.BODY and self.flow.read_paused:  # it is the server that lets the body wait
            self.waits_since = now
        allowed = HEAD_SECONDS if self.awaits is RequestPart.HEAD else BODY_SECONDS + self._length / SLOWEST_BODY
        if (left := self.waits_since + allowed - now) > 0:
            self._request_timer = self.loop.call_later(left, self._look_at_request)
        else:
            self.end(408)

    def _cancel_request_timer(self) -> None:
        if self._request_timer is not None:
            self._request_timer.cancel()
            self._request_timer = None

    def _cancel_answer_timer(self) -> None:
        if self._answer_timer is not None:
            self._answer_timer.cancel()
            self._answer_timer = None

    def _make_room(self) -> None:
        others = (one for one in self.connections if isinstance(one, Protocol) and one is not self)
        # An upload that is under way comes last.
        longest = min(
            (one for one in others if one.awaits is not RequestPart.NOTHING),
            key=lambda one: (one.awaits is RequestPart.BODY, one.waits_since),
            default=None,
        )
        if longest is not None:
            longest.end(503)
        else:
            self.end(503, unasked=True)

    def end(self, status: int, *, unasked: bool = False) -> None:
        """Ends the connection, with a sentence where a part of a request has come and its answer has not begun."""
        self._cancel_request_timer()
        self.connections.discard(self)
        answering = self.cycle is not None and not self.cycle.response_complete
        if answering:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        asked = self._length > 0 or self.awaits is RequestPart.BODY
        if (asked or unasked) and not (answering and self.cycle.response_started):
            sentence = SENTENCES[status]
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                b"retry-after: 5\r\nconnection: close\r\n\r\n%s"
                % (status, HTTPStatus(status).phrase.encode(), len(sentence), sentence)
            )
        self.transport.close()


def watch_peer(connection: socket.socket) -> None:
    """Small pieces go out at once, also where the listener was made by others; peers that vanished are found."""
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_KEEPIDLE"):  # macOS names it otherwise
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, PROBES_AFTER)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, BETWEEN_PROBES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, PROBES)
