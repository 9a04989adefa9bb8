"""What goes in and out of a call, whichever API carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from connections.endpoint.endpoint import Endpoint
from connections.secret import Secret


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function the model wants called; `arguments` is JSON as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is text, or a list of parts as the chat API takes them (text, image_url)."""

    role: str
    content: str | list[dict[str, Any]] | None
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None  # which call a message of role tool answers


@dataclass(frozen=True)
class ChatRequest:
    """What is None is not sent at all."""

    model: str
    messages: Sequence[Message]
    temperature: float | None = None
    top_p: float | None = None
    max_completion_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    response_format: Mapping[str, Any] | None = None  # in the form of the chat API
    tools: Sequence[Mapping[str, Any]] | None = None  # in the form of the chat API
    tool_choice: Any = None
    parallel_tool_calls: bool | None = None
    stop: Any = None
    seed: int | None = None
    user: str | None = None
    metadata: Mapping[str, str] | None = None
    store: bool | None = None
    service_tier: str | None = None
    logprobs: bool | None = None  # of each token of the answer
    top_logprobs: int | None = None  # how many others that token could have been
    reasoning_summary: str | None = None  # auto, concise or detailed; chat completions have none
    extra: Mapping[str, Any] | None = None  # further parameters of the body, sent as they are
    stream: bool = True


APART = ("model", "messages", "reasoning_summary", "extra", "stream")  # have no parameter of their name
PARAMETERS = tuple(f.name for f in fields(ChatRequest) if f.name not in APART)


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """`inputs` are texts, or lists of tokens. What is None is not sent at all."""

    model: str
    inputs: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]
    dimensions: int | None = None
    encoding_format: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The client waits until `until` (seconds since the epoch; None: nobody knows) and tries again by itself."""

    reason: str
    until: float | None
    attempt: int  # that was refused, from 1; 0 when nothing was sent
    most: int = 0  # attempts in all
    status: int | None = None  # of the answer that refused it
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Waited:
    """The client has waited so many seconds; `throttled` when an answer of status 429 was why."""

    seconds: float
    throttled: bool = False


@dataclass(frozen=True, slots=True)
class Adapted:
    """The service refused parts of the request, and answers one without them: `sentences` say what was changed."""

    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Counts of tokens. Those that were read from a cache or written to one are some of the prompt's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_write_tokens: int | None = None
    estimated_tokens: int | None = None  # of the total: what the service has not counted

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.total_tokens + other.total_tokens,
            (self.cached_tokens or 0) + (other.cached_tokens or 0),
            (self.reasoning_tokens or 0) + (other.reasoning_tokens or 0),
            (self.cache_write_tokens or 0) + (other.cache_write_tokens or 0),
            (self.estimated_tokens or 0) + (other.estimated_tokens or 0) or None,
        )


@dataclass(frozen=True, slots=True)
class FilterResult:
    """What the content filter found in the prompt or in the completion."""

    source: str  # prompt or completion
    category: str
    filtered: bool
    severity: str | None = None

    def __str__(self) -> str:
        return f"{self.category}, {self.severity}" if self.severity else self.category


@dataclass(frozen=True)
class Completion:
    """The whole answer of a chat completion or a response."""

    text: str
    refusal: str | None
    finish_reason: str | None  # stop, length, tool_calls or content_filter, on every API
    usage: Usage
    model: str | None
    request_id: str | None
    status: int
    url: str
    tool_calls: tuple[ToolCall, ...] = ()
    filters: tuple[FilterResult, ...] = ()
    reasoning: str | None = None  # thoughts or their summary, where the model shows them
    logprobs: tuple[Mapping[str, Any], ...] | None = None  # of each token: token, logprob, top_logprobs; None: not told
    request_ids: Mapping[str, str] = field(default_factory=dict)  # every id of the answer, by header
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filtered(self) -> str:
        """The categories that cut the answer, in words."""
        return "; ".join(str(found) for found in self.filters if found.filtered)


@dataclass(frozen=True)
class Embeddings:
    """One vector for each input, in its order."""

    vectors: tuple[tuple[float, ...], ...]
    model: str | None
    usage: Usage
    request_id: str | None
    status: int
    url: str


@dataclass(frozen=True, slots=True)
class ListedDeployment:
    name: str
    model: str | None = None
    status: str | None = None
    embeds: bool | None = None  # whether it makes embeddings, where the list says what each can do


@dataclass(frozen=True)
class Header:
    """A header that a gateway wants; without a value it carries the key."""

    name: str
    value: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True)
class Identity:
    """Microsoft Entra ID: who calls. `secret` is the client secret, or the certificate with its key as PEM."""

    method: str  # client_secret, certificate, managed_identity or azure_cli
    tenant_id: str = ""
    client_id: str = ""
    secret: Secret = field(default_factory=lambda: Secret(""))
    password: Secret = field(default_factory=lambda: Secret(""))  # of the certificate
    authority: str = ""  # host that gives tokens; empty: the public cloud, or AZURE_AUTHORITY_HOST

    @property
    def is_own(self) -> bool:
        """Whether it is the identity of this server, not one that somebody typed the secret of."""
        return self.method in ("managed_identity", "azure_cli")

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return self.secret, self.password


@dataclass(frozen=True)
class Target:
    """A connection as the client needs it. `key_header` names the header of the key; empty: by kind of endpoint."""

    name: str
    endpoint: Endpoint
    key: Secret
    identity: Identity | None = None
    key_header: str = ""
    extra_header: Header | None = None
    limits: Limits | None = None
    customer: str = ""  # the label of whoever it belongs to; of a connection that a run has made
    account: str = ""  # what its limits are counted by, the same in every process
    slot: int = 0  # of a stored connection: which of its two keys this is
    token_scope: str = ""  # of a token for a gateway; empty: by kind of endpoint

    @property
    def fingerprint(self) -> str:
        """Of what it signs in with; empty when that is an identity of this server."""
        secret = self.identity.secret if self.identity else self.key
        return secret.fingerprint if secret else ""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Whatever of it must not be seen, should the service send it back."""
        extra = (self.extra_header.value,) if self.extra_header else ()
        return tuple(
            secret for secret in (self.key, *extra, *(self.identity.secrets if self.identity else ())) if secret
        )


@dataclass(frozen=True, slots=True)
class Spilled:
    """A limit or a budget is reached, and another connection is called."""

    target: Target
    reason: str
    of_customer: bool = False  # because of a budget of the customer


class ProtocolError(ValueError):
    """The answer is not what the protocol says. `said` is what came instead, as it came: nothing to show unmasked."""

    def __init__(self, why: str, said: str = "") -> None:
        super().__init__(why)
        self.said = said


class ErrorInAnswer(Exception):
    """The service reports an error in an answer of status 200, at once or in mid-stream. `text` is its JSON."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class WhenReached(StrEnum):
    WAIT = "wait"
    FAIL = "fail"
    SPILL = "spill"


@dataclass(frozen=True, slots=True)
class Limits:
    """None: no limit."""

    calls: int | None = None  # at the same time
    requests: int | None = None  # a minute
    tokens: int | None = None  # a minute
    tokens_a_day: int | None = None  # by UTC
    when_reached: WhenReached = WhenReached.WAIT
    spill_over_to: str = ""  # name of a connection

    @property
    def any(self) -> bool:
        return any(limit is not None for limit in (self.calls, self.requests, self.tokens, self.tokens_a_day))


ChatEvent = TextDelta | Adapted | Waiting | Waited | Completion
EmbeddingEvent = Adapted | Waiting | Waited | Embeddings
ModelRequest = ChatRequest | EmbeddingRequest
ModelAnswer = Completion | Embeddings
