"""A text on several lines, which may hold templates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.properties.base import declare
from flows.properties.text import TextProperty


@dataclass(frozen=True, kw_only=True)
class LongTextProperty(TextProperty):
    kind = "long_text"

    rows: int = 2  # of its field before anything is typed

    def brief(self, value: Any) -> str:
        return ""


def long_text(label: str, **more: Any) -> Any:
    return declare(LongTextProperty(label=label, **more))
