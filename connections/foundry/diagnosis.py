"""Testing a connection: one tiny call, and when it fails, what would have answered instead."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, Protocol
from urllib.parse import parse_qsl, quote, urlsplit

from connections.endpoint.endpoint import Endpoint, EndpointError, EndpointKind
from connections.endpoint.recognise import LAST_GA, parse_endpoint
from connections.foundry.agent_list import ListedAgent
from connections.foundry.agents import AgentCall, AgentRequest, label_of
from connections.foundry.backoff import RetryPolicy
from connections.foundry.calls import ChatCall, EmbeddingCall
from connections.foundry.classify import speaks_another_api
from connections.foundry.embeddings import body_of, makes_none
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    ChatEvent,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Embeddings,
    ListedDeployment,
    Message,
    Target,
    TextDelta,
    Usage,
)

TEST_TOKENS = 16  # the least that every API accepts
ONCE = RetryPolicy(attempts=1)
FIRST_VALUES = 8  # of a vector that are shown
MOST_SHAPES = 5  # tried beside the pasted one
# What another shape of address, or another header, may mend.
BY_SHAPE = (ErrorKind.NOT_FOUND_ROUTE, ErrorKind.PROTOCOL, ErrorKind.AUTH_TOKEN)
CULPRITS = {
    ErrorKind.DNS: "host",
    ErrorKind.CONNECT: "host",
    ErrorKind.TLS: "host",
    ErrorKind.TIMEOUT: "host",
    ErrorKind.BLOCKED_DESTINATION: "host",
    ErrorKind.AUTH_KEY: "key",
    ErrorKind.AUTH_TOKEN: "token",
    ErrorKind.PERMISSION: "role",
    ErrorKind.NETWORK_RULE: "network",
    ErrorKind.NOT_FOUND_DEPLOYMENT: "deployment",
    ErrorKind.NOT_FOUND_AGENT: "agent",
    ErrorKind.NOT_FOUND_ROUTE: "path",
}


@dataclass(frozen=True)
class ProbedAddress:
    """One line of "tried -> answered"."""

    url: str
    endpoint: Endpoint
    ok: bool
    status: int | None
    said: str


@dataclass(frozen=True)
class TestResult:
    """What the test brought. Times in milliseconds; `request` and `answer` hold no key; `usage` is of all calls."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    ok: bool
    url: str
    status: int | None
    latency_ms: float
    first_token_ms: float | None = None
    usage: Usage = field(default_factory=Usage)
    model: str | None = None
    text: str = ""
    request_id: str | None = None
    error: FoundryError | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    answer: str = ""
    tried: tuple[ProbedAddress, ...] = ()
    better: Endpoint | None = None  # another address that answered
    wrong: str = ""  # host, key, token, role, network, deployment, agent, api-version or path
    deployments: tuple[ListedDeployment, ...] | None = None  # None: the service gives no list
    agent: ListedAgent | None = None  # that the address is of, as far as it is known
    dimensions: int | None = None  # of its vectors, where the deployment makes embeddings
    first_values: tuple[float, ...] = ()  # of the vector
    asked_to_embed: bool = False  # and not whether it chats
    asked_version: str = ""  # api-version that the service wanted instead of the pasted one, and that was used
    newer: str = ""  # the address of the same host that takes none

    @property
    def kind(self) -> str:
        """Of the error; empty without one."""
        return self.error.kind if self.error else ""

    @property
    def better_answered(self) -> bool:
        """Whether the other address answered, or only knows the path but not the deployment."""
        return any(tried.ok for tried in self.tried)


class DiagnosisClient(Protocol):
    """What a diagnosis asks: the client, handed to it."""

    def chat(
        self, target: Target, request: ChatRequest, *, retry: RetryPolicy | None = None
    ) -> AsyncGenerator[ChatEvent]: ...

    async def embed(
        self, target: Target, request: EmbeddingRequest, *, retry: RetryPolicy | None = None
    ) -> Embeddings: ...

    async def deployments(self, target: Target) -> list[ListedDeployment] | None: ...

    async def agent(self, target: Target) -> ListedAgent | None: ...


async def diagnose(client: DiagnosisClient, target: Target, model: str) -> TestResult:
    """Never raises FoundryError. The address of an agent needs no `model`."""
    if target.endpoint.is_agent:
        return await diagnose_agent(client, target)
    result = await probe(client, target, model)
    if result.error is not None and speaks_another_api(result.error):
        result = await probe_embeddings(client, target, model) or result
    tried, better = [(target.endpoint, result)], None
    if result.error is not None and result.error.kind in BY_SHAPE:
        others, better = await probe_other_shapes(client, target, model)
        tried += others
    listed = None
    if is_reachable(result):
        listed = await client.deployments(replace(target, endpoint=better or target.endpoint))
    return replace(
        result,
        usage=sum((each.usage for _, each in tried[1:]), result.usage),
        tried=tuple(probed_address(each, endpoint) for endpoint, each in tried),
        better=better,
        wrong=culprit_of(result, target.endpoint, better),
        asked_version=asked_version(result, target.endpoint),
        newer=f"{target.endpoint.origin}/openai/v1",
        deployments=None if listed is None or target.endpoint.kind is EndpointKind.COMPATIBLE else tuple(listed),
    )


async def diagnose_agent(client: DiagnosisClient, target: Target) -> TestResult:
    """An agent has no other addresses to try, and nothing but itself to list."""
    result = await probe(client, target, "")
    known = await client.agent(target) if is_reachable(result) else None
    return replace(
        result,
        tried=(probed_address(result, target.endpoint),),
        wrong=culprit_of(result, target.endpoint, None),
        agent=known or ListedAgent(target.endpoint.agent_name),
    )


async def probe_other_shapes(
    client: DiagnosisClient, target: Target, model: str
) -> tuple[list[tuple[Endpoint, TestResult]], Endpoint | None]:
    """What other addresses of the same host answered, and the one to use instead: that answers, or knows the path."""
    tried, better = list[tuple[Endpoint, TestResult]](), None
    for endpoint in other_shapes(target.endpoint, model):
        other = await probe(client, replace(target, endpoint=endpoint), model)
        tried.append((endpoint, other))
        if other.ok:
            return tried, endpoint
        if other.error is not None and other.error.kind is ErrorKind.NOT_FOUND_DEPLOYMENT:
            # The path is right there; the name is what is left to correct.
            better = better or endpoint
    return tried, better


def asked_version(result: TestResult, endpoint: Endpoint) -> str:
    """The api-version that answered, where it is not the one of the endpoint."""
    used = next((value for name, value in parse_qsl(urlsplit(result.url).query) if name == "api-version"), "")
    is_same = result.ok and endpoint.api_version and result.url.startswith(f"{endpoint.base}/")
    return used if is_same and used != endpoint.api_version else ""


def is_reachable(result: TestResult) -> bool:
    """Whether there is somebody who could list anything."""
    return result.error is None or CULPRITS.get(result.error.kind) not in ("host", "key", "token", "network")


def culprit_of(result: TestResult, endpoint: Endpoint, better: Endpoint | None) -> str:
    if result.error is None:
        return ""
    same = better is not None and (better.kind, better.base) == (EndpointKind.DEPLOYMENT, endpoint.base)
    return "api-version" if same else CULPRITS.get(result.error.kind, "")


def probed_address(result: TestResult, endpoint: Endpoint) -> ProbedAddress:
    # The status stands beside it.
    said = result.error.message.removeprefix(f"{result.status}: ") if result.error else result.text.strip()[:80]
    return ProbedAddress(result.url, endpoint, result.ok, result.status, said or "answered")


def other_shapes(endpoint: Endpoint, model: str) -> list[Endpoint]:
    """Other addresses of the same host that may be meant, the likeliest first, without the one that failed."""
    found: list[Endpoint] = []
    for url in candidate_urls(endpoint, quote(model, safe="")):
        try:
            parsed = parse_endpoint(url)
        except EndpointError:
            continue
        if parsed != endpoint and parsed not in found and parsed.chat_url:
            found.append(parsed)
    return found[:MOST_SHAPES]


def candidate_urls(endpoint: Endpoint, model: str) -> Iterator[str]:
    root, base = endpoint.origin, endpoint.base
    if endpoint.kind is EndpointKind.SERVERLESS:
        yield from (f"{base}/v1", root, f"{root}/v1")
        return
    prefix = re.split(r"/(?:openai|models|api/projects|anthropic|v1)(?:/|$)", base)[0]
    if endpoint.kind is EndpointKind.DEPLOYMENT:
        yield f"{base}?api-version={LAST_GA}"
    for place in dict.fromkeys((root if endpoint.kind is EndpointKind.COMPATIBLE else prefix, prefix)):
        yield f"{place}/openai/v1"
        yield f"{place}/openai/deployments/{model}?api-version={LAST_GA}"
        yield f"{place}/models" if endpoint.is_azure else f"{place}/v1"


async def probe(client: DiagnosisClient, target: Target, model: str) -> TestResult:
    request = test_request(target.endpoint, model)
    url, sent = what_is_sent(target, request)
    started, first = now(), None
    try:
        async with aclosing(client.chat(target, request, retry=ONCE)) as events:
            async for event in events:
                if isinstance(event, TextDelta) and first is None:
                    first = milliseconds_since(started)
                if isinstance(event, Completion):
                    return success_of(event, sent, milliseconds_since(started), first)
        error = FoundryError(ErrorKind.PROTOCOL, "The call ended without an answer.")
    except FoundryError as failed:
        error = failed
    return TestResult(
        spent_its_budget(error),
        url,
        error.status,
        milliseconds_since(started),
        request_id=error.request_id,
        error=None if spent_its_budget(error) else error,
        request=sent,
        answer=error.raw,
    )


def test_request(endpoint: Endpoint, model: str) -> ChatRequest:
    messages, agent = (Message("user", "Answer with one word: ready?"),), endpoint.agent_name
    if endpoint.is_agent:
        return AgentRequest(label_of(agent), messages, agent=agent)
    return ChatRequest(model, messages, max_completion_tokens=TEST_TOKENS)


async def probe_embeddings(client: DiagnosisClient, target: Target, model: str) -> TestResult | None:
    """None when the deployment makes none."""
    try:
        return await embedding_of(client, target, EmbeddingRequest(model, "ready?"))
    except FoundryError:
        return None


async def diagnose_embedding(client: DiagnosisClient, target: Target, model: str, text: str) -> TestResult:
    """A text as a vector. Never raises FoundryError."""
    request, started = EmbeddingRequest(model, text), now()
    try:
        return replace(await embedding_of(client, target, request), asked_to_embed=True)
    except FoundryError as error:
        failed = makes_none(error, model)
    return TestResult(
        False,
        target.endpoint.embeddings_url or target.endpoint.url,
        failed.status,
        milliseconds_since(started),
        request_id=failed.request_id,
        error=failed,
        request={"body": body_of(target.endpoint, request)},
        answer=failed.raw,
        wrong="" if speaks_another_api(failed) else CULPRITS.get(failed.kind, ""),
        asked_to_embed=True,
    )


async def embedding_of(client: DiagnosisClient, target: Target, request: EmbeddingRequest) -> TestResult:
    """Raises FoundryError."""
    started = now()
    made = await client.embed(target, request, retry=ONCE)
    sent = EmbeddingCall(target, request).wire_request(())
    if not made.vectors or not made.vectors[0]:
        raise FoundryError(ErrorKind.PROTOCOL, "The answer has no vector.", "Try again.", status=made.status)
    size = len(made.vectors[0])
    return TestResult(
        True,
        made.url,
        made.status,
        milliseconds_since(started),
        usage=made.usage,
        model=made.model,
        text=f"A vector of {size:,} numbers",
        request_id=made.request_id,
        request={"url": sent.route.url, "body": sent.body},
        dimensions=size,
        first_values=tuple(round(value, 6) for value in made.vectors[0][:FIRST_VALUES]),
    )


def success_of(completion: Completion, sent: Mapping[str, Any], total: float, first: float | None) -> TestResult:
    return TestResult(
        True,
        completion.url,
        completion.status,
        total,
        first,
        completion.usage,
        completion.model,
        completion.text,
        completion.request_id,
        request=sent,
        answer=json.dumps(completion.raw, ensure_ascii=False, indent=2),
    )


def what_is_sent(target: Target, request: ChatRequest) -> tuple[str, dict[str, Any]]:
    try:
        call = AgentCall(target, request) if isinstance(request, AgentRequest) else ChatCall(target, request)
        sent = call.wire_request(())
    except FoundryError:
        return target.endpoint.url, {}
    return sent.route.url, {"url": sent.route.url, "body": sent.body}


def now() -> float:
    """Seconds of the event loop."""
    return asyncio.get_running_loop().time()


def milliseconds_since(started: float) -> float:
    return round((now() - started) * 1000, 1)


def spent_its_budget(error: FoundryError) -> bool:
    """A reasoning model that used up the tiny budget has answered: the connection works."""
    return error.status == 400 and "model output limit was reached" in error.raw
