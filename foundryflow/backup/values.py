"""Values as a backup holds them: the same from both databases, and in a form that both take back.

Moments are texts of UTC as SQLite keeps them, JSON is its text, numbers that JSON has no word for are texts.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Context
from functools import partial
from typing import Any

from foundryflow.backup.tables import BackupColumn, BackupTable

Convert = Callable[[Any], Any]
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


def from_sqlite(column: BackupColumn) -> Convert | None:
    """What makes a value of SQLite one of a backup; None: it is one."""
    if column.kind == "decimal":
        return partial(fixed_decimal, column.places)
    conversions: dict[str, Convert] = {"boolean": bool, "float": plain_float, "binary": encode_binary}
    return conversions.get(column.kind)


def from_postgresql(column: BackupColumn) -> Convert | None:
    conversions: dict[str, Convert] = {
        "datetime": plain_moment,
        "time": str,
        "duration": microseconds,
        "uuid": lambda value: value.hex,
        "float": plain_float,
        "binary": encode_binary,
    }
    return conversions.get(column.kind)


def to_sqlite(column: BackupColumn) -> Convert | None:
    """What makes a value of a backup one for SQLite; None: it is one."""
    conversions: dict[str, Convert] = {"float": float, "binary": base64.b64decode}
    return conversions.get(column.kind)


def to_postgresql(column: BackupColumn) -> Convert | None:
    """The same for COPY, which reads texts."""
    conversions: dict[str, Convert] = {
        "float": float,
        "binary": base64.b64decode,
        "duration": lambda value: f"{value} microseconds",
    }
    return conversions.get(column.kind)


def converter(table: BackupTable, conversion_of: Callable[[BackupColumn], Convert | None]) -> Callable[[Any], Any]:
    """What converts a row, touching only the columns that need it."""
    found = [(place, conversion_of(column)) for place, column in enumerate(table.columns)]
    conversions = [(place, convert) for place, convert in found if convert is not None]
    if not conversions:
        return lambda row: row

    def convert_row(row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place, convert in conversions:
            value = values[place]
            if value is not None:
                values[place] = convert(value)
        return values

    return convert_row


def fits(column: BackupColumn, value: Any) -> bool:
    """Whether a backup may hold this value in this column."""
    return value is None or type(value) in TYPES.get(column.kind, TEXTS)
