"""Any value, as a rule that of a variable: one in scope is chosen, anything else is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flows.properties.base import declare
from flows.properties.value import ValueProperty


@dataclass(frozen=True, kw_only=True)
class VariableValueProperty(ValueProperty):
    kind = "variable_value"

    type: str = ""  # of the variables that are offered, beside those whose type is known at run time only


def variable_value(label: str, **more: Any) -> Any:
    return declare(VariableValueProperty(label=label, **more))
