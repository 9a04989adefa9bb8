"""Reads the JSON in a text, and compares it with a schema."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.json_schemas import SchemaProblem, Undecided, schema_of
from flows.language.shape import shape_of_schema
from flows.properties.long_text import long_text
from flows.properties.new_variable import result_variable
from flows.properties.schema import schema
from foundryflow.strict_json import JsonError, storable_json

# What models put around JSON although nobody asked for it.
FENCED = re.compile(r"```[A-Za-z0-9]*[ \t]*\r?\n(.*?)```", re.DOTALL)
AROUND = 40  # characters before and behind a mistake that are shown
LONGEST_INLINE = 20_000  # characters that are read in passing


@dataclass(frozen=True)
class Properties:
    text: str = long_text(
        "Text", required=True, hint="Such as the answer of a model, or a line of a file.", on_card=True
    )
    schema: Any = schema(
        "JSON Schema",
        empty="anything that is JSON",
        hint="What the value must be like (2020-12). The run stops where it is not.",
        keeps_json=True,
    )
    result_variable_name: str = result_variable("parsed", shape=lambda stored: shape_of_schema(stored.get("schema")))


class ParseJson(ActionType):
    type = "parse_json"
    title = "Parse JSON"
    purpose = "the value in a text that is JSON"
    group = Group.BUILTIN
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        if len(properties.text) <= LONGEST_INLINE and not properties.schema:
            found = read_value(properties.text)
        else:
            found = await asyncio.to_thread(checked_value, properties.text, properties.schema)
        return Result(output=found, variables={properties.result_variable_name: found})


def checked_value(text: str, schema: Any) -> Any:
    """The value of the text, which fits the schema where there is one. Raises ActionError."""
    found = read_value(text)
    if not schema:
        return found
    try:
        problem = schema_of(schema).problem(found)
    except SchemaProblem as error:
        raise ActionError("schema", f"JSON Schema: {error}", "Correct it in the property panel.") from None
    except Undecided as error:
        raise ActionError("schema", str(error), "Simplify JSON Schema in the property panel.") from None
    if problem is not None:
        raise ActionError(
            "schema_mismatch", f"The value does not fit JSON Schema. {problem}", "Correct the text, or JSON Schema."
        )
    return found


def read_value(text: str) -> Any:
    """The value of the text, or of the block of code in it. Raises ActionError that says the place."""
    try:
        return storable_json(text)
    except JsonError as error:
        whole = error
    if found := FENCED.search(text):
        try:
            return storable_json(found[1])
        except JsonError as error:
            raise not_json(found[1], error, "The block of code in Text") from None
    raise not_json(text, whole, "Text")


def not_json(text: str, error: JsonError, what: str) -> ActionError:
    if error.line is None or error.column is None:
        return ActionError("invalid_json", f"{what} {error.what}.", "Take what is JSON out of it first.")
    why = error.what.removeprefix("not JSON (").removesuffix(")")
    return ActionError(
        "invalid_json",
        f"{what} is not JSON: line {error.line}, column {error.column}: {why}.",
        "Correct what makes it, or take what is JSON out of it first.",
        raw=excerpt(text, error.line, error.column),
    )


def excerpt(text: str, line: int, column: int) -> str:
    """The text around a place, with a sign in front of it; lines and columns as json counts them."""
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    at = start + column - 1
    before, behind = text[max(0, at - AROUND) : at], text[at : at + AROUND]
    return f"{'…' if at > AROUND else ''}{before}⟪here⟫{behind}{'…' if at + AROUND < len(text) else ''}"
