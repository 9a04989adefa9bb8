"""Another flow, by its slug."""

from __future__ import annotations

from typing import Any

from flows.language.expressions import is_plain
from flows.properties.base import declare
from flows.properties.text import TextProperty


class FlowProperty(TextProperty):
    kind = "flow"

    def flow_named(self, value: Any) -> str:
        return value.strip() if isinstance(value, str) and is_plain(value) else ""


def flow(label: str, **more: Any) -> Any:
    return declare(FlowProperty(label=label, **more))
