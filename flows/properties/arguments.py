"""Values for the parameters of a function, as an object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.properties.base import declare
from flows.properties.value import ValueProperty


@dataclass(frozen=True, kw_only=True)
class ArgumentsProperty(ValueProperty):
    kind = "arguments"

    keeps_json: bool = True
    of: str  # the property that has the code


def arguments(label: str, **more: Any) -> Any:
    return declare(ArgumentsProperty(label=label, **more))
