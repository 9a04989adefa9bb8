"""JSON from outside -> values that every other part can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def parse_json(text: str) -> Any:
    """Raises ValueError, also for what is nested too deeply. Half a surrogate pair, which no database takes,
    becomes U+FFFD."""
    try:
        data = json.loads(text)
        if "\\ud" in text or "\\uD" in text:
            whole = json.dumps(data, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
            data = json.loads(whole.decode("utf-16-le", "replace"))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return data


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The objects in a list; none of what is no list."""
    return [part for part in value if isinstance(part, Mapping)] if isinstance(value, list) else []
