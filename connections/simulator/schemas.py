"""What both APIs share: JSON Schemas that are strict, names, and the word JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter
from connections.simulator.shapes import Check, boolean, mapping, record, text, wrong_type

LONGEST = 1_048_576  # characters of a message
MOST_TOOLS = 128
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
METADATA = mapping(text(512), most=16)


def name_check(value: Any, path: str) -> SimulatedRefusal | None:
    if not isinstance(value, str):
        return wrong_type(path, "a string", value)
    if re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", value):
        return None
    pattern = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
    message = f"Invalid '{path}': string does not match pattern. {pattern}"
    return invalid_parameter("invalid_value", message, path)


def object_check(value: Any, path: str) -> SimulatedRefusal | None:
    return None if isinstance(value, dict) else wrong_type(path, "an object", value)


SCHEMA_FIELDS: dict[str, Check] = {"name": name_check, "schema": object_check, "strict": boolean, "description": text()}


def schema_format(outer: dict[str, Check], param: str) -> Check:
    """A named schema; `outer` are the fields beside it (the type, where the form is flat)."""
    form = record({**outer, **SCHEMA_FIELDS}, required=("name", "schema"))

    def check(value: Any, path: str) -> SimulatedRefusal | None:
        return form(value, path) or strict_schema_refusal(value, param)

    return check


def strict_schema_refusal(value: Mapping[str, Any], param: str) -> SimulatedRefusal | None:
    if value.get("strict") is not True or not (found := lax_part(value["schema"], ())):
        return None
    where, what = found
    message = f"Invalid schema for {param.replace('.', '_')} '{value['name']}': In context=({where}), {what}."
    return invalid_parameter(None, message, param)


def lax_part(schema: Any, path: tuple[str, ...]) -> tuple[str, str] | None:
    """Strict wants every property required and no others, on every level."""
    if not isinstance(schema, Mapping):
        return None
    where = ", ".join(f"'{part}'" for part in path)
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    if schema.get("type") == "object" or known:
        if schema.get("additionalProperties") is not False:
            return where, "'additionalProperties' is required to be supplied and to be false"
        required = schema.get("required")
        if not isinstance(required, list) or not set(known) <= {str(entry) for entry in required}:
            return where, "'required' is required to be supplied and to be an array including every key in properties"
    inner: list[tuple[tuple[str, ...], Any]] = [(("properties", str(key)), part) for key, part in known.items()]
    inner += [((key,), schema[key]) for key in ("items",) if key in schema]
    for key in ("$defs", "definitions"):
        parts = schema.get(key)
        inner += [((key, str(n)), part) for n, part in (parts.items() if isinstance(parts, Mapping) else ())]
    for key in ("anyOf", "oneOf"):
        parts = schema.get(key)
        inner += [((key, str(n)), part) for n, part in (enumerate(parts) if isinstance(parts, list) else ())]
    return next((found for step, part in inner if (found := lax_part(part, path + step))), None)


def says_json(body: Any) -> bool:
    return "json" in json.dumps(body, ensure_ascii=False).lower()


FUNCTION: dict[str, Check] = {
    "name": name_check,
    "description": text(),
    "parameters": object_check,
    "strict": boolean,
}
