"""A JSON Schema: by itself, or as the form of an answer, which may also be one of a few words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flows.language.json_schemas import SchemaProblem, schema_of
from flows.language.shape import DEEPEST
from flows.properties.base import Finding, LintContext, declare
from flows.properties.value import ValueProperty
from foundryflow.strict_json import JsonError, storable_json

EXAMPLE = 'A schema is an object such as {"type": "object", "properties": {…}}.'


@dataclass(frozen=True, kw_only=True)
class SchemaProperty(ValueProperty):
    kind = "schema"

    words: tuple[str, ...] = ()  # what it may be beside a schema
    is_named: bool = False  # the schema stands in an object with a name, and whether it is strict
    rows: int = 4

    def problems(self, value: Any, context: LintContext) -> Iterator[Finding]:
        found = list(super().problems(value, context))
        if found or value in self.words or is_template(value):
            yield from found
            return
        try:
            schema, is_strict = self.schema_in(value)
            if schema is not None:
                schema_of(schema)
        except (JsonError, SchemaProblem) as error:
            said = f"{error}." if isinstance(error, JsonError) else str(error)
            known = is_object(value)
            yield Finding(f"{self.label}: {said}" if known else f"{self.label} {value!r} is not known. {self.ways}")
            return
        if is_strict and (why := next(against_strict(schema), "")):
            yield Finding(f"{self.label}: {why}", "warning")

    @property
    def ways(self) -> str:
        """What it may be, in a sentence."""
        return f"Give {', '.join(self.words)} or a JSON Schema." if self.words else EXAMPLE

    def schema_in(self, value: Any) -> tuple[Any, bool]:
        """The schema of a stored value, and whether it is a strict one; None where the value asks for JSON only.

        Raises JsonError for a text that is none, and SchemaProblem.
        """
        given = storable_json(value) if isinstance(value, str) else value
        if not isinstance(given, Mapping):
            raise SchemaProblem(EXAMPLE)
        if not self.is_named:
            return given, False
        if given.get("type") in ("json_object", "text"):
            return None, False
        if given.get("type") == "json_schema":
            given = given.get("json_schema")
            if not isinstance(given, Mapping) or "schema" not in given:
                raise SchemaProblem("json_schema has no schema in it.")
        # A bare schema is sent as a strict one.
        return (given["schema"], given.get("strict") is True) if "schema" in given else (given, True)


def schema(label: str, **more: Any) -> Any:
    return declare(SchemaProperty(label=label, **more))


def is_template(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def is_object(value: Any) -> bool:
    """Whether it is one, or a text that is meant as one."""
    return isinstance(value, Mapping) or (isinstance(value, str) and value.lstrip().startswith("{"))


def against_strict(schema: Any, place: str = "the schema", depth: int = 0) -> Iterator[str]:
    """What a service refuses of a strict schema: it asks for every property, and takes no others."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return
    properties, required = schema.get("properties"), schema.get("required")
    if schema.get("type") == "object" or isinstance(properties, Mapping):
        named = dict(properties) if isinstance(properties, Mapping) else {}
        missing = [name for name in named if not isinstance(required, list) or name not in required]
        if schema.get("additionalProperties") is not False:
            yield f"a strict schema needs additionalProperties: false in {place}. Add it, or switch Strict off."
        if missing:
            yield f"a strict schema requires every property; {missing[0]} of {place} is not. Or switch Strict off."
        for name, inner in named.items():
            yield from against_strict(inner, str(name), depth + 1)
    yield from against_strict(schema.get("items"), f"the items of {place}", depth + 1)
