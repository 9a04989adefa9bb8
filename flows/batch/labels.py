"""Labels of checks, for the head of a column or a line beside an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.batch.checks import CheckKind, text_of

LONGEST = 40  # characters of what a person typed

KIND_LABELS = {
    CheckKind.CONTAINS: "Contains",
    CheckKind.EQUALS: "Equals",
    CheckKind.REGEX: "Matches an expression",
    CheckKind.JSON_SCHEMA: "Fits a JSON schema",
    CheckKind.LENGTH: "Length",
    CheckKind.JUDGE: "A model judges",
}
VERBS = {
    CheckKind.CONTAINS: "Contains",
    CheckKind.EQUALS: "Equals",
    CheckKind.REGEX: "Matches",
    CheckKind.JSON_SCHEMA: "Fits",
}


def check_label(check: Mapping[str, Any]) -> str:
    kind = CheckKind(check["kind"])
    if kind == CheckKind.LENGTH:
        return length_label(check.get("minimum"), check.get("maximum"))
    if kind == CheckKind.JUDGE:
        return f"Judge {check.get('model')}: {short_label(check.get('rubric'))}"
    if column := check.get("column"):
        return f"{VERBS[kind]} column {column}"
    return "Fits the schema" if kind == CheckKind.JSON_SCHEMA else f"{VERBS[kind]} “{short_label(check.get('value'))}”"


def length_label(minimum: int | None, maximum: int | None) -> str:
    if minimum is None:
        return f"At most {maximum:,} characters"
    return f"{minimum:,} to {maximum:,} characters" if maximum is not None else f"At least {minimum:,} characters"


def short_label(value: Any) -> str:
    text = " ".join(text_of(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
