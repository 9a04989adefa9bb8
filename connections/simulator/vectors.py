"""Embeddings made of a hash of the text: the same text, the same vector."""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Mapping
from typing import Any

DEFAULT_SIZE = 8  # numbers; small, for a simulation is looked at
LARGEST = 4096
MISSING = {"fewer-vectors": 1, "no-vectors": 1_000_000}  # vectors that an answer lacks, by deployment


def embeddings(deployment: str, body: Mapping[str, Any]) -> dict[str, Any]:
    inputs = inputs_of(body.get("input"))
    given = body.get("dimensions")
    size = given if isinstance(given, int) and not isinstance(given, bool) else DEFAULT_SIZE
    encoded = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": at, "embedding": encode_vector(vector(str(text), size), encoded)}
        for at, text in enumerate(inputs)
    ]
    tokens = sum(tokens_of(text) for text in inputs)
    usage = {"usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    return {
        "object": "list",
        "data": data[: max(0, len(data) - MISSING.get(deployment, 0))],
        "model": f"{deployment or 'embedding'}-simulated",
        **({} if deployment == "no-usage" else usage),
    }


def inputs_of(given: Any) -> list[Any]:
    """A text, texts, the tokens of one text, or the tokens of several."""
    if not isinstance(given, list) or (given and isinstance(given[0], int)):
        return [given]
    return given


def tokens_of(text: Any) -> int:
    return len(text) if isinstance(text, list) else len(str(text).split())


def vector(text: str, size: int) -> list[float]:
    """Of length one, as those of the service."""
    size = max(1, min(size, LARGEST))
    noise = struct.unpack(f"<{size}i", hashlib.shake_256(text.encode()).digest(size * 4))
    length = math.sqrt(sum(value * value for value in noise)) or 1.0
    return [value / length for value in noise]


def encode_vector(numbers: list[float], encoded: bool) -> list[float] | str:
    raw = struct.pack(f"<{len(numbers)}f", *numbers)
    # Both forms carry the same numbers, of 32 bits.
    return base64.b64encode(raw).decode() if encoded else list(struct.unpack(f"<{len(numbers)}f", raw))
