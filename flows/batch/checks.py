"""What people expect of every answer of a batch: the kinds of checks, read from JSON and validated.

`verdicts.py` decides whether an answer passes them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows.language.json_schemas import SchemaProblem, schema_of
from flows.language.regex import PatternError, compile_pattern

MOST_CHECKS = 20
LONGEST_VALUE, LONGEST_RUBRIC, LONGEST_NAME = 20_000, 10_000, 200  # characters
LARGEST_LENGTH = 1_000_000_000
LONGEST_QUOTE = 60  # characters of an answer


class CheckKind(StrEnum):
    CONTAINS = "contains"
    EQUALS = "equals"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    LENGTH = "length"
    JUDGE = "judge"


# Those that compare the answer with a value, or with what a column holds.
COMPARING = (CheckKind.CONTAINS, CheckKind.EQUALS, CheckKind.REGEX, CheckKind.JSON_SCHEMA)


class CheckError(ValueError):
    """The checks cannot be used; each problem says which, why and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Check:
    """`column` names the variable whose cell is the expected text; else `value` is. A length is in characters."""

    kind: CheckKind
    column: str | None = None
    value: Any = None
    ignore_case: bool = False
    minimum: int | None = None
    maximum: int | None = None
    rubric: str = ""
    connection: str = ""
    model: str = ""


def parse_checks(raw: Any, columns: Collection[str] | None = None) -> tuple[Check, ...]:
    """The checks of a batch from JSON; `columns`, where known, are those of its table. Raises CheckError."""
    items = [] if raw is None else raw
    if not isinstance(items, list) or not all(isinstance(each, Mapping) for each in items):
        raise CheckError(['The checks are not a list of objects. Write [{"kind": "contains", "value": "..."}].'])
    if len(items) > MOST_CHECKS:
        raise CheckError([f"There are more than {MOST_CHECKS} checks. Leave some out."])
    problems = [f"Check {at}: {what}" for at, each in enumerate(items, 1) for what in check_problems(each, columns)]
    if problems:
        raise CheckError(problems)
    return tuple(check_of(each) for each in items)


def check_of(data: Mapping[str, Any]) -> Check:
    return Check(
        kind=CheckKind(data["kind"]),
        column=data.get("column") or None,
        value=data.get("value"),
        ignore_case=bool(data.get("ignore_case")),
        minimum=data.get("minimum"),
        maximum=data.get("maximum"),
        rubric=(data.get("rubric") or "").strip(),
        connection=data.get("connection") or "",
        model=data.get("model") or "",
    )


def check_problems(data: Mapping[str, Any], columns: Collection[str] | None) -> Iterator[str]:
    kind = data.get("kind")
    if not isinstance(kind, str) or kind not in set(CheckKind):
        yield f"its kind is not known. Choose one of {', '.join(CheckKind)}."
        return
    yield from field_problems(data)
    if kind in COMPARING:
        yield from expectation_problems(CheckKind(kind), data, columns)
    elif kind == CheckKind.LENGTH:
        yield from length_problems(data.get("minimum"), data.get("maximum"))
    elif not isinstance(data.get("rubric"), str) or not data["rubric"].strip():
        yield "the judge has no rubric. Say what a good answer is."


def field_problems(data: Mapping[str, Any]) -> Iterator[str]:
    for name, longest in (("rubric", LONGEST_RUBRIC), *((name, LONGEST_NAME) for name in ("connection", "model"))):
        value = data.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > longest):
            yield f"its {name} is not a text of at most {longest:,} characters."
    if not isinstance(data.get("ignore_case"), bool | None):
        yield "ignore_case is neither true nor false."


def expectation_problems(kind: CheckKind, data: Mapping[str, Any], columns: Collection[str] | None) -> Iterator[str]:
    column, value = data.get("column"), data.get("value")
    if column:
        if not isinstance(column, str) or (columns is not None and column not in columns):
            yield f"the table has no column {str(column)[:LONGEST_QUOTE]}. Choose one of its columns."
        if value not in (None, ""):
            yield "it has a column and a value. Keep one of them."
    elif value in (None, ""):
        yield "it has nothing to compare with. Give it a value, or choose the column that holds it."
    elif (size := size_of(value)) is None or size > LONGEST_VALUE:
        yield f"its value is longer than {LONGEST_VALUE:,} characters."
    else:
        try:
            compile_expectation(kind, value)
        except (PatternError, SchemaProblem) as error:
            yield str(error)


def compile_expectation(kind: CheckKind, value: Any) -> None:
    if kind == CheckKind.REGEX:
        compile_pattern(text_of(value))
    elif kind == CheckKind.JSON_SCHEMA:
        schema_of(value)


def length_problems(minimum: Any, maximum: Any) -> Iterator[str]:
    numbers = [number for number in (minimum, maximum) if number is not None]
    if not numbers:
        yield "the length has no limit. Give it a minimum, a maximum or both."
    elif not all(type(number) is int and 0 <= number <= LARGEST_LENGTH for number in numbers):
        yield "a limit of the length is not a whole number of characters."
    elif len(numbers) == 2 and minimum > maximum:
        yield "the minimum is larger than the maximum. Exchange them."


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def size_of(value: Any) -> int | None:
    try:
        return len(text_of(value))
    except (TypeError, ValueError, RecursionError):
        return None
