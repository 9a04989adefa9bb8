"""Why a condition held, or did not: with its values in place of its expressions, as "412 > 400"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from connections.secret import Secret
from flows.language.condition_rows import ALL, ConditionRow, rows_of
from flows.language.expressions import UNFINISHED, BoundTemplate, ExpressionError, as_template, read_template
from flows.language.scope import Scope
from flows.language.values import Response

SIGNS = {"is": "=", "is not": "≠", "is more than": ">", "is at least": "≥", "is less than": "<", "is at most": "≤"}
OPPOSITES = {
    "is": "is not",
    "is more than": "is at most",
    "is less than": "is at least",
    "contains": "does not contain",
    "is one of": "is none of",
    "is set": "is not set",
    "is true": "is false",
}
OPPOSITES |= {opposite: each for each, opposite in OPPOSITES.items()}
MOST_ROWS = 2
LONGEST_CONDITION = 300  # characters that are looked at
LONGEST = 24  # characters of a text that is said as it is


def decision_of(condition: str, scope: Scope, *, held: bool) -> str:
    """Empty where that takes long to find out, or to say."""
    rows = rows_to_say(condition) if len(condition) <= LONGEST_CONDITION else ()
    try:
        said = [words_of(row, scope, held=held) for row in rows if held or len(rows) == 1]
    except ExpressionError:
        return ""
    return f" {ALL} ".join(said) if all(said) else ""


@lru_cache(1_000)
def rows_to_say(condition: str) -> Sequence[ConditionRow]:
    """Those that all have to hold; none where there are others."""
    found = rows_of(condition)
    if found is None or len(found.rows) > MOST_ROWS or (len(found.rows) > 1 and found.joined_by != ALL):
        return ()
    return tuple(found.rows)


def words_of(row: ConditionRow, scope: Scope, *, held: bool) -> str:
    comparison = row.comparison if held else OPPOSITES.get(row.comparison, "")
    if not comparison:
        return ""
    if not row.right:
        return f"{row.left} {comparison}" if len(row.left) <= LONGEST else ""
    left, right = value_words(row.left, scope), value_words(row.right, scope)
    return f"{left} {SIGNS.get(comparison, comparison)} {right}" if left and right else ""


def value_words(expression: str, scope: Scope) -> str:
    """A value in a few characters. A long text by its length: a part of it would not be known as that of a secret.

    Raises ExpressionError.
    """
    value: Any = BoundTemplate(read_template(as_template(expression)), scope).evaluate_briefly()
    if isinstance(value, Response):
        value = value.text
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case int() | float():
            return f"{value:.10g}" if isinstance(value, float) else str(value) if abs(value) < 10**LONGEST else ""
        case str():
            return f"“{value}”" if len(value) <= LONGEST else f"text of {len(value):,} characters"
        case Secret():
            return "secret"
        case list() | tuple():
            return "1 item" if len(value) == 1 else f"{len(value):,} items"
        case Mapping():
            return "object"
    return "" if value is UNFINISHED else type(value).__name__.lower()
