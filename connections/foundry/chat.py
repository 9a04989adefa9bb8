"""The wire form of chat completions <-> one request type and one result type.

Source: the published Azure OpenAI v1 specification and Microsoft's chat completion reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from connections.endpoint import Endpoint, Kind
from connections.foundry.errors import words_of
from connections.foundry.jsons import parsed
from connections.foundry.sse import ServerEvent


@dataclass(frozen=True, slots=True)
class Message:
    """`content` is text, or a list of parts as the API takes them."""

    role: str
    content: str | list[dict[str, Any]]


@dataclass(frozen=True)
class ChatRequest:
    """What is None is not sent at all."""

    model: str
    messages: tuple[Message, ...]
    temperature: float | None = None
    top_p: float | None = None
    max_completion_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    response_format: Mapping[str, Any] | None = None
    stop: Any = None
    seed: int | None = None
    user: str | None = None
    stream: bool = True


@dataclass(frozen=True, slots=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """The client waits until `until` (seconds since the epoch) and tries again by itself."""

    reason: str
    until: float
    attempt: int


@dataclass(frozen=True, slots=True)
class Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """The whole answer. `filtered` names the category that cut it, if one did."""

    text: str
    refusal: str | None
    finish_reason: str | None
    usage: Usage
    model: str | None
    request_id: str | None
    status: int
    url: str
    filtered: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)


class ProtocolError(ValueError):
    """The answer is not what the protocol says."""


class ErrorInStream(Exception):
    """The service reports an error after the answer has begun."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


LARGEST_COUNT = 2**53  # of tokens; no sane answer has more, and no column takes more
PARAMETERS = tuple(f.name for f in fields(ChatRequest) if f.name not in ("model", "messages", "stream"))


def body_of(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """The JSON body. Old routes take max_tokens; /models refuses stream_options unless told otherwise."""
    body: dict[str, Any] = {"messages": [{"role": m.role, "content": m.content} for m in request.messages]}
    if endpoint.model_in_body and request.model:
        body["model"] = request.model
    body.update({name: value for name in PARAMETERS if (value := getattr(request, name)) is not None})
    if old_names(endpoint) and "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if request.stream:
        body["stream"] = True
        if not old_names(endpoint) or endpoint.kind in (Kind.COMPATIBLE, Kind.SERVERLESS):
            body["stream_options"] = {"include_usage": True}
    return body


def old_names(endpoint: Endpoint) -> bool:
    """Whether the route is older than max_completion_tokens and stream_options (dated 2024-09-01-preview)."""
    if endpoint.kind is Kind.DEPLOYMENT:
        return (endpoint.api_version or "") < "2024-09-01"
    return endpoint.kind in (Kind.INFERENCE, Kind.SERVERLESS, Kind.COMPATIBLE)


def usage_of(data: Any) -> Usage:
    if not isinstance(data, Mapping):
        return Usage()

    def count(source: Any, name: str) -> int | None:
        value = source.get(name) if isinstance(source, Mapping) else None
        return value if isinstance(value, int) and 0 <= value < LARGEST_COUNT else None

    return Usage(
        count(data, "prompt_tokens") or 0,
        count(data, "completion_tokens") or 0,
        count(data, "total_tokens") or 0,
        count(data.get("prompt_tokens_details"), "cached_tokens"),
        count(data.get("completion_tokens_details"), "reasoning_tokens"),
    )


def completion_of(data: Any, *, status: int, url: str, request_id: str | None) -> Completion:
    """The answer of a call that did not stream. Raises ProtocolError."""
    if not isinstance(data, Mapping) or not isinstance(data.get("choices"), list) or not data["choices"]:
        raise ProtocolError("the answer has no choices")
    choice = data["choices"][0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise ProtocolError("the first choice has no message")
    return Completion(
        text=text_of(message.get("content")),
        refusal=word(message.get("refusal")),
        finish_reason=word(choice.get("finish_reason")),
        usage=usage_of(data.get("usage")),
        model=word(data.get("model")),
        request_id=request_id,
        status=status,
        url=url,
        filtered=filtered(choice.get("content_filter_results")),
        raw=data,
    )


def word(value: Any) -> str | None:
    """The value when it is a text with something in it."""
    return value if isinstance(value, str) and value else None


def text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def filtered(results: Any) -> str:
    return words_of(results).removeprefix(": ") if isinstance(results, Mapping) else ""


class Assembler:
    """Puts a stream together. Feed events, get the text that is new; `completion` at the end."""

    def __init__(self) -> None:
        self.done = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._finish: str | None = None
        self._usage: Any = None
        self._model: str | None = None
        self._id: str | None = None
        self._filtered = ""

    def feed(self, event: ServerEvent) -> Iterator[TextDelta]:
        """Raises ProtocolError, ErrorInStream. Everything after [DONE] is ignored."""
        if self.done:
            return
        if event.data.strip() == "[DONE]":
            self.done = True
            return
        try:
            chunk = parsed(event.data)
        except ValueError:
            raise ProtocolError(f"a chunk is not JSON: {event.data[:100]!r}") from None
        if not isinstance(chunk, Mapping):
            raise ProtocolError("a chunk is not an object")
        if chunk.get("error") or event.event == "error":
            raise ErrorInStream(event.data)
        self._usage = chunk.get("usage") or self._usage
        self._model = word(chunk.get("model")) or self._model
        self._id = word(chunk.get("id")) or self._id
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, Mapping) and not choice.get("index"):
                yield from self._choice(choice)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[TextDelta]:
        # Asynchronous filters send choices without a delta, also after the one that finished.
        delta = choice.get("delta")
        self._finish = word(choice.get("finish_reason")) or self._finish
        self._filtered = filtered(choice.get("content_filter_results")) or self._filtered
        if not isinstance(delta, Mapping):
            return
        if isinstance(refusal := delta.get("refusal"), str):
            self._refusal.append(refusal)
        if isinstance(text := delta.get("content"), str) and text:
            self._text.append(text)
            yield TextDelta(text)

    @property
    def begun(self) -> bool:
        return bool(self._text)

    @property
    def whole(self) -> bool:
        return self.done or self._finish is not None

    def completion(self, *, status: int, url: str, request_id: str | None) -> Completion:
        text = "".join(self._text)
        return Completion(
            text=text,
            refusal="".join(self._refusal) or None,
            finish_reason=self._finish,
            usage=usage_of(self._usage),
            model=self._model,
            request_id=request_id,
            status=status,
            url=url,
            filtered=self._filtered,
            raw={
                "id": self._id,
                "model": self._model,
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": text},
                        "finish_reason": self._finish,
                    }
                ],
                "usage": self._usage,
            },
        )
