"""Which URL a call goes to, and which other one a refusal points to. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from connections.endpoint.endpoint import RESPONSES_VERSION, Endpoint, EndpointError, EndpointKind
from connections.endpoint.hosts import BELIEVED_SCOPES
from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.auth import API_KEY, BEARER, SUBSCRIPTION_KEY, scope_named_in
from connections.foundry.classify import ENABLED_SINCE, MISSING_KEY, NO_DOCUMENTS, NOT_ON_THIS_SURFACE, OTHER_API
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.lessons import (
    API,
    API_VERSION,
    DOCUMENTS,
    ENDPOINT,
    FEATURES,
    KEY_HEADER,
    ONLY_OTHERS,
    SCOPE,
    VERSION,
    Lesson,
    learnt_way,
)
from connections.foundry.messages import NEWEST, WITH_SAMPLING

# "... Include the 'Foundry-Features: HostedAgents=V1Preview' header in your request."
PREVIEWS = re.compile(r"\b[A-Za-z0-9]{1,60}=V\d{1,3}Preview\b")
MOST_PREVIEWS = 20


class Api(StrEnum):
    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"
    EMBEDDINGS = "embeddings"
    LIST = "list"


SPOKEN = {Api.CHAT: "chat completions", Api.RESPONSES: "Responses", Api.MESSAGES: "Messages of Claude"}


@dataclass(frozen=True, slots=True)
class Route:
    api: Api
    url: str
    endpoint: Endpoint


def route_of(endpoint: Endpoint, lessons: Sequence[Lesson], wanted: Api | None = None) -> Route:
    """The way to the model, with what was learnt about it. Raises FoundryError when there is none."""
    found = found_endpoint(endpoint, lessons)
    api = wanted or api_of(found, lessons)
    endpoint = surface_of(found, api)
    url = url_of(endpoint, api)
    if url is None:
        raise FoundryError(
            ErrorKind.NOT_FOUND_ROUTE,
            f"This endpoint ({endpoint.label}) has no {SPOKEN[api]}.",
            f"Use {endpoint.origin}/openai/v1.",
        )
    return Route(api, url, endpoint)


def api_of(endpoint: Endpoint, lessons: Sequence[Lesson]) -> Api:
    """The one that is spoken to the model, as far as it is known."""
    if learnt := learnt_way(lessons, API):
        api = Api(learnt)
        if url_of(surface_of(endpoint, api), api):
            return api
    if endpoint.kind is EndpointKind.CLAUDE:
        return Api.MESSAGES
    return Api.RESPONSES if endpoint.prefers_responses else Api.CHAT


def absent_fields(endpoint: Endpoint, lessons: Sequence[Lesson]) -> dict[str, str]:
    """The fields of a ChatRequest that the API of a model does not have, each with a sentence."""
    api = api_of(found_endpoint(endpoint, lessons), lessons)
    return dict.fromkeys(ONLY_OTHERS.get(api, ()), f"There is no such parameter in {SPOKEN[api]}, so it is not sent.")


def first_url(endpoint: Endpoint) -> str:
    """What is called as long as nothing was learnt."""
    return url_of(endpoint, api_of(endpoint, ())) or endpoint.url


def url_of(endpoint: Endpoint, api: Api) -> str | None:
    match api:
        case Api.CHAT:
            return endpoint.chat_url
        case Api.RESPONSES:
            return endpoint.responses_url
        case Api.MESSAGES:
            return endpoint.messages_url
    return None


def surface_of(endpoint: Endpoint, api: Api) -> Endpoint:
    """The address of the same resource that has this API: Claude has one of its own."""
    if (endpoint.kind is EndpointKind.CLAUDE) is (api is Api.MESSAGES) or not endpoint.other_surface:
        return endpoint
    return parse_endpoint(endpoint.other_surface)


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


def lessons_about_route(
    route: Route, pasted: Endpoint, model: str, error: FoundryError, now: float
) -> Iterator[Lesson]:
    """What a refusal of the way itself may teach, the likeliest first: another API, another path, or the other surface
    of a resource, which serves all models but Claude on one and Claude on another. `pasted` is the address before
    anything was learnt of it; one of a single deployment means that one."""
    if NO_DOCUMENTS in error.raw.lower():
        if route.api is Api.CHAT and url_of(route.endpoint, Api.RESPONSES):
            yield Lesson(DOCUMENTS, Api.RESPONSES, error.raw, now)
        return
    if error.kind is ErrorKind.NOT_FOUND_ROUTE and NOT_ON_THIS_SURFACE not in error.raw.lower():
        if (lesson := lesson_about_path(route, model, error, now)) is not None:
            yield lesson
        if error.status != 404:
            return
    elif error.kind not in (ErrorKind.NOT_FOUND_ROUTE, ErrorKind.NOT_FOUND_DEPLOYMENT):
        return
    if pasted.kind is not EndpointKind.DEPLOYMENT and pasted.other_surface and route.api in SPOKEN:
        yield Lesson(API, Api.CHAT if route.api is Api.MESSAGES else Api.MESSAGES, error.raw, now)


def lesson_about_path(route: Route, model: str, error: FoundryError, now: float) -> Lesson | None:
    if since := ENABLED_SINCE.search(error.raw):
        newer = at_version(route.endpoint, since[1])
        return Lesson(API_VERSION, since[1], error.raw, now) if newer != route.endpoint else None
    if any(word in error.raw.lower() for word in OTHER_API):
        other = Api.CHAT if route.api is Api.RESPONSES else Api.RESPONSES
        return Lesson(API, other, error.raw, now) if url_of(route.endpoint, other) else None
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


def lesson_about_version(sent: str, error: FoundryError, now: float) -> Lesson | None:
    """That the service knows another `anthropic-version` than the one that was sent; empty: none was."""
    if not sent or error.status != 400 or "anthropic-version" not in error.raw.lower():
        return None
    return Lesson(VERSION, WITH_SAMPLING if sent == NEWEST else NEWEST, error.raw, now)


def lesson_about_features(sent: str, error: FoundryError, now: float) -> Lesson | None:
    """Which previews are to be asked for: the service names them. `sent` is what was."""
    if error.status != 403 or "preview_feature_required" not in error.raw:
        return None
    named = ",".join(dict.fromkeys(PREVIEWS.findall(error.raw)[:MOST_PREVIEWS]))
    return Lesson(FEATURES, named, error.raw, now) if named and named != sent else None


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
    if endpoint.kind is EndpointKind.CLAUDE and (endpoint.is_azure or error.message != MISSING_KEY):
        return (API_KEY, BEARER)  # some resources take the key as a bearer there alone
    if error.kind is ErrorKind.AUTH_TOKEN:
        return (API_KEY,)
    if endpoint.is_azure:
        return ()
    if error.message == MISSING_KEY or endpoint.kind is not EndpointKind.COMPATIBLE:
        return (API_KEY, SUBSCRIPTION_KEY, BEARER)
    return ()
