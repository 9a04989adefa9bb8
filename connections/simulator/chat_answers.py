"""Reply -> the forms of chat completions, whole and streamed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from connections.simulator.echoes import place_of
from connections.simulator.replies import PROMPT_SAFE, Reply
from connections.simulator.stream_events import StreamEvent

PIECE = 12  # characters of arguments in one event


class ChatAnswer:
    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._azure = reply.request.route.azure
        self._created = int(time.time())
        # The Azure OpenAI routes name the thoughts; the inference API leaves them where the model put them.
        thinks_aloud = reply.request.route.family in ("models", "serverless", "serverless-v1")
        self._thoughts = None if thinks_aloud else reply.thoughts
        self._before = f"<think>{reply.thoughts}</think>\n\n" if thinks_aloud and reply.thoughts else ""

    def _head(self, object: str) -> dict[str, Any]:
        named = self._reply.request.echo if place_of(self._reply.request.deployment) == "fields" else ""
        return {
            "id": f"chatcmpl-{self._reply.id}{named}",
            "object": object,
            "created": self._created,
            "model": f"{self._reply.request.deployment}-simulated{named}",
            "system_fingerprint": f"simulated{named}",
        }

    def whole(self) -> dict[str, Any]:
        reply = self._reply
        choices = [
            {
                "index": n,
                "message": self._message(),
                "finish_reason": reply.finish,
                "logprobs": self._logprobs(reply.pieces),
                **self._filters(),
            }
            for n in range(reply.request.choices)
        ]
        usage = {} if reply.request.deployment == "no-usage" else {"usage": self._usage()}
        prompt = {"prompt_filter_results": PROMPT_SAFE} if self._azure else {}
        return {**self._head("chat.completion"), "choices": choices, **usage, **prompt}

    def _message(self) -> dict[str, Any]:
        reply = self._reply
        silent = reply.request.calls or reply.refusal
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if silent else self._before + reply.text,
            "refusal": reply.refusal,
            "annotations": [],
        }
        if self._thoughts:
            message["reasoning_content"] = self._thoughts
        if reply.request.calls:
            message["tool_calls"] = [
                {
                    "id": self._call_id(n),
                    "type": "function",
                    "function": {"name": c.name, "arguments": arguments_json(c)},
                }
                for n, c in enumerate(reply.request.calls)
            ]
        return message

    def _logprobs(self, pieces: Sequence[str]) -> dict[str, Any] | None:
        """How likely each piece of the text was; a piece is a token here."""
        count = self._reply.request.logprobs
        if count is None or not pieces:
            return None
        others = [{"token": f"other{n}", "logprob": -2.0 - n, "bytes": None} for n in range(count)]
        content = [{"token": piece, "logprob": -0.25, "bytes": None, "top_logprobs": others} for piece in pieces]
        return {"content": content, "refusal": None}

    def _call_id(self, number: int) -> str:
        return f"call_{self._reply.id}_{number}"

    def _filters(self) -> dict[str, Any]:
        return {"content_filter_results": self._reply.filters} if self._azure else {}

    def _usage(self) -> dict[str, Any]:
        came, cached, made = self._reply.counts
        usage = {"prompt_tokens": came, "completion_tokens": made, "total_tokens": came + made}
        if not self._azure:
            return usage
        details = {"reasoning_tokens": self._reply.thinking}
        return {**usage, "prompt_tokens_details": {"cached_tokens": cached}, "completion_tokens_details": details}

    def events(self) -> Iterator[StreamEvent]:
        deployment = self._reply.request.deployment
        if self._azure:
            yield StreamEvent({"id": "", "model": "", "choices": [], "prompt_filter_results": PROMPT_SAFE})
        for number in range(self._reply.request.choices):
            yield from self._choice(number)
        if deployment == "late-filter":
            yield StreamEvent(self._annotation(None))
        if deployment == "late-block":
            yield StreamEvent(self._annotation("content_filter"))
        if self._reply.request.stream_usage and deployment not in ("no-usage", "usage-on-finish"):
            yield StreamEvent({**self._head("chat.completion.chunk"), "choices": [], "usage": self._usage()})
        yield StreamEvent("[DONE]")
        if deployment == "after-done":
            yield StreamEvent(self._chunk(0, {"content": "This comes after the end (simulated)."}))

    def _choice(self, number: int) -> Iterator[StreamEvent]:
        yield StreamEvent(self._chunk(number, {"role": "assistant", "content": "", "refusal": None}))
        for delta in self._deltas():
            yield StreamEvent(self._chunk(number, delta), part=True)
        last = self._chunk(number, {}, self._reply.finish)
        if self._reply.request.deployment == "usage-on-finish":
            last["usage"] = self._usage()
        yield StreamEvent(last)

    def _deltas(self) -> Iterator[dict[str, Any]]:
        reply = self._reply
        if self._thoughts:
            yield from ({"reasoning_content": word} for word in self._thoughts.split(" "))
        for number, call in enumerate(reply.request.calls):
            head = {"name": call.name, "arguments": ""}
            yield {"tool_calls": [{"index": number, "id": self._call_id(number), "type": "function", "function": head}]}
            yield from (
                {"tool_calls": [{"index": number, "function": {"arguments": piece}}]}
                for piece in slices(arguments_json(call))
            )
        if reply.refusal:
            yield {"refusal": reply.refusal}
        if self._before:
            yield {"content": self._before}
        yield from ({"content": piece} for piece in reply.pieces)

    def _chunk(self, number: int, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        filters = self._filters() if delta.get("content") or finish else {}
        told = self._logprobs([delta["content"]] if delta.get("content") else [])
        choice = {"index": number, "delta": delta, "finish_reason": finish, "logprobs": told, **filters}
        usage = {"usage": None} if self._reply.request.stream_usage else {}
        return {**self._head("chat.completion.chunk"), "choices": [choice], **usage}

    def _annotation(self, finish: str | None) -> dict[str, Any]:
        """What asynchronous filters add later: a choice without a delta."""
        results = {"violence": {"filtered": True, "severity": "medium"}} if finish else {}
        choice = {"index": 0, "finish_reason": finish, "content_filter_results": results, "content_filter_offsets": {}}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}


def arguments_json(call: Any) -> str:
    return json.dumps(call.arguments)


def slices(text: str) -> list[str]:
    return [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
