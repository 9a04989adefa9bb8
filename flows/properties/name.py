"""What properties that hold a name have in common. No action type declares one of these itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.language.scope import Scope
from flows.properties.base import LONGEST_ON_CARD, Property


class NameProperty(Property):
    async def read(self, value: Any, scope: Scope) -> Any:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a name")
        return value

    def rename(self, value: Any, names: Mapping[str, str]) -> Any:
        name = value or self.default
        return names[name] if isinstance(name, str) and name in names else value

    def brief(self, value: Any) -> str:
        return str(value)[:LONGEST_ON_CARD]
