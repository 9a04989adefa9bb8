"""Writes HTTP answers; every one says that it is simulated."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

RATE_LIMITS = {
    "x-ratelimit-limit-requests": "1000",
    "x-ratelimit-remaining-requests": "999",
    "x-ratelimit-limit-tokens": "100000",
    "x-ratelimit-remaining-tokens": "99000",
}


class AnswerWriter:
    """One HTTP answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._more: dict[str, str] = {}

    def add(self, headers: Mapping[str, str]) -> None:
        """Headers for whatever comes of it."""
        self._more.update(headers)

    async def begin(self, status: int, kind: str, more: Mapping[str, str] | None = None) -> None:
        headers = {
            **({"content-type": kind} if kind else {}),
            "x-simulated": "true",
            "apim-request-id": str(uuid.uuid4()),
            "x-ms-region": "Simulated",
            **RATE_LIMITS,
            **self._more,
            **(more or {}),
        }
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def send_body(self, body: bytes, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})

    async def end(self) -> None:
        await self.send_body(b"", more=False)

    async def text(self, status: int, kind: str, text: str, more: Mapping[str, str] | None = None) -> None:
        await self.begin(status, kind, more)
        await self.send_body(text.encode(), more=False)

    async def json(self, data: Any, status: int = 200, more: Mapping[str, str] | None = None) -> None:
        await self.text(status, "application/json", json.dumps(data), more)

    async def refuse(self, refusal: SimulatedRefusal) -> None:
        if refusal.body is None:
            await self.text(refusal.status, "text/plain", "", refusal.headers)
        else:
            await self.json(refusal.body, refusal.status, refusal.headers)

    async def give(self, found: dict[str, Any] | SimulatedRefusal) -> None:
        """JSON, or why there is none."""
        await (self.refuse(found) if isinstance(found, SimulatedRefusal) else self.json(found))

    def drop(self) -> bool:
        """Closes the connection as it stands. False without a server below, in a test for instance."""
        # ASGI has no word for this: uvicorn turns an exception into a polite 500. Its `send` knows the transport.
        transport = getattr(getattr(self._send, "__self__", None), "transport", None)
        if transport is None:
            return False
        transport.abort()
        return True
