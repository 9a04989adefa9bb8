"""One call as data: what is sent where. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from connections.endpoint.endpoint import EndpointKind
from connections.endpoint.hosts import BELIEVED_SCOPES
from connections.foundry import chat, embeddings, messages, responses
from connections.foundry.answer_format import with_format_in_words
from connections.foundry.auth import ANTHROPIC_KEY, API_KEY
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.files import documents_in
from connections.foundry.lessons import API, DOCUMENTS, FORMAT, KEY_HEADER, SCOPE, Lesson, apply_lessons, learnt_way
from connections.foundry.routes import Api, Route, api_of, found_endpoint, route_of, surface_of
from connections.foundry.values import ChatRequest, EmbeddingRequest, Target

FEATURES_HEADER = "Foundry-Features"  # previews that agents may want


@dataclass(frozen=True, slots=True)
class WireRequest:
    """One request as it goes out, without its credentials."""

    route: Route
    body: Mapping[str, Any] | None  # None: a GET
    key_header: str
    scope: str  # of a token
    headers: Mapping[str, str] = field(default_factory=dict)  # those of the API

    @property
    def key_headers(self) -> tuple[str, ...]:
        """Claude's routes read one of two headers, and not everywhere the same: its official client sends both."""
        paired = self.route.api is Api.MESSAGES and self.key_header == API_KEY
        return (ANTHROPIC_KEY, API_KEY) if paired else (self.key_header,)


def wire_request_at(
    route: Route, body: Mapping[str, Any] | None, target: Target, lessons: Sequence[Lesson]
) -> WireRequest:
    header = learnt_way(lessons, KEY_HEADER) or target.key_header or route.endpoint.key_header
    learnt = learnt_way(lessons, SCOPE)
    believed = learnt in BELIEVED_SCOPES and route.endpoint.is_resource
    own = "" if route.endpoint.is_azure else target.token_scope
    return WireRequest(route, body, header, learnt if believed else own or route.endpoint.scope)


# The model inference API refuses what its schema does not name, unless told to hand it on to the model.
CLOSED = (EndpointKind.INFERENCE, EndpointKind.SERVERLESS)
PASS_THROUGH = {"extra-parameters": "pass-through"}
# What says the form of an answer in each API.
FORMATS = {Api.CHAT: "response_format", Api.RESPONSES: "text.format", Api.MESSAGES: FORMAT}
WITH_RESPONSES = (EndpointKind.V1, EndpointKind.PROJECT)


class ModelCall(Protocol):
    """What somebody wants of a model; `wire_request` says how it is sent, with what was learnt."""

    @property
    def target(self) -> Target: ...

    @property
    def model(self) -> str: ...

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        """Raises FoundryError."""


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat completion, by whichever API the model speaks unless one is wanted."""

    target: Target
    request: ChatRequest
    api: Api | None = None
    store: bool | None = None  # sent to Responses unless the request says otherwise

    @property
    def model(self) -> str:
        return self.request.model

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        wanted = self.api or self._api_for_documents(lessons) or self._api_for_summary(lessons)
        route = route_of(self.target.endpoint, lessons, wanted)
        body = apply_lessons(lessons, self._body(route, lessons))
        sent = wire_request_at(route, body, self.target, lessons)
        if route.api is Api.MESSAGES:
            return replace(sent, headers={"anthropic-version": messages.version_of(body, lessons)})
        if self.request.extra and route.endpoint.kind in CLOSED:
            return replace(sent, headers=PASS_THROUGH)
        return sent

    def _api_for_summary(self, lessons: Sequence[Lesson]) -> Api | None:
        """Of reasoning models Responses alone tells a summary of their thoughts."""
        endpoint = self.target.endpoint
        if not self.request.reasoning_summary or learnt_way(lessons, API) or endpoint.kind not in WITH_RESPONSES:
            return None
        return Api.RESPONSES if endpoint.other_surface else None

    def _api_for_documents(self, lessons: Sequence[Lesson]) -> Api | None:
        """Chat completions of Azure refuse documents, whatever the model; its Responses take them. Raises
        FoundryError."""
        if not any(documents_in(self.request.messages)):
            return None
        endpoint = found_endpoint(self.target.endpoint, lessons)
        if api_of(endpoint, lessons) is not Api.CHAT:
            return None
        if learnt := learnt_way(lessons, DOCUMENTS):
            return Api(learnt)
        if not endpoint.is_azure:
            return None
        if endpoint.responses_url is None:
            raise FoundryError(
                ErrorKind.NOT_FOUND_ROUTE,
                f"This endpoint ({endpoint.label}) takes no PDF: it has no Responses, which read them.",
                f"Use {endpoint.origin}/openai/v1.",
            )
        return Api.RESPONSES

    def _body(self, route: Route, lessons: Sequence[Lesson]) -> dict[str, Any]:
        request = with_format_in_words(self.request, lessons, FORMATS.get(route.api, ""))
        if route.api is Api.MESSAGES:
            return messages.body_of(request, lessons)
        if route.api is not Api.RESPONSES:
            return chat.body_of(route.endpoint, request)
        body = responses.body_of(route.endpoint, request)
        return body if self.store is None else {"store": self.store, **body}


@dataclass(frozen=True, slots=True)
class EmbeddingCall:
    target: Target
    request: EmbeddingRequest

    @property
    def model(self) -> str:
        return self.request.model

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        endpoint = surface_of(found_endpoint(self.target.endpoint, lessons), Api.EMBEDDINGS)
        url = endpoint.embeddings_url
        if url is None:
            raise FoundryError(
                ErrorKind.NOT_FOUND_ROUTE,
                f"This endpoint ({endpoint.label}) has no embeddings.",
                f"Use {endpoint.origin}/openai/v1.",
            )
        body = apply_lessons(lessons, embeddings.body_of(endpoint, self.request))
        return wire_request_at(Route(Api.EMBEDDINGS, url, endpoint), body, self.target, lessons)


@dataclass(frozen=True, slots=True)
class ListCall:
    target: Target
    url: str
    model: str = ""

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        return wire_request_at(Route(Api.LIST, self.url, self.target.endpoint), None, self.target, lessons)
