"""What a check says it expects, in a few words: the head of a column, a line beside an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.batch.checks import Kind, text_of

LONGEST = 40  # characters of what a person typed

KINDS = {
    Kind.CONTAINS: "Contains",
    Kind.EQUALS: "Equals",
    Kind.REGEX: "Matches an expression",
    Kind.JSON_SCHEMA: "Fits a JSON schema",
    Kind.LENGTH: "Length",
    Kind.JUDGE: "A model judges",
}
VERBS = {Kind.CONTAINS: "Contains", Kind.EQUALS: "Equals", Kind.REGEX: "Matches", Kind.JSON_SCHEMA: "Fits"}


def check_words(check: Mapping[str, Any]) -> str:
    kind = Kind(check["kind"])
    if kind == Kind.LENGTH:
        return length_words(check.get("minimum"), check.get("maximum"))
    if kind == Kind.JUDGE:
        return f"Judge {check.get('model')}: {shortened(check.get('rubric'))}"
    if column := check.get("column"):
        return f"{VERBS[kind]} column {column}"
    return "Fits the schema" if kind == Kind.JSON_SCHEMA else f"{VERBS[kind]} “{shortened(check.get('value'))}”"


def length_words(minimum: int | None, maximum: int | None) -> str:
    if minimum is None:
        return f"At most {maximum:,} characters"
    return f"{minimum:,} to {maximum:,} characters" if maximum is not None else f"At least {minimum:,} characters"


def shortened(value: Any) -> str:
    text = " ".join(text_of(value).split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rstrip()}…"
