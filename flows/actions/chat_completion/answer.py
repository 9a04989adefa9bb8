"""What the answer of a model becomes: JSON where that was asked for, its tokens, and a warning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.foundry.values import Completion
from flows.language.errors import ActionError
from flows.language.shape import NUMBER, TEXT, Shape, object_shape, shape_of_schema
from foundryflow.strict_json import JsonError, read_json

LONGEST_RAW = 20_000  # characters of the raw answer that are kept
EXTRA_EXAMPLE = 'Give an object such as {"top_k": 5}.'
COUNTS = (
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_tokens",
    "reasoning_tokens",
    "cache_write_tokens",
    "estimated_tokens",
)


def response_format(value: Any) -> Any:
    """Text needs none; json_object and a JSON schema become what the API takes."""
    if value in (None, "", "text"):
        return None
    if value == "json_object":
        return {"type": "json_object"}
    if isinstance(value, str):
        try:
            value = read_json(value)
        except JsonError:
            raise ActionError(
                "response_format",
                f"Response format {value!r} is not known.",
                "text, json_object or a JSON schema.",
            ) from None
    if not isinstance(value, Mapping):
        raise ActionError("response_format", "Response format is not an object.", "text, json_object or a JSON schema.")
    if value.get("type") in ("json_schema", "json_object", "text"):
        return dict(value)
    if "schema" in value:
        return {"type": "json_schema", "json_schema": dict(value)}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(value), "strict": True}}


FIELDS_OF_OUR_OWN = ("model", "messages", "input", "instructions", "system", "stream")


def extra_parameters(value: Any) -> Mapping[str, Any] | None:
    """What is added to the body of a call, as an object. Raises ActionError."""
    if value in (None, "", {}):
        return None
    if isinstance(value, str):
        try:
            value = read_json(value)
        except JsonError as error:
            raise ActionError("extra_parameters", f"Extra parameters are not JSON ({error}).", EXTRA_EXAMPLE) from None
    if not isinstance(value, Mapping):
        raise ActionError("extra_parameters", "Extra parameters are not an object.", EXTRA_EXAMPLE)
    if taken := [name for name in FIELDS_OF_OUR_OWN if name in value]:
        raise ActionError(
            "extra_parameters", f"Extra parameters name {taken[0]}, which the action says itself.", "Leave it out."
        )
    return value


def answer_shape(properties: Mapping[str, Any]) -> Shape:
    """What is known of an answer before a run; of its JSON, what the response format says."""
    try:
        wanted = response_format(properties.get("response_format")) or {}
    except ActionError:
        wanted = {}
    schema = (wanted.get("json_schema") or {}).get("schema")
    is_json = wanted.get("type") in ("json_schema", "json_object")
    return object_shape(
        text=TEXT,
        **({"json": shape_of_schema(schema or {"type": "object"})} if is_json else {}),
        usage=object_shape(**dict.fromkeys(COUNTS, NUMBER)),
        finish_reason=TEXT,
        model=TEXT,
        raw=Shape("object"),
        **({"reasoning": TEXT} if properties.get("reasoning_summary") else {}),
        **({"logprobs": Shape("list")} if properties.get("top_logprobs") not in (None, "") else {}),
    )


def usage_of(completion: Completion) -> dict[str, Any]:
    named = {name: getattr(completion.usage, name) for name in COUNTS}
    return {name: count for name, count in named.items() if count is not None}


def warning_of(completion: Completion) -> str | None:
    if completion.finish_reason == "length":
        spent = completion.usage.completion_tokens
        return f"Cut at {spent:,} tokens" if spent else "Cut at the token limit"
    if completion.finish_reason == "content_filter":
        return f"Filtered: {completion.filtered or 'content'}"
    if completion.finish_reason == "pause_turn":
        return "Paused by the service before its turn was over"
    if completion.refusal:
        return f"Refused: {completion.refusal[:200]}"
    return None
