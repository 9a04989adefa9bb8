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
    request: ModelRequest
    text: str
    finish: str  # in the words of chat: stop, length, content_filter, tool_calls
    thinking: int  # tokens
    refusal: str | None
    id: str  # without the prefix that each API puts before it

    @classmethod
    def to(cls, request: ModelRequest) -> Reply:
        text, finish, thinking = text_for(request), FINISHES.get(request.deployment, "stop"), thinking_for(request)
        refusal = "I cannot answer that (simulated)." if request.deployment == "refusal" else None
        if request.calls:
            text, finish = "", "tool_calls"
        if refusal:
            text = ""
        if request.deployment == "response-incomplete":
            text = text[: len(text) // 2]
        words = text.split(" ")
        room = len(words) if request.limit is None else request.limit - thinking
        if room < len(words) and not request.calls:
            text, finish = " ".join(words[: max(room, 0)]), "length"
        return cls(request, text, finish, thinking, refusal, f"simulated-{uuid.uuid4().hex[:12]}")

    @property
    def thoughts(self) -> str | None:
        return THOUGHTS if self.request.deployment.startswith("deepseek") else None

    @property
    def pieces(self) -> list[str]:
        return re.findall(r".{1,3}" if self.request.echo else r"\S+\s*", self.text, re.DOTALL)

    @property
    def filters(self) -> dict[str, Any]:
        """What the content filter found."""
        if self.request.deployment == "filter-down":
            return FILTER_DOWN
        return CUT_BY_FILTER if self.finish == "content_filter" else SAFE

    @property
    def counts(self) -> tuple[int, int, int]:
        """Tokens that came, of them cached, and tokens made. A word is a token here."""
        came = self.request.tokens
        cached = came // CACHED_STEP * CACHED_STEP if came >= CACHED_FROM else 0
        said = (self.text, self.refusal or "", *(json.dumps(call.arguments) for call in self.request.calls))
        return came, cached, sum(len(part.split()) for part in said) + self.thinking


def thinking_for(request: ModelRequest) -> int:
    return THINKING if request.deployment.startswith(REASONING) and request.effort != "none" else 0


def text_for(request: ModelRequest) -> str:
    if request.deployment == "empty":
        return ""
    if request.echo:
        return f"Your key is <{request.echo}> (simulated)."
    if request.deployment == "json":
        return json.dumps({"simulated": True, "echo": request.prompt[:500]})
    if request.form and request.tool_said is None:
        return request.form.answer(request.deployment, request.prompt[:500], corrects=request.goes_on)
    text = f"Simulated answer of {request.deployment}. You said: {request.prompt}"
    if request.images:
        text += f" You sent {request.images} image{'s' if request.images > 1 else ''}."
    if request.tool_said is not None:
        text += f" The tool said: {request.tool_said}"
    if (count := word_count(request.deployment)) is not None:
        text += " " + " ".join(f"word{n}" for n in range(count))
    if request.deployment == "split-bytes":
        text += ODD_TEXT
    if request.deployment == "huge":
        text += " " + ("x" * 65_535 + " ") * (HUGE // 65_536)
    return text
