"""Who calls: `Authorization: Bearer ffk_…`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from django.http import HttpRequest
from ninja.security import HttpBearer

from flows import engine
from flows.api.key_refusals import note_refusal, note_unknown_key
from flows.api.key_use import note_use
from flows.api.problems import ApiProblem
from foundryflow.models import ApiKey, ApiScope
from foundryflow.models.api_key import parts_of
from foundryflow.roles import may_run

FRESH = 3.0  # seconds that a key is not looked up again; a revoked one works that long
MOST = 1_000  # keys remembered


class KeyAuth(HttpBearer):
    """Lets a key in that has the scope, as long as its person may do what the scope is for."""

    def __init__(self, scope: ApiScope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> Any:
        # That of HttpBearer logs a header it does not understand while debugging, and a key may be in it.
        token = token_of(request)
        return self.authenticate(request, token) if token else None

    async def authenticate(self, request: HttpRequest, token: str) -> Any:
        key = await find_key(token)
        if key is None:
            if parts_of(token):
                note_unknown_key(request)
                raise ApiProblem(401, "There is no such key. Copy it again, or make another one under API keys.")
            return None
        note_use(key)
        if trouble := key.trouble():
            note_refusal(request, key, trouble_in_short(key))
            raise ApiProblem(401, trouble)
        if not key.may(self.scope):
            note_refusal(request, key, f"lacks “{self.scope.label}”")
            raise ApiProblem(403, f"The key {key.name} lacks the scope {self.scope}.")
        if not key.person_may(self.scope):
            note_refusal(request, key, "goes beyond the role of its person")
            raise ApiProblem(403, f"The key {key.name} belongs to somebody who {limit_of_person(key, self.scope)}.")
        return key


def token_of(request: HttpRequest) -> str:
    """The text of the key that came with the call; empty when none did."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def key_end(request: HttpRequest, scope: ApiScope, flow_id: int) -> None:
    """Returns once a new call with the key would be refused: whoever follows a run with it is sent nothing more."""
    token = token_of(request)
    while (key := await find_key(token)) and lets_follow(key, scope, flow_id):  # noqa: ASYNC110 - nothing tells it
        await asyncio.sleep(FRESH)


def lets_follow(key: ApiKey, scope: ApiScope, flow_id: int) -> bool:
    return not key.trouble() and key.may(scope) and key.person_may(scope) and key.allows_flow(flow_id)


def trouble_in_short(key: ApiKey) -> str:
    """For the audit log."""
    if key.revoked_at is not None:
        return "is revoked"
    return "is expired" if key.is_expired() else "belongs to somebody who is switched off"


def limit_of_person(key: ApiKey, scope: ApiScope) -> str:
    return f"may not {scope.label}" if may_run(key.created_by) else "may only read"


_known: dict[str, tuple[float, ApiKey]] = {}


async def find_key(token: str) -> ApiKey | None:
    """Also one that lets nobody in any more: a moment that has passed is seen although the key is remembered."""
    # By digest, so that no key stays in memory.
    name = hashlib.sha256(token.encode()).hexdigest()
    read_at, key = _known.get(name, (0.0, None))
    if key is not None and time.monotonic() - read_at < FRESH:
        return key
    found: ApiKey | None = await engine.run_job(lambda: ApiKey.objects.find_any(token))
    if len(_known) > MOST:
        _known.clear()
    if found is None:
        _known.pop(name, None)
    else:
        _known[name] = time.monotonic(), found
    return found


def forget_keys() -> None:
    """For tests: keys of another database."""
    _known.clear()
