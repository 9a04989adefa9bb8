"""How many tokens a call takes, where nobody has counted: by the length of its texts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from connections.foundry.values import Completion, EmbeddingRequest, ModelAnswer, ModelRequest, Usage

CHARACTERS_A_TOKEN = 4
ANSWER_TOKENS = 500  # of an answer that is still to come and has no limit
IMAGE_TOKENS = 1_000


def estimated_tokens(characters: int) -> int:
    """Of a text of this length."""
    return math.ceil(characters / CHARACTERS_A_TOKEN)


def estimated_usage(request: ModelRequest) -> Usage:
    """What a call may take, before its answer is known."""
    prompt = estimated_prompt(request)
    answer = 0 if isinstance(request, EmbeddingRequest) else request.max_completion_tokens or ANSWER_TOKENS
    return Usage(prompt, answer, prompt + answer)


def with_estimated_usage(request: ModelRequest, answer: ModelAnswer) -> ModelAnswer:
    """The same, with tokens estimated where the service has counted none."""
    if answer.usage.prompt_tokens or answer.usage.completion_tokens or answer.usage.total_tokens:
        return answer
    text = answer.text if isinstance(answer, Completion) else ""
    prompt, completion = estimated_prompt(request), estimated_tokens(len(text))
    total = prompt + completion
    return replace(answer, usage=Usage(prompt, completion, total, estimated_tokens=total))


def estimated_prompt(request: ModelRequest) -> int:
    if isinstance(request, EmbeddingRequest):
        texts = [request.inputs] if isinstance(request.inputs, str) else request.inputs
        return sum(len(text) // CHARACTERS_A_TOKEN + 1 if isinstance(text, str) else 1 for text in texts)
    parts = [part for message in request.messages for part in parts_of(message.content)]
    return int(sum(len(part) / CHARACTERS_A_TOKEN if isinstance(part, str) else IMAGE_TOKENS for part in parts))


def parts_of(content: Any) -> list[Any]:
    if isinstance(content, list | tuple):
        return [part.get("text") if isinstance(part, dict) and "text" in part else part for part in content]
    return [content or ""]
