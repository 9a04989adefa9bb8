"""A stub of a model as cheap as can be, in a process of its own: `python -m benchmarks.stub` prints its port.

/openai/v1/... answers at once, or as a slow stream when asked to; /now/openai/v1/... streams without a pause;
/slow/openai/v1/... answers after a second; /long/openai/v1/... streams a word each 200 ms for four seconds.
"""

from __future__ import annotations

import asyncio
import json
import sys

WHOLE = json.dumps(
    {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 1,
        "model": "stub",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "word " * 60, "refusal": None},
                "finish_reason": "stop",
                "content_filter_results": {
                    name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "violence")
                },
            }
        ],
        "usage": {"prompt_tokens": 9, "completion_tokens": 60, "total_tokens": 69},
    }
).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(WHOLE)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
FIRST, BETWEEN, WORDS = 0.02, 0.005, 20  # seconds to the first word, between words, and how many


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    data = {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return chunk(b"data: %s\n\n" % json.dumps(data).encode())


class Stub(asyncio.Protocol):
    def __init__(self) -> None:
        self._held = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].lower()
            length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]) if b"content-length:" in head else 0
            if len(self._held) < end + 4 + length:
                return
            body, self._held = self._held[end + 4 : end + 4 + length], self._held[end + 4 + length :]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        if b"/slow/" in head.split(b"\r\n", 1)[0]:
            asyncio.get_running_loop().call_later(1, self._write, HEAD + WHOLE)
        elif b"/now/" in head.split(b"\r\n", 1)[0]:
            self._write(STREAM_HEAD + event({"content": "word"}) + event({}, "stop") + chunk(b"data: [DONE]\n\n") + END)
        elif b"/long/" in head.split(b"\r\n", 1)[0]:
            self._write(STREAM_HEAD)
            asyncio.get_running_loop().call_later(FIRST, self._word, 0, 0.2)
        elif b'"stream":true' in body.replace(b" ", b""):
            self._write(STREAM_HEAD)
            asyncio.get_running_loop().call_later(FIRST, self._word, 0)
        else:
            self._write(HEAD + WHOLE)

    def _word(self, at: int, between: float = BETWEEN) -> None:
        if at < WORDS:
            self._write(event({"content": "word "}))
            asyncio.get_running_loop().call_later(between, self._word, at + 1, between)
        else:
            self._write(event({}, "stop") + chunk(b"data: [DONE]\n\n") + END)

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # Ends with the benchmark, whose pipe this is.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
