"""The front door of the server: nobody holds it open, and small pieces go through it at once."""

import asyncio
import logging
import socket
import time
from contextlib import asynccontextmanager

import pytest
import uvicorn

from foundryflow import listener
from foundryflow.logs import MOST, RepeatFilter

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def answer(scope, receive, send):
    """Answers with the body; a path /stream gets pieces for half a second, /long an answer after as long."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/long":
        await asyncio.sleep(0.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/stream":
        for _ in range(10):
            await send({"type": "http.response.body", "body": b"piece ", "more_body": True})
            await asyncio.sleep(0.05)
    if scope["path"] == "/much":
        for _ in range(200):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def door():
    """A server with short limits; gives its port."""
    bound_socket = listener.listen("127.0.0.1", 0)
    assert bound_socket
    config = uvicorn.Config(answer, http=listener.Protocol, lifespan="off", log_level="critical", backlog=64)
    server = uvicorn.Server(config)
    server.capture_signals = no_signals
    serving = asyncio.create_task(server.serve(sockets=[bound_socket]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield bound_socket.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


class no_signals:
    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


@pytest.fixture(autouse=True)
def short_limits(monkeypatch):
    monkeypatch.setattr(listener, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(listener, "BODY_SECONDS", 0.3)
    monkeypatch.setattr(listener, "UNREAD_SECONDS", 0.3)
    monkeypatch.setattr(listener, "connection_bound", lambda: 5)


async def speak(port, *pieces, pause=0.0):
    """What the server answers until it closes the connection, to pieces said one after the other."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(pause)
    async with asyncio.timeout(5):
        said = await reader.read()
    writer.close()
    return said


async def test_a_head_that_does_not_end_is_answered_408_and_a_silent_connection_is_closed():
    async with door() as port:
        assert b" 408 " in await speak(port, HEAD)
        assert await speak(port) == b""


async def test_a_body_that_does_not_come_is_answered_408():
    async with door() as port:
        said = await speak(port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
        assert b" 408 " in said
        assert b"did not come in time" in said


async def test_a_head_that_drips_is_ended_though_each_byte_comes_in_time():
    async with door() as port, asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ended = asyncio.create_task(reader.read())
        for byte in HEAD:
            if not ended.done():
                writer.write(bytes([byte]))
                await asyncio.sleep(0.05)
        assert b" 408 " in await ended
        writer.close()


async def test_a_head_without_end_is_refused_before_it_fills_the_memory():
    async with door() as port:
        assert b" 431 " in await speak(port, HEAD + b"X-Long: " + b"x" * 66_000)


async def test_streams_and_long_answers_live_on():
    async with door() as port:
        streamed = await speak(port, b"GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert streamed.count(b"piece") == 10
        assert b" 200 " in await speak(port, b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


async def test_a_kept_connection_may_rest_longer_than_a_head_may_take():
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(2):
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
            assert b" 200 " in await reader.readuntil(b"0\r\n\r\n")
            await asyncio.sleep(0.4)
        writer.close()


async def test_an_answer_that_nobody_reads_is_given_up():
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_000)
        writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(1)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(30_000_000)
        writer.close()


async def test_half_open_connections_make_room_for_whoever_asks():
    async with door() as port:
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        assert b" 200 " in await speak(port, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        for _, writer in silent:
            writer.close()


async def test_when_every_place_is_at_work_another_connection_gets_a_sentence():
    async with door() as port:
        work = b"GET /long HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        working = [asyncio.create_task(speak(port, work)) for _ in range(5)]
        await asyncio.sleep(0.2)
        said = await speak(port, work)
        assert b" 503 " in said
        assert b"retry-after: 5" in said.lower()
        assert all(b" 200 " in answer for answer in await asyncio.gather(*working))


async def test_small_pieces_do_not_wait_for_an_acknowledgement():
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        times = []
        for _ in range(15):
            began = time.perf_counter()
            writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
            await reader.readuntil(b"0\r\n\r\n")
            times.append(time.perf_counter() - began)
        writer.close()
    assert sorted(times)[7] < 0.03


def test_every_listener_names_its_protocol_so_that_asyncio_switches_nagle_off():
    bound_socket = listener.listen("127.0.0.1", 0)
    assert bound_socket
    with bound_socket:
        assert bound_socket.proto == socket.IPPROTO_TCP
        bound_socket.listen()
        assert listener.listen("127.0.0.1", bound_socket.getsockname()[1]) is None


def test_a_thing_that_goes_wrong_a_thousand_times_is_said_some_times_and_then_counted(monkeypatch):
    clock = iter([100.0] * 1_000 + [200.0])
    monkeypatch.setattr("foundryflow.logs.time.monotonic", lambda: next(clock))
    repeats = RepeatFilter()
    records = [logging.LogRecord("asyncio", 40, "a.py", 7, "no files", (), None) for _ in range(1_001)]
    passed = [record for record in records if repeats.filter(record)]
    assert len(passed) == MOST + 1
    assert passed[-1].getMessage() == f"no files ({1_000 - MOST} more like it were left out)"
