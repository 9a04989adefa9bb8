"""JSON with the names of its objects in one order.

SQLite keeps them as they were written, PostgreSQL in an order of its own: what leaves an installation must not tell
which of them it is, and is the same after a move.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def in_order(value: Any, first: Sequence[str] = ()) -> Any:
    """The same value; names of objects by the alphabet, behind those of them that come first."""
    if isinstance(value, dict):
        known = [name for name in first if name in value]
        return {name: in_order(value[name], first) for name in (*known, *sorted(value.keys() - {*known}))}
    if isinstance(value, list):
        return [in_order(each, first) for each in value]
    return value
