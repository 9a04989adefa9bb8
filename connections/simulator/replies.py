"""What the simulated model says, before either API gives it a form."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

from connections.simulator.faults import word_count
from connections.simulator.model_request import ModelRequest

REASONING = ("reasoning", "deepseek")  # deployments that think first
THOUGHTS = "Simulated thoughts."
THINKING = 64  # tokens; hidden, but paid and counted
CACHED_FROM, CACHED_STEP = 1024, 128  # tokens
HUGE = 20 * 1024 * 1024  # characters
# What a parser may stumble over: an emoji of four bytes, and a line separator that ends no line of a stream.
ODD_TEXT = " \N{PARTY POPPER} a\u2028b"
FINISHES = {"filtered-answer": "content_filter", "length": "length", "response-incomplete": "length"}

SAFE = {
    **{name: {"filtered": False, "severity": "safe"} for name in ("hate", "self_harm", "sexual", "violence")},
    "protected_material_text": {"filtered": False, "detected": False},
}
CUT_BY_FILTER = {**SAFE, "violence": {"filtered": True, "severity": "medium"}}
FILTER_DOWN = {"error": {"code": "content_filter_error", "message": "The contents are not filtered (simulated)"}}
PROMPT_SAFE = [
    {"prompt_index": 0, "content_filter_results": {**SAFE, "jailbreak": {"filtered": False, "detected": False}}}
]


@dataclass(frozen=True)
class Reply:
    ask: ModelRequest
    text: str
    finish: str  # in the words of chat: stop, length, content_filter, tool_calls
    thinking: int  # tokens
    refusal: str | None
    id: str  # without the prefix that each API puts before it

    @classmethod
    def to(cls, ask: ModelRequest) -> Reply:
        text, finish, thinking = text_for(ask), FINISHES.get(ask.deployment, "stop"), thinking_for(ask)
        refusal = "I cannot answer that (simulated)." if ask.deployment == "refusal" else None
        if ask.calls:
            text, finish = "", "tool_calls"
        if refusal:
            text = ""
        if ask.deployment == "response-incomplete":
            text = text[: len(text) // 2]
        words = text.split(" ")
        room = len(words) if ask.limit is None else ask.limit - thinking
        if room < len(words) and not ask.calls:
            text, finish = " ".join(words[: max(room, 0)]), "length"
        return cls(ask, text, finish, thinking, refusal, f"simulated-{uuid.uuid4().hex[:12]}")

    @property
    def thoughts(self) -> str | None:
        return THOUGHTS if self.ask.deployment.startswith("deepseek") else None

    @property
    def pieces(self) -> list[str]:
        return re.findall(r".{1,3}" if self.ask.echo else r"\S+\s*", self.text, re.DOTALL)

    @property
    def filters(self) -> dict[str, Any]:
        """What the content filter found."""
        if self.ask.deployment == "filter-down":
            return FILTER_DOWN
        return CUT_BY_FILTER if self.finish == "content_filter" else SAFE

    @property
    def counts(self) -> tuple[int, int, int]:
        """Tokens that came, of them cached, and tokens made. A word is a token here."""
        came = self.ask.tokens
        cached = came // CACHED_STEP * CACHED_STEP if came >= CACHED_FROM else 0
        said = (self.text, self.refusal or "", *(json.dumps(call.arguments) for call in self.ask.calls))
        return came, cached, sum(len(part.split()) for part in said) + self.thinking


def thinking_for(ask: ModelRequest) -> int:
    return THINKING if ask.deployment.startswith(REASONING) and ask.effort != "none" else 0


def text_for(ask: ModelRequest) -> str:
    if ask.deployment == "empty":
        return ""
    if ask.echo:
        return f"Your key is <{ask.echo}> (simulated)."
    if ask.deployment == "json":
        return json.dumps({"simulated": True, "echo": ask.prompt[:500]})
    text = f"Simulated answer of {ask.deployment}. You said: {ask.prompt}"
    if ask.images:
        text += f" You sent {ask.images} image{'s' if ask.images > 1 else ''}."
    if ask.tool_said is not None:
        text += f" The tool said: {ask.tool_said}"
    if (count := word_count(ask.deployment)) is not None:
        text += " " + " ".join(f"word{n}" for n in range(count))
    if ask.deployment == "split-bytes":
        text += ODD_TEXT
    if ask.deployment == "huge":
        text += " " + ("x" * 65_535 + " ") * (HUGE // 65_536)
    return text
