"""Who calls: `Authorization: Bearer ffk_…`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from flows import engine
from flows.api.problems import ApiProblem
from foundryflow.models import ApiKey

FRESH = 3.0  # seconds that a key is not looked up again; a revoked one works that long
MOST = 1_000  # keys remembered


class KeyAuth(HttpBearer):
    """Lets a key in that has the scope, as long as its person may do what the scope is for."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        # That of HttpBearer logs a header it does not understand while debugging, and a key may be in it.
        token = token_of(request)
        return self.authenticate(request, token) if token else None

    async def authenticate(self, request: HttpRequest, token: str) -> Any:
        key = await find_key(token)
        if key is None:
            return None
        if not key.may(self.scope):
            raise ApiProblem(403, f"The key {key.name} lacks the scope {self.scope}.")
        if not key.person_may(self.scope):
            raise ApiProblem(403, f"The key {key.name} belongs to somebody who may only read.")
        return key


def token_of(request: HttpRequest) -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def key_end(request: HttpRequest) -> None:
    """Returns once the key of a call lets nobody in any more: whoever follows a run with it is sent nothing more."""
    token = token_of(request)
    while await find_key(token):  # noqa: ASYNC110 - the database does not say so by itself
        await asyncio.sleep(FRESH)


_known: dict[str, tuple[float, ApiKey]] = {}


async def find_key(token: str) -> ApiKey | None:
    # By digest, so that no key stays in memory.
    name = hashlib.sha256(token.encode()).hexdigest()
    read_at, key = _known.get(name, (0.0, None))
    if key is not None and time.monotonic() - read_at < FRESH:
        return key
    found: ApiKey | None = await engine.run_job(lambda: look_up_key(token))
    if len(_known) > MOST:
        _known.clear()
    if found is None:
        _known.pop(name, None)
    else:
        _known[name] = time.monotonic(), found
    return found


def look_up_key(token: str) -> ApiKey | None:
    key = ApiKey.objects.find(token)
    if key is not None:
        key.note_use()
    return key


def forget_keys() -> None:
    """For tests: keys of another database."""
    _known.clear()
