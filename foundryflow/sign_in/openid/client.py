"""Requests of this server to an identity provider: no redirects, bounded in time and size."""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from asgiref.sync import async_to_sync

from foundryflow.sign_in.openid.faults import nonsense, unreachable

LONGEST = 10.0  # seconds that a request may take in all
MOST = 1_000_000  # bytes of an answer
ACCEPT = {"Accept": "application/json"}


@dataclass(frozen=True)
class ProviderAnswer:
    status: int
    body: dict[str, Any]


def ask(name: str, method: str, url: str, **sent: Any) -> ProviderAnswer:
    """An answer of the provider in JSON, whatever its status. Raises ProviderFault."""
    where = url.partition("?")[0]
    try:
        status, raw = async_to_sync(fetch)(method, url, certificates(), **sent)
    except TimeoutError:
        raise unreachable(name, f"{where} took longer than {LONGEST:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise unreachable(name, f"{where}: {type(error).__name__}") from None
    if raw is None:
        raise nonsense(name, f"{where} answered more than {MOST:,} bytes")
    if 300 <= status < 400:
        raise nonsense(name, f"{where} answered with a redirect, which is not followed")
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        if status >= 500:
            raise unreachable(name, f"{where} answered {status}")
        raise nonsense(name, f"{where} answered {status} and no object in JSON")
    return ProviderAnswer(status, body)


@cache
def certificates() -> ssl.SSLContext:
    """Those that servers are checked by, read once; SSL_CERT_FILE may name others."""
    return httpx.create_ssl_context()


async def fetch(method: str, url: str, trusted: ssl.SSLContext, **sent: Any) -> tuple[int, bytes | None]:
    """The status and the body; None for one that is too large."""
    body = bytearray()
    async with (
        asyncio.timeout(LONGEST),
        httpx.AsyncClient(verify=trusted, follow_redirects=False, timeout=LONGEST, headers=ACCEPT) as client,
        client.stream(method, url, **{"auth": as_it_is, **sent}) as response,
    ):
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST:
                return response.status_code, None
        return response.status_code, bytes(body)


def as_it_is(request: httpx.Request) -> httpx.Request:
    """In place of what a .netrc of the machine would add."""
    return request
