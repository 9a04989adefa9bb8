"""Writes rows as CSV that a spreadsheet can open without running anything in it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from foundryflow.json_order import in_order

FORMULA = re.compile("[=+\\-@\t\r\n＝＋－＠]")  # how a cell begins that a spreadsheet may run
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """A header and the rows as CSV. What a spreadsheet could take for a formula gets an apostrophe in front."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([without_formula(column) for column in columns])
    writer.writerows([without_formula(csv_cell(row.get(column))) for column in columns] for row in rows)
    return out.getvalue()


def csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(in_order(value), ensure_ascii=False) if isinstance(value, bool | list | dict) else str(value)


def without_formula(text: str) -> str:
    return f"'{text}" if FORMULA.match(text) and not NUMBER.fullmatch(text) else text
