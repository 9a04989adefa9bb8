"""The variable whose connection is used at run time; switched on and off in the panel."""

from __future__ import annotations

from typing import Any

from flows.properties.base import declare
from flows.properties.variable import VariableProperty


class ConnectionVariableProperty(VariableProperty):
    kind = "connection_variable"

    def words_instead(self, value: Any) -> str:
        return f"Overridden at run time by the connection in {value}. If that is empty, the run stops."


WORDS = {"empty": "off", "hint": "A connection from a variable, used instead at run time."}


def connection_variable(label: str = "Dynamic connection", **more: Any) -> Any:
    """In the same words wherever a connection can be overridden, unless others are said."""
    return declare(ConnectionVariableProperty(label=label, type="connection", **{**WORDS, **more}))
