"""Reply -> the forms of the Responses API: the whole response, and its events in the order of the specification."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from connections.simulator.chat_answers import arguments_json, slices
from connections.simulator.replies import PROMPT_SAFE, THOUGHTS, Reply
from connections.simulator.stream_events import StreamEvent

# What comes back as it was sent, and what stands there when it was not.
REPEATED_FIELDS: dict[str, Any] = {
    "instructions": None,
    "metadata": {},
    "temperature": 1.0,
    "top_p": 1.0,
    "max_output_tokens": None,
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "reasoning": {"effort": None, "summary": None},
    "store": True,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "truncation": "disabled",
    "user": None,
}
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}
FAILED = {"code": "server_error", "message": "The model failed (simulated)."}


class ResponsesAnswer:
    def __init__(self, reply: Reply, body: Mapping[str, Any]) -> None:
        self._reply = reply
        self._repeated = {
            name: default if body.get(name) is None else body[name] for name, default in REPEATED_FIELDS.items()
        }
        reasoning = body.get("reasoning")
        self._summary = isinstance(reasoning, Mapping) and bool(reasoning.get("summary"))
        self._created = int(time.time())
        self.id = f"resp_{reply.id}"
        self._failed = reply.request.deployment == "response-failed"
        self._reason = REASONS.get(reply.finish)
        self._status = "failed" if self._failed else "incomplete" if self._reason else "completed"

    def whole(self) -> dict[str, Any]:
        usage = {} if self._reply.request.deployment == "no-usage" else {"usage": self._usage()}
        return {**self._head(self._status), "output": [] if self._failed else self._items(), **usage}

    def _head(self, status: str) -> dict[str, Any]:
        ended = status == self._status
        filters = {"prompt_filter_results": PROMPT_SAFE, "content_filter_results": self._reply.filters}
        return {
            "id": self.id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": f"{self._reply.request.deployment}-simulated",
            "error": FAILED if ended and self._failed else None,
            "incomplete_details": {"reason": self._reason} if ended and self._reason else None,
            **self._repeated,
            **({"content_filters": [filters]} if self._reply.request.route.azure else {}),
        }

    def _usage(self) -> dict[str, Any]:
        came, cached, made = self._reply.counts
        return {
            "input_tokens": came,
            "input_tokens_details": {"cached_tokens": cached},
            "output_tokens": made,
            "output_tokens_details": {"reasoning_tokens": self._reply.thinking},
            "total_tokens": came + made,
        }

    def _items(self) -> list[dict[str, Any]]:
        reply = self._reply
        items: list[dict[str, Any]] = []
        if reply.thinking:
            summary = [{"type": "summary_text", "text": THOUGHTS}] if self._summary else []
            items.append({"id": f"rs_{reply.id}", "type": "reasoning", "summary": summary})
        for number, call in enumerate(reply.request.calls):
            names = {"call_id": f"call_{reply.id}_{number}", "name": call.name, "arguments": arguments_json(call)}
            items.append({"id": f"fc_{reply.id}_{number}", "type": "function_call", "status": "completed", **names})
        # A model that spent its budget on thoughts has no message at all.
        if not reply.request.calls and (reply.text or reply.refusal or self._status == "completed"):
            status = "incomplete" if self._reason else "completed"
            message = {"id": f"msg_{reply.id}", "type": "message", "role": "assistant", "status": status}
            items.append({**message, "content": [self._part()]})
        return items

    def _part(self) -> dict[str, Any]:
        if self._reply.refusal:
            return {"type": "refusal", "refusal": self._reply.refusal}
        return {"type": "output_text", "text": self._reply.text, "annotations": [], "logprobs": []}

    def events(self) -> Iterator[StreamEvent]:
        """Numbered as they go."""
        for number, (data, part) in enumerate(self._events()):
            yield StreamEvent({**data, "sequence_number": number}, data["type"], part)
        if self._reply.request.deployment == "after-done":
            yield StreamEvent("[DONE]")

    def _events(self) -> Iterator[tuple[dict[str, Any], bool]]:
        running = {**self._head("in_progress"), "output": [], "usage": None}
        yield {"type": "response.created", "response": running}, False
        yield {"type": "response.in_progress", "response": running}, False
        for index, item in enumerate([] if self._failed else self._items()):
            yield from self._item(index, item)
        yield {"type": f"response.{self._status}", "response": self.whole()}, False

    def _item(self, index: int, item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        begun = {**item, **EMPTY[item["type"]]}
        if "status" in item:
            begun["status"] = "in_progress"
        yield {"type": "response.output_item.added", "output_index": index, "item": begun}, False
        where = {"item_id": item["id"], "output_index": index}
        for event, part in self._inside(item):
            yield {**event, **where}, part
        yield {"type": "response.output_item.done", "output_index": index, "item": item}, False

    def _inside(self, item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        if item["type"] == "function_call":
            kind = "response.function_call_arguments"
            yield from (({"type": f"{kind}.delta", "delta": piece}, True) for piece in slices(item["arguments"]))
            yield {"type": f"{kind}.done", "name": item["name"], "arguments": item["arguments"]}, False
        elif item["type"] == "reasoning":
            yield from self._summaries(item)
        else:
            yield from self._content(item["content"][0])

    def _summaries(self, item: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        kind = "response.reasoning_summary"
        for at, part in enumerate(item["summary"]):
            place = {"summary_index": at}
            yield {"type": f"{kind}_part.added", **place, "part": {**part, "text": ""}}, False
            yield {"type": f"{kind}_text.delta", **place, "delta": part["text"]}, True
            yield {"type": f"{kind}_text.done", **place, "text": part["text"]}, False
            yield {"type": f"{kind}_part.done", **place, "part": part}, False

    def _content(self, part: dict[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
        field = "refusal" if part["type"] == "refusal" else "text"
        kind, place = f"response.{part['type']}", {"content_index": 0}
        pieces = [part[field]] if field == "refusal" else self._reply.pieces
        yield {"type": "response.content_part.added", **place, "part": {**part, field: ""}}, False
        yield from (({"type": f"{kind}.delta", **place, "delta": piece}, True) for piece in pieces)
        yield {"type": f"{kind}.done", **place, field: part[field]}, False
        yield {"type": "response.content_part.done", **place, "part": part}, False


# Kind of item -> what is not there yet when it is added.
EMPTY: dict[str, dict[str, Any]] = {
    "reasoning": {"summary": []},
    "function_call": {"arguments": ""},
    "message": {"content": []},
}
