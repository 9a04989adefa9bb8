"""Reply -> the forms of the Messages API: the whole message, and its events in their order."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from connections.simulator.chat_answers import arguments_json, slices
from connections.simulator.model_request import (
    ModelRequest,
    common_fields,
    messages_of,
    positive_integer,
)
from connections.simulator.replies import THINKING, THOUGHTS, Reply
from connections.simulator.routes import SimulatedRoute
from connections.simulator.stream_events import StreamEvent

STOPS = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
# Deployment -> why it stops.
ODD_STOPS = {
    "claude-pause-always": "pause_turn",
    "claude-window": "model_context_window_exceeded",
    "refusal": "refusal",
}
EMPTY: dict[str, dict[str, Any]] = {  # blocks as they begin, by type
    "text": {"text": ""},
    "thinking": {"thinking": "", "signature": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
}
PAUSED = "pause_turn"
# A tool of the service that takes long.
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "simulated"}}
CHOICES: dict[str, Any] = {"auto": "auto", "any": "required", "none": "none"}  # in the words of chat
REFUSED = {"type": "refusal", "category": "general_harms", "explanation": "I cannot answer that (simulated)."}


def claude_request(route: SimulatedRoute, deployment: str, body: Mapping[str, Any]) -> ModelRequest:
    system = {"role": "system", "content": body["system"]} if body.get("system") else {}
    thinks = (body.get("thinking") or {}).get("type") in ("enabled", "adaptive")
    choice: dict[str, Any] = body.get("tool_choice") or {}
    said = {
        **body,
        "tool_choice": CHOICES.get(choice.get("type", ""), choice or None),
        "parallel_tool_calls": not choice.get("disable_parallel_tool_use"),
    }
    return ModelRequest(
        **common_fields(route, deployment, said, messages_of([system, *body["messages"]])),
        limit=positive_integer(body.get("max_tokens")),
        effort="high" if thinks else None,
    )


class ClaudeAnswer:
    def __init__(self, reply: Reply, body: Mapping[str, Any]) -> None:
        self._body = body
        self._thinks = reply.request.effort is not None
        found = [(reply.text.find(each), each) for each in body.get("stop_sequences") or () if each in reply.text]
        at, sequence = min(found, default=(len(reply.text), ""))
        self._sequence = sequence or None
        self._reply = replace(reply, text=reply.text[:at])
        stop = "stop_sequence" if self._sequence else STOPS[reply.finish]
        self._stop = ODD_STOPS.get(reply.request.deployment, stop)
        if reply.request.deployment == "claude-pause" and not goes_on_in(body):
            self._stop = PAUSED

    def whole(self) -> dict[str, Any]:
        return {**self._head(), "content": self._blocks(), **self._end(), "usage": self._usage()}

    def _head(self) -> dict[str, Any]:
        deployment = self._reply.request.deployment
        return {
            "id": f"msg_{self._reply.id}",
            "type": "message",
            "role": "assistant",
            "model": f"{deployment}-simulated",
        }

    def _end(self) -> dict[str, Any]:
        details = {"stop_details": REFUSED} if self._stop == "refusal" else {}
        return {"stop_reason": self._stop, "stop_sequence": self._sequence, **details}

    def _blocks(self) -> list[dict[str, Any]]:
        reply = self._reply
        thoughts = {"type": "thinking", "thinking": THOUGHTS, "signature": "c2ltdWxhdGVk"}
        calls = [
            {"type": "tool_use", "id": f"toolu_{reply.id}_{n}", "name": call.name, "input": dict(call.arguments)}
            for n, call in enumerate(reply.request.calls)
        ]
        said = [{"type": "text", "text": reply.text}] if reply.text else []
        searches = [SEARCH] if self._stop == PAUSED else []
        return [*([thoughts] if self._thinks else []), *said, *calls, *searches]

    def _usage(self) -> dict[str, Any]:
        came, read, made = self._reply.counts
        # Half of a prompt that is marked for the cache is written to it.
        written = came // 2 if "cache_control" in json.dumps(self._body) else 0
        read = 0 if written else read
        thoughts = THINKING if self._thinks else 0
        return {
            "input_tokens": came - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "output_tokens": made + thoughts,
            "output_tokens_details": {"thinking_tokens": thoughts},
            "service_tier": "standard",
        }

    def events(self) -> Iterator[StreamEvent]:
        usage = self._usage()
        begun = {**usage, "output_tokens": 1}
        message = {**self._head(), "content": [], "stop_reason": None, "stop_sequence": None, "usage": begun}
        yield event_of({"type": "message_start", "message": message})
        yield event_of({"type": "ping"})
        for at, block in enumerate(self._blocks()):
            yield from self._block_events(at, block)
        if self._reply.request.deployment == "claude-new-events":
            yield StreamEvent({"type": "message_hint", "hint": {"simulated": True}}, "message_hint")
        yield event_of({"type": "message_delta", "delta": self._end(), "usage": usage})
        yield event_of({"type": "message_stop"})

    def _block_events(self, at: int, block: Mapping[str, Any]) -> Iterator[StreamEvent]:
        begun = {**block, **EMPTY[block["type"]]}
        yield event_of({"type": "content_block_start", "index": at, "content_block": begun})
        for delta in self._deltas(block):
            yield event_of({"type": "content_block_delta", "index": at, "delta": delta}, part=True)
        yield event_of({"type": "content_block_stop", "index": at})

    def _deltas(self, block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        match block["type"]:
            case "text":
                yield from ({"type": "text_delta", "text": piece} for piece in self._reply.pieces)
            case "thinking":
                yield from ({"type": "thinking_delta", "thinking": word} for word in (THOUGHTS[:9], THOUGHTS[9:]))
                yield {"type": "signature_delta", "signature": block["signature"]}
            case "server_tool_use":
                yield {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            case _:
                call = next(call for call in self._reply.request.calls if call.name == block["name"])
                yield from (
                    {"type": "input_json_delta", "partial_json": piece} for piece in slices(arguments_json(call))
                )


def goes_on_in(body: Mapping[str, Any]) -> bool:
    """Whether a turn that was paused came back."""
    return bool(body["messages"][-1]["role"] == "assistant")


def event_of(data: dict[str, Any], *, part: bool = False) -> StreamEvent:
    return StreamEvent(data, data["type"], part)
