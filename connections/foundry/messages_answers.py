"""Answers of the Messages API, whole and as a stream -> the fields of a Completion.

Source: Anthropic's published types of the API and of its events.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connections.foundry.chat import arguments_of, check_error, chunk_of, count_in
from connections.foundry.filters import text_or_none
from connections.foundry.json_parsing import mappings, parse_json
from connections.foundry.responses import join_field, of_type
from connections.foundry.sse import ServerEvent
from connections.foundry.values import ErrorInAnswer, FilterResult, ProtocolError, TextDelta, ToolCall, Usage

# Other words stand for themselves, such as pause_turn.
FINISHES = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
COUNTS = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
# Kind of a delta -> the kind of its block, and the field that it carries a piece of.
DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}
EVENTS = ("message_start", "content_block_start", "content_block_delta", "message_delta", "message_stop", "error")


def usage_of(data: Any) -> Usage:
    """Tokens that were read from a cache or written to one are none of the input here: the prompt is all of them."""
    if not isinstance(data, Mapping):
        return Usage()
    fresh, made, read, written = (count_in(data, name) for name in COUNTS)
    prompt = (fresh or 0) + (read or 0) + (written or 0)
    thoughts = count_in(data.get("output_tokens_details"), "thinking_tokens")
    return Usage(prompt, made or 0, prompt + (made or 0), read, thoughts, written)


def completion_fields(data: Any) -> dict[str, Any]:
    """The fields of a Completion from a whole message. Raises ProtocolError, ErrorInAnswer."""
    is_message = isinstance(data, Mapping) and (data.get("type") == "message" or isinstance(data.get("content"), list))
    if not is_message or data.get("error"):
        check_error(data)
        raise ProtocolError("the answer is no message")
    blocks = mappings(data.get("content"))  # none of one that is refused
    calls = tuple(
        ToolCall(str(block.get("id") or ""), str(block.get("name") or ""), arguments_of(block.get("input") or {}))
        for block in of_type(blocks, "tool_use")
    )
    stop = text_or_none(data.get("stop_reason"))
    details = data.get("stop_details")
    refused = details if stop == "refusal" and isinstance(details, Mapping) else {}
    category = text_or_none(refused.get("category")) or "refused by the model"
    return {
        "text": join_field(of_type(blocks, "text"), "text"),
        "refusal": text_or_none(refused.get("explanation")),
        "finish_reason": FINISHES.get(stop or "", stop),
        "usage": usage_of(data.get("usage")),
        "model": text_or_none(data.get("model")),
        "tool_calls": calls,
        "filters": (FilterResult("completion", category, True),) if stop == "refusal" else (),
        "reasoning": join_field(of_type(blocks, "thinking"), "thinking") or None,
        "raw": data,
    }


class MessageAssembler:
    """Puts a stream together, block by block. Pings, and events that nobody knows yet, are skipped."""

    def __init__(self) -> None:
        self.is_done = False
        self._message: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}  # of a field of a block, by its place and name
        self._usage: dict[str, Any] = {}
        self._has_text = False

    def feed(self, event: ServerEvent) -> Iterator[TextDelta]:
        """Raises ProtocolError, ErrorInAnswer. Everything after the end is ignored."""
        if self.is_done or (data := data_of(event)) is None:
            return
        kind = data.get("type") or event.event
        if kind == "error" or (data.get("error") and kind not in EVENTS):
            raise ErrorInAnswer(event.data)
        match kind:
            case "message_start" if isinstance(message := data.get("message"), Mapping):
                self._message = {name: value for name, value in message.items() if name not in ("content", "usage")}
                self._count(message.get("usage"))
            case "content_block_start" if isinstance(block := data.get("content_block"), Mapping):
                self._blocks[place_of(data)] = dict(block)
                yield from self._text(block.get("text") if block.get("type") == "text" else "")
            case "content_block_delta" if isinstance(delta := data.get("delta"), Mapping):
                yield from self._delta(place_of(data), delta)
            case "message_delta":
                self._message |= data["delta"] if isinstance(data.get("delta"), Mapping) else {}
                if isinstance(details := data.get("stop_details"), Mapping):
                    self._message["stop_details"] = details
                self._count(data.get("usage"))
            case "message_stop":
                self.is_done = True

    def _delta(self, at: int, delta: Mapping[str, Any]) -> Iterator[TextDelta]:
        type, field = DELTAS.get(str(delta.get("type")), ("", ""))
        if not field or not (piece := text_or_none(delta.get(field))):
            return
        self._blocks.setdefault(at, {"type": type})
        self._pieces.setdefault((at, field), []).append(piece)
        if type == "text":
            yield from self._text(piece)

    def _text(self, text: Any) -> Iterator[TextDelta]:
        if text := text_or_none(text):
            self._has_text = True
            yield TextDelta(text)

    def _count(self, usage: Any) -> None:
        """Counts are cumulative: a later one replaces the earlier."""
        if isinstance(usage, Mapping):
            self._usage |= {name: value for name, value in usage.items() if value is not None}

    @property
    def has_begun(self) -> bool:
        return self._has_text

    @property
    def is_whole(self) -> bool:
        return self.is_done

    def fields(self) -> dict[str, Any]:
        """Raises ProtocolError."""
        blocks = {at: dict(block) for at, block in sorted(self._blocks.items())}
        for (at, field), pieces in self._pieces.items():
            text, block = "".join(pieces), blocks[at]
            if field == "partial_json":
                block["input"] = input_of(text)
            else:
                block[field] = f"{block.get(field) or ''}{text}"
        return completion_fields({**self._message, "content": list(blocks.values()), "usage": self._usage})


def data_of(event: ServerEvent) -> Mapping[str, Any] | None:
    """What an event says; None for one that says nothing, or nothing known. Raises ProtocolError."""
    if not event.data.strip() or event.data.strip() == "[DONE]":
        return None
    try:
        return chunk_of(event)
    except ProtocolError:
        if event.event and event.event not in EVENTS:
            return None
        raise


def input_of(arguments: str) -> Any:
    """What a tool is called with; of an answer that was cut the text as far as it came."""
    try:
        return parse_json(arguments)
    except ValueError:
        return arguments


def place_of(data: Mapping[str, Any]) -> int:
    index = data.get("index")
    return index if isinstance(index, int) else 0
