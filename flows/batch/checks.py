"""What is expected of an answer, and whether it is so. A check that cannot be decided is open, and says why."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flows.batch.patterns import MOST_WORK, PatternError, pattern
from flows.batch.schemas import LONGEST_TEXT, NotJson, SchemaProblem, Undecided, parsed, schema_of

MOST_CHECKS = 20
LONGEST_VALUE, LONGEST_RUBRIC, LONGEST_NAME = 20_000, 10_000, 200  # characters
LONGEST_QUOTE, LONGEST_REASON = 60, 2_000  # characters of an answer, of what a judge says
NOT_STORED = re.compile("[\x00\ud800-\udfff]")  # no database keeps these
LARGEST_LENGTH = 1_000_000_000


class Kind(StrEnum):
    CONTAINS = "contains"
    EQUALS = "equals"
    REGEX = "regex"
    JSON_SCHEMA = "json_schema"
    LENGTH = "length"
    JUDGE = "judge"


COMPARING = (Kind.CONTAINS, Kind.EQUALS, Kind.REGEX, Kind.JSON_SCHEMA)  # with a value, or what a column holds


class CheckError(ValueError):
    """The checks cannot be used; each problem says which, why and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Check:
    """`column` names the variable whose cell is the expected text; else `value` is. A length is in characters."""

    kind: Kind
    column: str | None = None
    value: Any = None
    ignore_case: bool = False
    minimum: int | None = None
    maximum: int | None = None
    rubric: str = ""
    connection: str = ""
    model: str = ""


@dataclass(frozen=True)
class Verdict:
    passed: bool | None  # None while nobody knows
    reason: str


class Open(Exception):
    """The check cannot be decided for this row; the message is a sentence."""


def parse(raw: Any, columns: Collection[str] | None = None) -> tuple[Check, ...]:
    """The checks of a batch from JSON; `columns`, where known, are those of its table. Raises CheckError."""
    given = [] if raw is None else raw
    if not isinstance(given, list) or not all(isinstance(each, Mapping) for each in given):
        raise CheckError(['The checks are not a list of objects. Write [{"kind": "contains", "value": "..."}].'])
    if len(given) > MOST_CHECKS:
        raise CheckError([f"There are more than {MOST_CHECKS} checks. Leave some out."])
    problems = [f"Check {at}: {what}" for at, each in enumerate(given, 1) for what in malformed(each, columns)]
    if problems:
        raise CheckError(problems)
    return tuple(check_of(each) for each in given)


def check_of(given: Mapping[str, Any]) -> Check:
    return Check(
        kind=Kind(given["kind"]),
        column=given.get("column") or None,
        value=given.get("value"),
        ignore_case=bool(given.get("ignore_case")),
        minimum=given.get("minimum"),
        maximum=given.get("maximum"),
        rubric=(given.get("rubric") or "").strip(),
        connection=given.get("connection") or "",
        model=given.get("model") or "",
    )


def malformed(given: Mapping[str, Any], columns: Collection[str] | None) -> Iterator[str]:
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in set(Kind):
        yield f"its kind is not known. Choose one of {', '.join(Kind)}."
        return
    yield from malformed_fields(given)
    if kind in COMPARING:
        yield from malformed_expectation(Kind(kind), given, columns)
    elif kind == Kind.LENGTH:
        yield from malformed_length(given.get("minimum"), given.get("maximum"))
    elif not isinstance(given.get("rubric"), str) or not given["rubric"].strip():
        yield "the judge has no rubric. Say what a good answer is."


def malformed_fields(given: Mapping[str, Any]) -> Iterator[str]:
    for name, longest in (("rubric", LONGEST_RUBRIC), *((name, LONGEST_NAME) for name in ("connection", "model"))):
        value = given.get(name)
        if value is not None and (not isinstance(value, str) or len(value) > longest):
            yield f"its {name} is not a text of at most {longest:,} characters."
    if not isinstance(given.get("ignore_case"), bool | None):
        yield "ignore_case is neither true nor false."


def malformed_expectation(kind: Kind, given: Mapping[str, Any], columns: Collection[str] | None) -> Iterator[str]:
    column, value = given.get("column"), given.get("value")
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
            expect(kind, value)
        except (PatternError, SchemaProblem) as error:
            yield str(error)


def expect(kind: Kind, value: Any) -> None:
    if kind == Kind.REGEX:
        pattern(text_of(value))
    elif kind == Kind.JSON_SCHEMA:
        schema_of(value)


def malformed_length(minimum: Any, maximum: Any) -> Iterator[str]:
    numbers = [number for number in (minimum, maximum) if number is not None]
    if not numbers:
        yield "the length has no limit. Give it a minimum, a maximum or both."
    elif not all(type(number) is int and 0 <= number <= LARGEST_LENGTH for number in numbers):
        yield "a limit of the length is not a whole number of characters."
    elif len(numbers) == 2 and minimum > maximum:
        yield "the minimum is larger than the maximum. Exchange them."


def verdict(check: Check, answer: str, row: Mapping[str, Any]) -> Verdict:
    """Of every check but a judge, which is a model: see `judged`."""
    try:
        match check.kind:
            case Kind.CONTAINS:
                return contains(answer, wanted_text(check, row), check.ignore_case)
            case Kind.EQUALS:
                return equals(answer, expected(check, row), check.ignore_case)
            case Kind.REGEX:
                return fits_pattern(answer, wanted_text(check, row), check.ignore_case)
            case Kind.JSON_SCHEMA:
                return fits_schema(answer, expected(check, row))
            case Kind.LENGTH:
                return has_length(answer, check.minimum, check.maximum)
            case Kind.JUDGE:
                raise Open("It is not judged yet.")
    except (Open, Undecided, PatternError, SchemaProblem) as why:
        return Verdict(None, str(why))


def expected(check: Check, row: Mapping[str, Any]) -> Any:
    if check.column is None:
        return check.value
    if check.column not in row:
        raise Open(f"The row has no column {check.column}.")
    return row[check.column]


def wanted_text(check: Check, row: Mapping[str, Any]) -> str:
    text = text_of(expected(check, row))
    if not text:
        raise Open(f"The cell of {check.column} is empty, so there is nothing to look for.")
    return text


def contains(answer: str, wanted: str, ignore_case: bool) -> Verdict:
    if folded(wanted, ignore_case) in folded(answer, ignore_case):
        return Verdict(True, f"It contains {quoted(wanted)}.")
    return Verdict(False, f"It does not contain {quoted(wanted)}.")


def equals(answer: str, wanted: Any, ignore_case: bool) -> Verdict:
    """Space around them does not count; of what is no text, the JSON is compared."""
    if folded(answer.strip(), ignore_case) == folded(text_of(wanted).strip(), ignore_case):
        return Verdict(True, f"It is {quoted(answer.strip())}.")
    if not isinstance(wanted, str) and same_json(answer, wanted):
        return Verdict(True, f"It is {quoted(answer.strip())}.")
    return Verdict(False, f"It is {quoted(answer.strip())} and not {quoted(text_of(wanted).strip())}.")


def same_json(answer: str, wanted: Any) -> bool:
    try:
        return json.dumps(json_in(answer), sort_keys=True) == json.dumps(wanted, sort_keys=True)
    except (NotJson, RecursionError):
        return False


def fits_pattern(answer: str, source: str, ignore_case: bool) -> Verdict:
    compiled = pattern(source, ignore_case=ignore_case)
    if compiled.work(answer) > MOST_WORK:
        raise Open("The expression is too large for so long an answer. Simplify it.")
    found = compiled.search(answer)
    if found is None:
        return Verdict(False, "The expression matches nothing in it.")
    return Verdict(True, f"The expression matches {quoted(found)}.")


def fits_schema(answer: str, given: Any) -> Verdict:
    schema = schema_of(given)
    if len(answer) > LONGEST_TEXT:
        raise Open(f"The answer is longer than {LONGEST_TEXT:,} characters and not looked at.")
    try:
        value = json_in(answer)
    except NotJson:
        return Verdict(False, "It is not JSON.")
    problem = schema.problem(value)
    return Verdict(True, "It fits the schema.") if problem is None else Verdict(False, problem)


def has_length(answer: str, minimum: int | None, maximum: int | None) -> Verdict:
    length = f"{len(answer):,} character{'' if len(answer) == 1 else 's'}"
    if minimum is not None and len(answer) < minimum:
        return Verdict(False, f"It has {length}, fewer than {minimum:,}.")
    if maximum is not None and len(answer) > maximum:
        return Verdict(False, f"It has {length}, more than {maximum:,}.")
    return Verdict(True, f"It has {length}.")


def judge_schema() -> dict[str, Any]:
    """Of the answer of a judge, for strict structured output. The reason comes first: it is to be thought of first."""
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "One or two sentences that say why."},
            "passed": {"type": "boolean", "description": "Whether the answer meets the rubric."},
        },
        "required": ["reason", "passed"],
        "additionalProperties": False,
    }


def judged(text: str) -> Verdict:
    """What a judge answered; open when it did not answer as asked."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            found = json_in(candidate)
        except NotJson:
            continue
        if isinstance(found, dict) and isinstance(found.get("passed"), bool):
            reason = found.get("reason")
            told = storable(reason.strip()[:LONGEST_REASON]) if isinstance(reason, str) else ""
            return Verdict(found["passed"], told or "The judge gave no reason.")
    return Verdict(None, f"The judge did not answer in the form asked for: {quoted(text.strip())}.")


def json_in(text: str) -> Any:
    """Of an answer that is JSON, be it in a fence. Raises NotJson."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3]
    return parsed(text)


def folded(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def text_of(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def size_of(value: Any) -> int | None:
    try:
        return len(text_of(value))
    except (TypeError, ValueError, RecursionError):
        return None


def quoted(text: str) -> str:
    return f"“{storable(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + '…')}”"


def storable(text: str) -> str:
    return NOT_STORED.sub("\ufffd", text)
