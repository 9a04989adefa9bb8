"""Answers that are JSON, where a request asks for that: by a parameter, or in words of its system prompt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SAMPLES: dict[str, Any] = {"integer": 1, "number": 1.5, "boolean": True, "array": [], "object": {}, "null": None}
IN_WORDS = "JSON Schema: "
DEEPEST = 20


@dataclass(frozen=True)
class WantedForm:
    """That an answer is to be JSON, and of which schema."""

    schema: Any = None

    @classmethod
    def of(cls, body: Mapping[str, Any], texts: Iterable[str]) -> WantedForm | None:
        """`texts` are those that say how to answer. None where any text will do."""
        form = parameter_of(body)
        inner = form.get("json_schema")
        if form.get("type") == "json_schema":
            return cls((inner if isinstance(inner, Mapping) else form).get("schema"))
        said = next((text for text in texts if IN_WORDS in text), "")
        try:
            return cls(json.JSONDecoder().raw_decode(said.partition(IN_WORDS)[2])[0])
        except ValueError:
            return cls() if form.get("type") == "json_object" else None

    def answer(self, deployment: str, prompt: str, *, corrects: bool) -> str:
        """`corrects`: an earlier answer is in the conversation."""
        value = {"simulated": True, "echo": prompt} if self.schema is None else sample(self.schema, self.schema)
        if "misfit-always" in deployment or ("misfit" in deployment and not corrects):
            value = misfit(value)
        text = json.dumps(value)
        return f"```json\n{text}\n```" if "fenced" in deployment else text


def parameter_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a parameter says of the form, whichever API it is of."""
    for names in (("response_format",), ("text", "format"), ("output_config", "format")):
        found: Any = body
        for name in names:
            found = found.get(name) if isinstance(found, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return {}


def misfit(value: Any) -> Any:
    """The value with its first part of another type, and without its last."""
    if not isinstance(value, dict) or not value:
        return {"misfit": True}
    first, *others = value
    wrong = 0 if isinstance(value[first], str) else "simulated"
    return {first: wrong, **{name: value[name] for name in others[:-1]}}


def sample(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A value that fits the usual parts of a JSON Schema."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return "simulated"
    if isinstance(reference := schema.get("$ref"), str):
        return sample(part_at(root, reference), root, depth + 1)
    if isinstance(values := schema.get("enum"), list) and values:
        return values[0]
    if "const" in schema:
        return schema["const"]
    for name in ("anyOf", "oneOf"):
        if isinstance(options := schema.get(name), list) and options:
            return sample(options[0], root, depth + 1)
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        return {str(name): sample(part, root, depth + 1) for name, part in properties.items()}
    if kind == "array" and isinstance(least := schema.get("minItems"), int):
        return [sample(schema.get("items"), root, depth + 1)] * min(least, 100)
    return SAMPLES.get(kind, "simulated") if isinstance(kind, str) else "simulated"


def part_at(root: Any, reference: str) -> Any:
    """What "#/$defs/name" means."""
    found = root
    for name in reference.removeprefix("#").strip("/").split("/"):
        found = found.get(name) if isinstance(found, Mapping) and name else found
    return found
