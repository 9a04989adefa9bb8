"""Who may ask. There is nothing to protect here: the key is known, and tokens are looked at, not verified.

Keys of customers are taken, too: simulator-7, simulator-anything; not those that end with -revoked.

A token is anything with three parts and dots (its `aud` and `exp` count, when they can be read), or the text
`token-for:AUDIENCE` such as `token-for:https://ai.azure.com`.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Mapping
from typing import Any

from connections.endpoint.hosts import CLASSIC_SCOPE, FOUNDRY_SCOPE, SERVERLESS_SCOPE
from connections.simulator.refusals import SimulatedRefusal, error_refusal, status_code_refusal
from connections.simulator.routes import SimulatedRoute

KEY = "simulator"
CLASSIC, FOUNDRY, ML = (scope.removesuffix("/.default") for scope in (CLASSIC_SCOPE, FOUNDRY_SCOPE, SERVERLESS_SCOPE))

# Family -> audiences of tokens; the first one is named in refusals.
AUDIENCES: dict[str, tuple[str, ...]] = {
    "v1": (CLASSIC, FOUNDRY),
    "models": (CLASSIC, FOUNDRY),
    "deployment": (CLASSIC,),
    "deployment-list": (CLASSIC,),
    "dated": (CLASSIC,),
    "project": (FOUNDRY,),
    "project-dated": (FOUNDRY,),
    "project-list": (FOUNDRY,),
    "project-bare": (FOUNDRY,),
    "anthropic": (FOUNDRY,),
    "serverless": (ML,),
    "serverless-v1": (ML,),
    "compatible": (),
}
CLASSIC_ROUTES = ("deployment", "deployment-list", "dated")  # a bearer is always read as a token there
BEARER_ONLY = ("compatible", "serverless", "serverless-v1")

WRONG_KEY = error_refusal(
    401,
    "401",
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an "
    "active subscription and use a correct regional API endpoint for your resource.",
)
WRONG_BEARER = error_refusal(
    401, "invalid_api_key", "Incorrect API key provided.", type="invalid_request_error", param=None
)  # fmt: skip
NO_SUBSCRIPTION_KEY = status_code_refusal(
    401,
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API.",
)
WRONG_SUBSCRIPTION_KEY = status_code_refusal(
    401,
    "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
)


def auth_refusal(route: SimulatedRoute, headers: Mapping[str, str]) -> SimulatedRefusal | None:
    if route.gateway:
        return gateway_refusal(headers)
    scheme, _, bearer = headers.get("authorization", "").partition(" ")
    bearer = bearer.strip() if scheme.lower() == "bearer" else ""
    if accepts_key(route, headers, bearer):
        return None
    token = claims(bearer)
    if token is not None and is_meant_for(token, AUDIENCES[route.family]):
        return None
    if token is not None or (bearer and route.family in CLASSIC_ROUTES):
        return token_refusal(AUDIENCES[route.family])
    return WRONG_BEARER if route.family == "compatible" else WRONG_KEY


def gateway_refusal(headers: Mapping[str, str]) -> SimulatedRefusal | None:
    given = headers.get("ocp-apim-subscription-key")
    return NO_SUBSCRIPTION_KEY if not given else None if is_key(given) else WRONG_SUBSCRIPTION_KEY


def accepts_key(route: SimulatedRoute, headers: Mapping[str, str], bearer: str) -> bool:
    key = headers.get("api-key", "")
    if route.family in BEARER_ONLY:
        return is_key(bearer)
    if route.family in CLASSIC_ROUTES:
        return is_key(key)
    if route.family == "anthropic":
        return is_key(key) or is_key(headers.get("x-api-key", ""))
    return is_key(key or bearer)


def is_key(text: str) -> bool:
    return text == KEY or (text.startswith(f"{KEY}-") and not text.endswith("-revoked"))


def claims(bearer: str) -> dict[str, Any] | None:
    """What a token says about itself; None when it is no token."""
    if bearer.startswith("token-for:"):
        return {"aud": bearer.removeprefix("token-for:").removesuffix("/.default")}
    parts = bearer.split(".")
    if len(parts) != 3 or not all(parts):
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}


def is_meant_for(token: dict[str, Any], audiences: tuple[str, ...]) -> bool:
    """A token that does not say for whom it is has the benefit of the doubt."""
    expires = token.get("exp")
    if isinstance(expires, int) and expires < time.time():
        return False
    return bool(audiences) and str(token.get("aud") or audiences[0]).rstrip("/") in audiences


def token_refusal(audiences: tuple[str, ...]) -> SimulatedRefusal:
    expected = audiences[0] if audiences else "none"
    return status_code_refusal(
        401,
        f"Unauthorized. Access token is missing, invalid, audience is incorrect ({expected}), or have expired.",
    )
