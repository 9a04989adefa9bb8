"""Values as a backup holds them: the same from both databases, and in a form that both take back.

Moments are texts of UTC as SQLite keeps them, JSON is its text, numbers that JSON has no word for are texts.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Context
from functools import partial
from typing import Any

from foundryflow.backup.tables import BackupColumn, BackupTable

Conversions = Mapping[str, Callable[..., Any]]  # by the kinds of columns
MICROSECOND = timedelta(microseconds=1)
SQLITE_DIGITS = Context(prec=15)  # that SQLite keeps of a decimal
# Types of Python that a column of this kind has in a backup, besides None.
TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "boolean": (bool,),
    "float": (float, int, str),
    "duration": (int,),
}
TEXTS = (str,)
WHOLE = (19, 26)  # characters of a moment without a fraction, and with one


def plain_float(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)  # nan, inf, -inf


def fixed_decimal(places: int, value: Any) -> str:
    return f"{SQLITE_DIGITS.create_decimal(value):.{places}f}"


def plain_moment(value: str) -> str:
    """With all six digits, as SQLite keeps it: it compares them as texts."""
    return value if len(value) in WHOLE else value.ljust(26, "0")


def microseconds(value: timedelta) -> int:
    return value // MICROSECOND


def encode_binary(value: Any) -> str:
    return base64.b64encode(bytes(value)).decode()


# What makes a value of a database one of a backup, and the other way; a kind that is not named stays as it is.
FROM_SQLITE: Conversions = {
    "boolean": bool, "float": plain_float, "binary": encode_binary, "decimal": fixed_decimal,
}  # fmt: skip
FROM_POSTGRESQL: Conversions = {
    "datetime": plain_moment, "time": str, "duration": microseconds, "uuid": lambda value: value.hex,
    "float": plain_float, "binary": encode_binary,
}  # fmt: skip
TO_SQLITE: Conversions = {"float": float, "binary": base64.b64decode}
# For COPY, which reads texts.
TO_POSTGRESQL: Conversions = {**TO_SQLITE, "duration": lambda value: f"{value} microseconds"}


def converter(table: BackupTable, conversions: Conversions) -> Callable[[Any], Any]:
    """What converts a row, touching only the columns that need it."""
    converts = [
        (place, partial(fixed_decimal, column.places) if convert is fixed_decimal else convert)
        for place, column in enumerate(table.columns)
        if (convert := conversions.get(column.kind))
    ]
    if not converts:
        return lambda row: row

    def convert_row(row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, convert in converts:
            value = values[place]
            if value is not None:
                values[place] = convert(value)
        return values

    return convert_row


def fits(column: BackupColumn, value: Any) -> bool:
    """Whether a backup may hold this value in this column."""
    return value is None or type(value) in TYPES.get(column.kind, TEXTS)
