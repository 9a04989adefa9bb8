"""What the simulated model says."""

from __future__ import annotations

import hashlib
import json
import struct
import time
import uuid
from dataclasses import dataclass
from typing import Any

from connections.simulator.faults import word_count

DEPLOYMENTS = ("gpt-4o-mini", "gpt-4o", "gpt-5.2", "text-embedding-3-small")


@dataclass(frozen=True)
class Reply:
    """What the simulated model says."""

    deployment: str
    text: str
    prompt: str
    finish: str
    id: str

    @classmethod
    def to(cls, deployment: str, prompt: str, limit: Any) -> Reply:
        text = cls.text_for(deployment, prompt)
        words = text.split(" ")
        finish = {"filtered-answer": "content_filter", "length": "length"}.get(deployment, "stop")
        if isinstance(limit, int) and 0 < limit < len(words):
            text, finish = " ".join(words[:limit]), "length"
        return cls(deployment, text, prompt, finish, f"chatcmpl-simulated-{uuid.uuid4().hex[:12]}")

    @staticmethod
    def text_for(deployment: str, prompt: str) -> str:
        if deployment == "empty":
            return ""
        if deployment == "json":
            return json.dumps({"simulated": True, "echo": prompt[:500]})
        text = f"Simulated answer of {deployment}. You said: {prompt}"
        if (count := word_count(deployment)) is not None:
            text += " " + " ".join(f"word{n}" for n in range(count))
        return text

    def head(self, object: str) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": object,
            "created": int(time.time()),
            "model": f"{self.deployment}-simulated",
            "system_fingerprint": "simulated",
        }

    def chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {
            **self.head("chat.completion.chunk"),
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish, **self.filter(finish)}],
            "usage": None,
        }

    def annotation(self) -> dict[str, Any]:
        """What asynchronous filters add later: a choice without a delta."""
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": None,
            "content_filter_results": {},
            "content_filter_offsets": {},
        }
        return {**self.head("chat.completion.chunk"), "choices": [choice]}

    def filter(self, finish: str | None) -> dict[str, Any]:
        results = {"violence": {"filtered": True, "severity": "medium"}} if finish == "content_filter" else {}
        return {"content_filter_results": results}

    def usage(self) -> dict[str, Any]:
        given, made = len(self.prompt.split()) + 4, len(self.text.split())
        return {
            "prompt_tokens": given,
            "completion_tokens": made,
            "total_tokens": given + made,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    def whole(self) -> dict[str, Any]:
        message = {"role": "assistant", "content": self.text, "refusal": None}
        return {
            **self.head("chat.completion"),
            "choices": [{"index": 0, "message": message, "finish_reason": self.finish, **self.filter(self.finish)}],
            "usage": self.usage(),
            "prompt_filter_results": [],
        }

    def as_response(self) -> dict[str, Any]:
        usage = self.usage()
        part = {"type": "output_text", "text": self.text, "annotations": []}
        return {
            "id": self.id.replace("chatcmpl", "resp"),
            "object": "response",
            "status": "completed",
            "model": f"{self.deployment}-simulated",
            "output": [{"type": "message", "role": "assistant", "content": [part]}],
            "usage": {
                "input_tokens": usage["prompt_tokens"],
                "output_tokens": usage["completion_tokens"],
                "total_tokens": usage["total_tokens"],
            },
        }


def last_text(messages: list[Any]) -> str:
    """The text of the last message of the user."""
    for message in reversed(messages):
        if isinstance(message, dict) and message.get("role") in ("user", None):
            content = message.get("content")
            if isinstance(content, list):
                return " ".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
            return str(content or "")
    return ""


def embeddings(body: dict[str, Any]) -> dict[str, Any]:
    """Vectors made of a hash of the text: the same text, the same vector."""
    given = body.get("input")
    texts = given if isinstance(given, list) else [given]
    size = body.get("dimensions") if isinstance(body.get("dimensions"), int) else 8
    data = [
        {"object": "embedding", "index": at, "embedding": vector(str(text), int(size or 8))}
        for at, text in enumerate(texts)
    ]
    tokens = sum(len(str(text).split()) for text in texts)
    return {
        "object": "list",
        "data": data,
        "model": f"{body.get('model') or 'embedding'}-simulated",
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def vector(text: str, size: int) -> list[float]:
    size = max(1, min(size, 4096))
    noise = hashlib.shake_256(text.encode()).digest(size * 4)
    return [round(value / 2**31, 6) for value in struct.unpack(f"<{size}i", noise)]


def listing(family: str, operation: str) -> dict[str, Any]:
    if family == "deployment-list":
        return {
            "data": [{"id": name, "model": name, "status": "succeeded", "object": "deployment"} for name in DEPLOYMENTS]
        }
    if operation == "deployments":
        return {"value": [{"name": name, "type": "ModelDeployment", "modelName": name} for name in DEPLOYMENTS]}
    return {
        "object": "list",
        "data": [{"id": name, "object": "model", "owned_by": "simulated"} for name in DEPLOYMENTS],
    }
