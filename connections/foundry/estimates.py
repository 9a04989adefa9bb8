"""How many tokens a call takes, where nobody has counted: by the length of its texts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from connections.foundry.values import ChatRequest, Completion, Usage

CHARACTERS_A_TOKEN = 4
ANSWER_TOKENS = 500  # of an answer that is still to come and has no limit
IMAGE_TOKENS = 1_000


def estimated_usage(request: ChatRequest) -> Usage:
    """What a call may take, before its answer is known."""
    prompt, answer = estimated_prompt(request), request.max_completion_tokens or ANSWER_TOKENS
    return Usage(prompt, answer, prompt + answer)


def with_estimated_usage(request: ChatRequest, completion: Completion) -> Completion:
    """The same, with tokens estimated where the service has counted none."""
    if completion.usage.prompt_tokens or completion.usage.completion_tokens or completion.usage.total_tokens:
        return completion
    prompt, answer = estimated_prompt(request), math.ceil(len(completion.text) / CHARACTERS_A_TOKEN)
    total = prompt + answer
    return replace(completion, usage=Usage(prompt, answer, total, estimated_tokens=total))


def estimated_prompt(request: ChatRequest) -> int:
    parts = [part for message in request.messages for part in parts_of(message.content)]
    return int(sum(len(part) / CHARACTERS_A_TOKEN if isinstance(part, str) else IMAGE_TOKENS for part in parts))


def parts_of(content: Any) -> list[Any]:
    if isinstance(content, list | tuple):
        return [part.get("text") if isinstance(part, dict) and "text" in part else part for part in content]
    return [content or ""]
