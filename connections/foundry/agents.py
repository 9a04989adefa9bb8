"""Agents of a Foundry project: how one is asked, its conversation kept, and what its refusals mean.

Sources: azure-ai-projects 2.10 with its openai client; Microsoft's pages on agents, conversations and applications.
An agent has its own model, instructions, tools and sampling: none of them is sent.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from connections.endpoint.endpoint import Endpoint, EndpointKind
from connections.foundry import responses
from connections.foundry.agent_errors import error_of_agent, is_missing_route
from connections.foundry.answers import AnswerContext, read_completion, read_data
from connections.foundry.calls import FEATURES_HEADER, ModelCall, WireRequest, wire_request_at
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.filters import text_or_none
from connections.foundry.lessons import FEATURES, Lesson, apply_lessons, learnt_way
from connections.foundry.routes import Api, Route
from connections.foundry.transport import HttpAnswer
from connections.foundry.values import ChatRequest, ProtocolError, Target

LABEL = "agent "  # before the name of an agent where names of deployments stand; none of those has a blank
CLASSIC = re.compile(r"asst_\w+")


class Memory(StrEnum):
    """Where what was said before is kept."""

    NOWHERE = "nowhere"
    CONVERSATION = "conversation"  # an object at the service
    RESPONSES = "responses"  # at the service; each answer names the one before it


@dataclass(frozen=True)
class AgentRequest(ChatRequest):
    """What is said to an agent; of the fields of a chat it has `messages` and `stream` alone.

    `model` is what calls are counted by (`label_of`). Without an `agent` the one of the address is asked.
    `goes_on_from` is the id of a conversation or of the last response, by `memory`; empty where there is none yet.
    """

    agent: str = ""
    version: str = ""  # empty: the newest
    memory: Memory = Memory.NOWHERE
    goes_on_from: str = ""
    items: Sequence[Mapping[str, Any]] = ()  # said instead of messages, as they are on the wire

    @property
    def keeps_conversation(self) -> bool:
        return self.memory is Memory.CONVERSATION


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """There is a conversation at the service, in which the agent is asked next."""

    id: str


def label_of(agent: str) -> str:
    return f"{LABEL}{agent}"


def agent_route(endpoint: Endpoint, operation: str = "responses") -> Route:
    """Where agents are asked, or where their conversations are. Raises FoundryError where there are none."""
    if endpoint.kind is EndpointKind.RESPONSES and endpoint.project_url:
        url = endpoint.base if endpoint.agent else endpoint.url
    elif endpoint.kind is EndpointKind.PROJECT:
        url = f"{endpoint.project_url}/openai/v1/responses"
    else:
        raise FoundryError(
            ErrorKind.NOT_FOUND_ROUTE,
            f"This endpoint ({endpoint.label}) has no agents.",
            "Use the address of a Foundry project, …/api/projects/NAME, or that of an agent.",
        )
    url = re.sub(r"/responses(?=\?|$)", f"/{operation}", url)
    # Not the endpoint of a model: what is learnt of one leads to no agent.
    return Route(Api.RESPONSES, url, replace(endpoint, kind=EndpointKind.RESPONSES, url=url, base=url, agent=""))


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One message to an agent."""

    target: Target
    request: AgentRequest
    store: bool | None = None  # sent where nothing is to be kept

    @property
    def model(self) -> str:
        return self.request.model

    @property
    def opens_conversation(self) -> bool:
        wanted = self.request.keeps_conversation and not self.request.goes_on_from
        return wanted and not self.target.endpoint.is_application

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        body = apply_lessons(lessons, self._body())
        return with_features(wire_request_at(agent_route(self.target.endpoint), body, self.target, lessons), lessons)

    def _body(self) -> dict[str, Any]:
        request, endpoint = self.request, self.target.endpoint
        body: dict[str, Any] = {"input": list(request.items) or responses.input_of(request.messages)}
        if endpoint.agent or not endpoint.is_agent:
            body["agent_reference"] = responses.agent_reference(reference_of(request, endpoint))
        memory = Memory.NOWHERE if endpoint.is_application else request.memory
        if memory is Memory.NOWHERE and self.store is not None:
            body["store"] = self.store
        elif request.goes_on_from and memory is not Memory.NOWHERE:
            name = "conversation" if request.keeps_conversation else "previous_response_id"
            body[name] = request.goes_on_from
        if request.stream:
            body["stream"] = True
        return body


def reference_of(request: AgentRequest, endpoint: Endpoint) -> str:
    """The agent that a project is to ask: its name, and behind a colon the version. Raises FoundryError."""
    if endpoint.agent and not request.version:
        return endpoint.agent
    name = endpoint.agent_name or request.agent
    if not name:
        raise FoundryError(
            ErrorKind.NOT_FOUND_AGENT,
            "No agent is named, and a project has many.",
            "Choose one, or use the address of an agent as the endpoint.",
        )
    if CLASSIC.fullmatch(name):
        raise FoundryError(
            ErrorKind.NOT_FOUND_AGENT,
            f"{name} is a classic agent, which speaks another API: threads and runs.",
            "Move it to the new agents in the portal, and give its name there.",
        )
    return f"{name}:{request.version}" if request.version else name


@dataclass(frozen=True, slots=True)
class ConversationCall:
    """Opens a conversation at the service."""

    target: Target
    model: str

    def wire_request(self, lessons: Sequence[Lesson]) -> WireRequest:
        route = agent_route(self.target.endpoint, "conversations")
        return with_features(wire_request_at(route, {}, self.target, lessons), lessons)


def with_features(request: WireRequest, lessons: Sequence[Lesson]) -> WireRequest:
    """With the previews that the service wanted to be asked for."""
    features = learnt_way(lessons, FEATURES)
    return replace(request, headers={FEATURES_HEADER: features}) if features else request


async def read_conversation(answer: HttpAnswer, context: AnswerContext, api: Api) -> AsyncGenerator[ConversationOpened]:
    yield ConversationOpened(await read_data(answer, context, conversation_id))


def conversation_id(data: Any) -> str:
    """Raises ProtocolError."""
    found = text_or_none(data.get("id")) if isinstance(data, Mapping) else None
    if not found:
        raise ProtocolError("the conversation has no id")
    return found


Send = Callable[[ModelCall, Any], AsyncGenerator[Any]]


async def agent_events(send: Send, call: AgentCall) -> AsyncGenerator[Any]:
    """The events of a chat, after ConversationOpened where one is. `send` gives those of a call. Raises FoundryError.

    Where the service keeps no conversations, its responses are what is gone on from.
    """
    try:
        if call.opens_conversation:
            request = replace(call.request, memory=Memory.RESPONSES)
            try:
                async with aclosing(send(ConversationCall(call.target, call.model), read_conversation)) as opening:
                    async for event in opening:
                        if isinstance(event, ConversationOpened):
                            request = replace(call.request, goes_on_from=event.id)
                        yield event
            except FoundryError as error:
                if not is_missing_route(error):
                    raise
            call = replace(call, request=request)
        async with aclosing(send(call, read_completion)) as events:
            async for event in events:
                yield event
    except FoundryError as error:
        named = call.request.agent or call.target.endpoint.agent_name
        raise error_of_agent(error, named, call.target) from None


def gone_on_from(id: str) -> Memory:
    """Which memory an id belongs to: those of conversations begin with conv, all others are of responses."""
    return Memory.CONVERSATION if id.startswith("conv") else Memory.RESPONSES
