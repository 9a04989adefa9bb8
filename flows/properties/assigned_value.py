"""The value that a variable gets: a secret when the variable is one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connections.secret import Secret
from flows.language.stored_secrets import is_own_key
from flows.properties.base import ChangeSecret, SecretContext, declare
from flows.properties.value import ValueProperty


@dataclass(frozen=True, kw_only=True)
class AssignedValueProperty(ValueProperty):
    kind = "assigned_value"

    may_hold_secret: bool = True
    to: str  # the property that names the variable

    async def open_secrets(self, value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
        return await open_among_values(value, open)

    def assigns(self, value: Any, properties: Mapping[str, Any]) -> Sequence[tuple[Any, Any]]:
        return [(properties.get(self.to), value)]

    def change_secrets(self, value: Any, change: ChangeSecret, context: SecretContext) -> Any:
        name = context.properties.get(self.to)
        is_secret = isinstance(name, str) and name in context.secret_variables
        return change(self.label, value) if is_secret else value


def assigned_value(label: str, **more: Any) -> Any:
    return declare(AssignedValueProperty(label=label, **more))


async def open_among_values(value: Any, open: Callable[[str], Awaitable[Secret]]) -> Any:
    """Opens secrets where any object may stand: only what this server has put there, and not deep inside."""
    if is_own_key(value):
        return await open(value["secret"])
    if not isinstance(value, Mapping):
        return value
    return {key: await open(inner["secret"]) if is_own_key(inner) else inner for key, inner in value.items()}
