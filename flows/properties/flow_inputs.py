"""Values for the inputs of another flow, as an object: secrets where those inputs are."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.properties.assigned_value import open_among_values
from flows.properties.base import ChangeSecret, SecretContext, declare
from flows.properties.value import ValueProperty


@dataclass(frozen=True, kw_only=True)
class FlowInputsProperty(ValueProperty):
    kind = "flow_inputs"

    may_hold_secret: bool = True
    of: str  # the property that names the flow

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        return await open_among_values(value, open)

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        slug = context.properties.get(self.of)
        names = context.secret_inputs(slug.strip()) if isinstance(slug, str) else ()
        inputs = value if isinstance(value, Mapping) else object_in(value) if names else None
        if not inputs:
            return value
        changed = {name: change(f"The input {name}", each) if name in names else each for name, each in inputs.items()}
        # Text stays text unless something in it was taken out.
        return value if changed == dict(inputs) else changed


def flow_inputs(label: str, **more: Any) -> Any:
    return declare(FlowInputsProperty(label=label, **more))


def object_in(text: Any) -> Mapping[str, Any] | None:
    """The JSON object that a text is; None when it is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
