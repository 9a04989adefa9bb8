"""The wire form of chat completions <-> ChatRequest, Completion.

Source: the published Azure OpenAI v1 specification and Microsoft's chat completion reference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.endpoint.endpoint import Endpoint, EndpointKind
from connections.foundry.filters import filter_results, text_or_none
from connections.foundry.json_parsing import mappings, parse_json
from connections.foundry.sse import ServerEvent
from connections.foundry.values import (
    PARAMETERS,
    ChatRequest,
    ErrorInAnswer,
    FilterResult,
    Message,
    ProtocolError,
    TextDelta,
    ToolCall,
    Usage,
)

LARGEST_COUNT = 2**53  # of tokens; no sane answer has more, and no column takes more


def body_of(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """The JSON body. Old routes take max_tokens; /models refuses stream_options unless told otherwise."""
    body: dict[str, Any] = {"messages": messages_of(request.messages)}
    if endpoint.model_in_body and request.model:
        body["model"] = request.model
    body.update({name: value for name in PARAMETERS if (value := getattr(request, name)) is not None})
    if takes_max_tokens(endpoint) and "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if request.stream:
        body["stream"] = True
        if takes_stream_options(endpoint):
            body["stream_options"] = {"include_usage": True}
    body.update(request.extra or {})
    return body


def messages_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """System and developer mean the same, and no service takes both in one request."""
    roles = {message.role for message in messages}
    same = {"developer": "system"} if {"system", "developer"} <= roles else {}
    return [wire_message(message, same.get(message.role, message.role)) for message in messages]


def wire_message(message: Message, role: str) -> dict[str, Any]:
    made: dict[str, Any] = {"role": role, "content": message.content}
    if message.tool_calls:
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    return made


def takes_max_tokens(endpoint: Endpoint) -> bool:
    """Whether the route is older than max_completion_tokens (2024-09-01-preview), or not of Azure OpenAI."""
    if endpoint.kind is EndpointKind.DEPLOYMENT:
        return (endpoint.api_version or "") < "2024-09-01"
    return endpoint.kind in (EndpointKind.INFERENCE, EndpointKind.SERVERLESS, EndpointKind.COMPATIBLE)


def takes_stream_options(endpoint: Endpoint) -> bool:
    if endpoint.kind is EndpointKind.DEPLOYMENT:
        return (endpoint.api_version or "") >= "2024-09-01"
    return endpoint.kind is not EndpointKind.INFERENCE


def count_in(source: Any, name: str) -> int | None:
    value = source.get(name) if isinstance(source, Mapping) else None
    return value if isinstance(value, int) and 0 <= value < LARGEST_COUNT else None


def usage_of(data: Any, given: str = "prompt", made: str = "completion") -> Usage:
    """What was counted; `given` and `made` are the words of the API for both sides. The total is their sum where none
    is told."""
    if not isinstance(data, Mapping):
        return Usage()
    prompt, completion = count_in(data, f"{given}_tokens") or 0, count_in(data, f"{made}_tokens") or 0
    return Usage(
        prompt,
        completion,
        count_in(data, "total_tokens") or prompt + completion,
        count_in(data.get(f"{given}_tokens_details"), "cached_tokens"),
        count_in(data.get(f"{made}_tokens_details"), "reasoning_tokens"),
    )


def completion_fields(data: Any) -> dict[str, Any]:
    """The fields of a Completion from an answer that did not stream. Raises ProtocolError, ErrorInAnswer."""
    if not isinstance(data, Mapping) or not isinstance(data.get("choices"), list) or not data["choices"]:
        check_error(data)
        raise ProtocolError("the answer has no choices")
    choice = data["choices"][0]
    message = choice.get("message") if isinstance(choice, Mapping) else None
    if not isinstance(message, Mapping):
        raise ProtocolError("the first choice has no message")
    return {
        "text": text_of(message.get("content")),
        "refusal": text_or_none(message.get("refusal")),
        "finish_reason": text_or_none(choice.get("finish_reason")),
        "usage": usage_of(data.get("usage")),
        "model": text_or_none(data.get("model")),
        "tool_calls": tool_calls_of(message.get("tool_calls")),
        "filters": (*prompt_filters(data), *filter_results("completion", choice.get("content_filter_results"))),
        "reasoning": thoughts_of(message) or None,
        "logprobs": token_logprobs(choice.get("logprobs")),
        "raw": data,
    }


def token_logprobs(data: Any) -> tuple[dict[str, Any], ...] | None:
    """How likely each token was, from the `logprobs` of a choice; their bytes are left out."""
    content = data.get("content") if isinstance(data, Mapping) else data
    if not isinstance(content, list):
        return None
    return tuple(
        {
            "token": token.get("token"),
            "logprob": token.get("logprob"),
            "top_logprobs": [
                {"token": other.get("token"), "logprob": other.get("logprob")}
                for other in mappings(token.get("top_logprobs"))
            ],
        }
        for token in mappings(content)
    )


def check_error(data: Any) -> None:
    """Raises ErrorInAnswer when an answer of status 200 is an error."""
    if isinstance(data, Mapping) and (data.get("error") or data.get("object") == "error"):
        raise ErrorInAnswer(json.dumps(data, ensure_ascii=False))


def text_of(content: Any) -> str:
    """The text of a message, also of one in parts; thoughts among them are none of it."""
    if isinstance(content, str):
        return content
    return "".join(text_or_none(part.get("text")) or "" for part in mappings(content))


def thoughts_of(message: Mapping[str, Any]) -> str:
    """Thoughts stand in a field of their own (of DeepSeek and vLLM, of OpenRouter), or as parts (of Magistral)."""
    for name in ("reasoning_content", "reasoning"):
        if thoughts := text_or_none(message.get(name)):
            return thoughts
    parts = mappings(message.get("content"))
    return "".join(text_of(part.get("thinking")) for part in parts if part.get("type") == "thinking")


def tool_calls_of(data: Any) -> tuple[ToolCall, ...]:
    functions = [(call, function) for call in mappings(data) if isinstance(function := call.get("function"), Mapping)]
    return tuple(
        ToolCall(
            str(call.get("id") or ""), str(function.get("name") or ""), arguments_of(function.get("arguments") or "")
        )
        for call, function in functions
    )


def arguments_of(given: Any) -> str:
    """What a tool is called with, as JSON. Some servers give the object instead of its text."""
    return given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)


def prompt_filters(data: Mapping[str, Any]) -> tuple[FilterResult, ...]:
    """Older versions call them prompt_annotations."""
    given = data.get("prompt_filter_results") or data.get("prompt_annotations")
    found = (part.get("content_filter_results") for part in mappings(given))
    return tuple(result for results in found for result in filter_results("prompt", results))


class ToolCallAssembler:
    """Puts together tool calls that come in pieces."""

    def __init__(self) -> None:
        self._calls: dict[int, dict[str, str]] = {}

    def feed(self, pieces: Any) -> None:
        for at, piece in enumerate(pieces if isinstance(pieces, list) else []):
            if not isinstance(piece, Mapping):
                continue
            index = piece.get("index")
            call = self._calls.setdefault(
                index if isinstance(index, int) else at, {"id": "", "name": "", "arguments": ""}
            )
            function = piece.get("function")
            given = {**(function if isinstance(function, Mapping) else {}), "id": piece.get("id")}
            call["id"] = text_or_none(given["id"]) or call["id"]
            call["name"] += text_or_none(given.get("name")) or ""
            call["arguments"] += arguments_of(given.get("arguments") or "")

    def whole(self) -> tuple[ToolCall, ...]:
        return tuple(ToolCall(**call) for _, call in sorted(self._calls.items()))


class ChatAssembler:
    """Puts a stream together. Feed events, get the text that is new; `fields()` of a Completion at the end."""

    def __init__(self) -> None:
        self.is_done = False
        self._text: list[str] = []
        self._refusal: list[str] = []
        self._reasoning: list[str] = []
        self._tools = ToolCallAssembler()
        self._filters: dict[tuple[str, str], FilterResult] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._finish: str | None = None
        self._usage: Any = None
        self._model: str | None = None
        self._id: str | None = None

    def feed(self, event: ServerEvent) -> Iterator[TextDelta]:
        """Raises ProtocolError, ErrorInAnswer. Everything after [DONE] is ignored."""
        if self.is_done:
            return
        if event.data.strip() == "[DONE]":
            self.is_done = True
            return
        chunk = chunk_of(event)
        if chunk.get("error") or event.event == "error":
            raise ErrorInAnswer(event.data)
        self._usage = chunk.get("usage") or self._usage
        self._model = text_or_none(chunk.get("model")) or self._model
        self._id = text_or_none(chunk.get("id")) or self._id
        self._add_filters(prompt_filters(chunk))
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, Mapping) and not choice.get("index"):
                yield from self._choice(choice)

    def _choice(self, choice: Mapping[str, Any]) -> Iterator[TextDelta]:
        # Asynchronous filters send choices without a delta, also after the one that finished.
        delta = choice.get("delta")
        # Microsoft's own simulator says inside the delta why it finished.
        inner = delta.get("finish_reason") if isinstance(delta, Mapping) else None
        self._finish = text_or_none(choice.get("finish_reason")) or text_or_none(inner) or self._finish
        if results := choice.get("content_filter_results"):
            self._add_filters(filter_results("completion", results))
        if (logprobs := choice.get("logprobs")) and (found := token_logprobs(logprobs)):
            self._logprobs += found
        if not isinstance(delta, Mapping):
            return
        if refusal := text_or_none(delta.get("refusal")):
            self._refusal.append(refusal)
        if reasoning := thoughts_of(delta):
            self._reasoning.append(reasoning)
        if pieces := delta.get("tool_calls"):
            self._tools.feed(pieces)
        if text := text_of(delta.get("content")):
            self._text.append(text)
            yield TextDelta(text)

    def _add_filters(self, results: Sequence[FilterResult]) -> None:
        """The last word on a category counts, unless an earlier one says that it cut the answer."""
        for result in results:
            known = self._filters.get((result.source, result.category))
            if known is None or not known.filtered:
                self._filters[result.source, result.category] = result

    @property
    def has_begun(self) -> bool:
        return bool(self._text)

    @property
    def is_whole(self) -> bool:
        return self.is_done or self._finish is not None

    def fields(self) -> dict[str, Any]:
        text, calls = "".join(self._text), self._tools.whole()
        message: dict[str, Any] = {"role": "assistant", "content": text}
        if calls:
            message["tool_calls"] = messages_of([Message("assistant", None, calls)])[0]["tool_calls"]
        choice = {"index": 0, "message": message, "finish_reason": self._finish}
        return {
            "text": text,
            "refusal": "".join(self._refusal) or None,
            "finish_reason": self._finish,
            "usage": usage_of(self._usage),
            "model": self._model,
            "tool_calls": calls,
            "filters": tuple(self._filters.values()),
            "reasoning": "".join(self._reasoning) or None,
            "logprobs": tuple(self._logprobs) or None,
            "raw": {"id": self._id, "model": self._model, "choices": [choice], "usage": self._usage},
        }


def chunk_of(event: ServerEvent) -> Mapping[str, Any]:
    try:
        chunk = parse_json(event.data)
    except ValueError:
        raise ProtocolError("a chunk is not JSON", event.data) from None
    if not isinstance(chunk, Mapping):
        raise ProtocolError("a chunk is not an object")
    return chunk
