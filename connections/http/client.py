"""Sends requests to any service, by the rules about destinations that hold for connections."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from connections.foundry.destinations import Destinations
from connections.foundry.errors import FoundryError
from connections.foundry.transport import HttpAnswer, HttpTransport
from connections.http.messages import OutgoingRequest, ReceivedAnswer, RequestFailed


class HttpClient:
    """One of an event loop. Follows no redirect, keeps no cookie, uses no proxy."""

    def __init__(self, destinations: Destinations) -> None:
        self._transport = HttpTransport(destinations)

    async def send(self, request: OutgoingRequest) -> ReceivedAnswer:
        """Whatever the service answers, errors included. Raises RequestFailed."""
        # Small bodies can unfold to huge ones.
        headers = {"Accept": "*/*", "User-Agent": "FoundryFlow", **request.headers, "Accept-Encoding": "identity"}
        sending = self._transport.send_content(request.method, request.url, headers, request.content)
        try:
            async with asyncio.timeout(request.timeout), sending as answer:
                body = b"" if request.method == "HEAD" else await read_body(answer, request.most_bytes)
                return ReceivedAnswer(answer.status, answer.headers, body)
        except FoundryError as error:
            # It may repeat the URL.
            raise RequestFailed(error.kind.value, request.masker.text(error.message), error.hint) from None
        except TimeoutError:
            raise RequestFailed(
                "timeout",
                f"The answer took longer than {request.timeout:g} s.",
                "Raise the time limit, or check firewalls on the way.",
            ) from None

    async def aclose(self) -> None:
        await self._transport.aclose()


async def read_body(answer: HttpAnswer, most: int) -> bytes:
    """Raises RequestFailed, FoundryError."""
    if answer.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise RequestFailed("protocol", "The answer is compressed, though none such was asked for.")
    read = bytearray()
    async with aclosing(answer.chunks()) as chunks:
        async for chunk in chunks:
            read += chunk
            if len(read) > most:
                hint = "Ask for less, or raise the size limit."
                raise RequestFailed("too_large", f"The answer is larger than {most / 1_000_000:g} MB.", hint)
    return bytes(read)
