"""Values of databases -> values of runs, which JSON has a word for."""

from __future__ import annotations

import base64
import datetime
import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID


def json_value(value: Any) -> Any:
    """A number where it keeps every digit, ISO 8601 for dates and times, seconds, base64 for bytes; else text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return decimal_value(value)
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case UUID():
            return str(value)
        case Mapping():
            return {str(key): json_value(inner) for key, inner in value.items()}
        case list() | tuple() | set():
            return [json_value(inner) for inner in value]
    return str(value)


def decimal_value(value: Decimal) -> int | float | str:
    if not value.is_finite():
        return str(value)
    if value == value.to_integral_value() and value.adjusted() < 30:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)


def size_of(value: Any) -> int:
    """Characters, and some for each part."""
    match value:
        case str():
            return len(value)
        case dict():
            return 16 + sum(len(key) + size_of(inner) for key, inner in value.items())
        case list():
            return 16 + sum(map(size_of, value))
    return 16
