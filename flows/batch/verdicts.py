"""Whether an answer passes a check, with the reason. A check that cannot be decided is open, and says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.batch.checks import LONGEST_QUOTE, Check, CheckKind, text_of
from flows.language.json_schemas import LONGEST_TEXT, NotJson, SchemaProblem, Undecided, parse_json, schema_of
from flows.language.regex import MOST_WORK, PatternError, compile_pattern
from foundryflow.strict_json import UNSTORABLE

LONGEST_REASON = 2_000  # characters of what a judge says


@dataclass(frozen=True)
class Verdict:
    passed: bool | None  # None while nobody knows
    reason: str


def decide(check: Check, answer: str, row: Mapping[str, Any]) -> Verdict:
    """Decides every check but that of a judge, which is a model: see `read_judge_verdict`."""
    try:
        match check.kind:
            case CheckKind.CONTAINS:
                return decide_contains(answer, expected_text(check, row), check.ignore_case)
            case CheckKind.EQUALS:
                return decide_equals(answer, expected_value(check, row), check.ignore_case)
            case CheckKind.REGEX:
                return decide_pattern(answer, expected_text(check, row), check.ignore_case)
            case CheckKind.JSON_SCHEMA:
                return decide_schema(answer, expected_value(check, row))
            case CheckKind.LENGTH:
                return decide_length(answer, check.minimum, check.maximum)
            case CheckKind.JUDGE:
                raise Undecided("It is not judged yet.")
    except (Undecided, PatternError, SchemaProblem) as why:
        return Verdict(None, str(why))


def expected_value(check: Check, row: Mapping[str, Any]) -> Any:
    if check.column is None:
        return check.value
    if check.column not in row:
        raise Undecided(f"The row has no column {check.column}.")
    return row[check.column]


def expected_text(check: Check, row: Mapping[str, Any]) -> str:
    text = text_of(expected_value(check, row))
    if not text:
        raise Undecided(f"The cell of {check.column} is empty, so there is nothing to look for.")
    return text


def decide_contains(answer: str, expected: str, ignore_case: bool) -> Verdict:
    if casefold(expected, ignore_case) in casefold(answer, ignore_case):
        return Verdict(True, f"It contains {quote(expected)}.")
    return Verdict(False, f"It does not contain {quote(expected)}.")


def decide_equals(answer: str, expected: Any, ignore_case: bool) -> Verdict:
    """Space around them does not count; of what is no text, the JSON is compared."""
    if casefold(answer.strip(), ignore_case) == casefold(text_of(expected).strip(), ignore_case):
        return Verdict(True, f"It is {quote(answer.strip())}.")
    if not isinstance(expected, str) and same_json(answer, expected):
        return Verdict(True, f"It is {quote(answer.strip())}.")
    return Verdict(False, f"It is {quote(answer.strip())} and not {quote(text_of(expected).strip())}.")


def same_json(answer: str, expected: Any) -> bool:
    try:
        return json.dumps(json_of(answer), sort_keys=True) == json.dumps(expected, sort_keys=True)
    except (NotJson, RecursionError):
        return False


def decide_pattern(answer: str, source: str, ignore_case: bool) -> Verdict:
    compiled = compile_pattern(source, ignore_case=ignore_case)
    if compiled.work(answer) > MOST_WORK:
        raise Undecided("The expression is too large for so long an answer. Simplify it.")
    found = compiled.search(answer)
    if found is None:
        return Verdict(False, "The expression matches nothing in it.")
    return Verdict(True, f"The expression matches {quote(found)}.")


def decide_schema(answer: str, expected: Any) -> Verdict:
    schema = schema_of(expected)
    if len(answer) > LONGEST_TEXT:
        raise Undecided(f"The answer is longer than {LONGEST_TEXT:,} characters and not looked at.")
    try:
        value = json_of(answer)
    except NotJson:
        return Verdict(False, "It is not JSON.")
    problem = schema.problem(value)
    return Verdict(True, "It fits the schema.") if problem is None else Verdict(False, problem)


def decide_length(answer: str, minimum: int | None, maximum: int | None) -> Verdict:
    length = f"{len(answer):,} character{'' if len(answer) == 1 else 's'}"
    if minimum is not None and len(answer) < minimum:
        return Verdict(False, f"It has {length}, fewer than {minimum:,}.")
    if maximum is not None and len(answer) > maximum:
        return Verdict(False, f"It has {length}, more than {maximum:,}.")
    return Verdict(True, f"It has {length}.")


def judge_schema() -> dict[str, Any]:
    """The JSON schema of what a judge answers. The reason comes first, so that it is thought of first."""
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "description": "One or two sentences that say why."},
            "passed": {"type": "boolean", "description": "Whether the answer meets the rubric."},
        },
        "required": ["reason", "passed"],
        "additionalProperties": False,
    }


def read_judge_verdict(text: str) -> Verdict:
    """The verdict in what a judge answered; open when it did not answer in the form asked for."""
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            found = json_of(candidate)
        except NotJson:
            continue
        if isinstance(found, dict) and isinstance(found.get("passed"), bool):
            reason = found.get("reason")
            told = storable(reason.strip()[:LONGEST_REASON]) if isinstance(reason, str) else ""
            return Verdict(found["passed"], told or "The judge gave no reason.")
    return Verdict(None, f"The judge did not answer in the form asked for: {quote(text.strip())}.")


def json_of(text: str) -> Any:
    """The value of an answer that is JSON, bare or in a Markdown fence. Raises NotJson."""
    text = text.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        text = text[text.index("\n") : -3]
    return parse_json(text)


def casefold(text: str, ignore_case: bool) -> str:
    return text.casefold() if ignore_case else text


def quote(text: str) -> str:
    return f"“{storable(text if len(text) <= LONGEST_QUOTE else text[:LONGEST_QUOTE] + '…')}”"


def storable(text: str) -> str:
    return UNSTORABLE.sub("\ufffd", text)
