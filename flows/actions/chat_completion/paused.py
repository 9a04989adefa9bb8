"""Turns that a service pauses: Claude does so while it uses tools of the service for long."""

from __future__ import annotations

from dataclasses import replace

from connections.foundry.values import ChatRequest, Completion, Message

PAUSED = "pause_turn"
MOST_PAUSES = 5  # of one turn; then what has come is the answer


def is_paused(completion: Completion) -> bool:
    return completion.finish_reason == PAUSED and bool(completion.raw.get("content"))


def request_to_go_on(request: ChatRequest, paused: Completion) -> ChatRequest:
    """The same, with what has come of the turn behind its messages, unchanged."""
    return replace(request, messages=(*request.messages, Message("assistant", list(paused.raw["content"]))))


def join_parts(before: Completion, after: Completion) -> Completion:
    """One answer of two parts of a turn; its usage is that of both calls."""
    thoughts = "".join(filter(None, (before.reasoning, after.reasoning))) or None
    return replace(after, text=before.text + after.text, usage=before.usage + after.usage, reasoning=thoughts)
