"""Which URL a call goes to, and which other one a refusal points to. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from connections.endpoint.endpoint import RESPONSES_VERSION, Endpoint, EndpointError, EndpointKind
from connections.endpoint.hosts import BELIEVED_SCOPES
from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.auth import API_KEY, BEARER, SUBSCRIPTION_KEY, scope_named_in
from connections.foundry.classify import ENABLED_SINCE, MISSING_KEY, OTHER_API
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import API, API_VERSION, ENDPOINT, KEY_HEADER, SCOPE, Lesson, learnt_way


class Api(StrEnum):
    CHAT = "chat"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Route:
    api: Api
    url: str
    endpoint: Endpoint


def route_of(endpoint: Endpoint, model: str, lessons: Sequence[Lesson], wanted: Api | None = None) -> Route:
    """The way to the model, with what was learnt about it. Raises FoundryError when there is none."""
    endpoint = found_endpoint(endpoint, lessons)
    urls = {Api.CHAT: endpoint.chat_url(model), Api.RESPONSES: endpoint.responses_url(model)}
    preferred = Api.RESPONSES if endpoint.prefers_responses else Api.CHAT
    learnt = learnt_way(lessons, API)
    api = wanted or (Api(learnt) if learnt and urls[Api(learnt)] else preferred)
    url = urls[api]
    if url is None:
        raise FoundryError(
            ErrorKind.NOT_FOUND_ROUTE,
            f"This endpoint ({endpoint.label}) has no {'chat completions' if api is Api.CHAT else 'Responses'}.",
            f"Use {endpoint.origin}/openai/v1.",
        )
    return Route(api, url, endpoint)


def found_endpoint(endpoint: Endpoint, lessons: Sequence[Lesson]) -> Endpoint:
    """The endpoint with what was learnt of its address and its api-version."""
    moved = moved_endpoint(endpoint, learnt_way(lessons, ENDPOINT))
    return at_version(moved, learnt_way(lessons, API_VERSION))


def at_version(endpoint: Endpoint, learnt: str) -> Endpoint:
    """With a newer api-version, where it has one at all."""
    if not learnt or not endpoint.api_version or learnt <= endpoint.api_version:
        return endpoint
    return parse_endpoint(re.sub(r"(?<=api-version=)[^&]*", learnt, endpoint.url, flags=re.IGNORECASE))


def moved_endpoint(endpoint: Endpoint, learnt: str) -> Endpoint:
    """The endpoint that was found to answer instead, never on another host."""
    try:
        found = parse_endpoint(learnt) if learnt else endpoint
    except EndpointError:
        return endpoint
    return found if found.origin == endpoint.origin else endpoint


def lesson_about_route(route: Route, model: str, error: FoundryError, now: float) -> Lesson | None:
    """What a refusal of the way itself teaches: another API or another path."""
    if error.kind is not ErrorKind.NOT_FOUND_ROUTE:
        return None
    if since := ENABLED_SINCE.search(error.raw):
        newer = at_version(route.endpoint, since[1])
        return Lesson(API_VERSION, since[1], error.raw, now) if newer != route.endpoint else None
    if any(word in error.raw.lower() for word in OTHER_API):
        other = Api.CHAT if route.api is Api.RESPONSES else Api.RESPONSES
        url = route.endpoint.chat_url(model) if other is Api.CHAT else route.endpoint.responses_url(model)
        return Lesson(API, other, error.raw, now) if url else None
    if error.status != 404:
        return None
    if route.endpoint.kind is EndpointKind.PROJECT and route.api is Api.CHAT:
        return Lesson(API, Api.RESPONSES, error.raw, now)
    path = other_path(route, model)
    return Lesson(ENDPOINT, path, error.raw, now) if path else None


def other_path(route: Route, model: str) -> str:
    """Older Azure resources have no v1 route, projects may have no models of their own; serverless endpoints have
    their paths below /v1 or not."""
    endpoint = route.endpoint
    if endpoint.kind is EndpointKind.PROJECT:
        return f"{endpoint.origin}/openai/v1"
    if endpoint.kind is EndpointKind.V1 and endpoint.is_azure and model:
        if route.api is Api.RESPONSES:
            return f"{endpoint.origin}/openai/responses?api-version={RESPONSES_VERSION}"
        return f"{endpoint.origin}/openai/deployments/{quote(model, safe='')}?api-version={LAST_GA}"
    if endpoint.kind is EndpointKind.SERVERLESS and not endpoint.base.endswith("/v1"):
        return f"{endpoint.base}/v1"
    return ""


def lesson_about_credentials(
    error: FoundryError, endpoint: Endpoint, *, identity: bool, scope: str, tried_headers: Sequence[str], now: float
) -> Lesson | None:
    """What a refused token or key teaches: another audience, that a key is no token, or another header for it. Only
    Microsoft's own resources are believed about audiences: anybody else could ask for a token that opens something
    else."""
    if error.kind is ErrorKind.AUTH_TOKEN and identity:
        named = scope_named_in(error.raw) if endpoint.is_resource else ""
        return Lesson(SCOPE, named, error.raw, now) if named in BELIEVED_SCOPES and named != scope else None
    if identity or error.status != 401 or error.kind not in (ErrorKind.AUTH_TOKEN, ErrorKind.AUTH_KEY):
        return None
    header = next((each for each in headers_worth_trying(error, endpoint) if each not in tried_headers), "")
    return Lesson(KEY_HEADER, header, error.raw, now) if header else None


def headers_worth_trying(error: FoundryError, endpoint: Endpoint) -> Sequence[str]:
    """The dated routes of Azure read a bearer key as a token. Gateways choose their header as they like; one that
    found no key tells nothing about the key."""
    if error.kind is ErrorKind.AUTH_TOKEN:
        return (API_KEY,)
    if endpoint.is_azure:
        return ()
    if error.message == MISSING_KEY or endpoint.kind is not EndpointKind.COMPATIBLE:
        return (API_KEY, SUBSCRIPTION_KEY, BEARER)
    return ()
