"""Bodies: what each API refuses in them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter
from connections.simulator.routes import SimulatedRoute
from connections.simulator.strict_chat import chat_refusal
from connections.simulator.strict_embeddings import embeddings_refusal
from connections.simulator.strict_responses import responses_refusal

# The schema of the model inference API; everything else is extra.
INFERENCE_FIELDS: dict[str, frozenset[str]] = {
    "chat/completions": frozenset(
        {
            "messages", "model", "frequency_penalty", "presence_penalty", "temperature", "top_p", "max_tokens",
            "stream", "stop", "seed", "tools", "tool_choice", "response_format",
        }
    ),
    "embeddings": frozenset({"input", "model", "input_type", "dimensions", "encoding_format"}),
}  # fmt: skip


def extra_fields(route: SimulatedRoute, body: Mapping[str, Any]) -> list[str]:
    return sorted(set(body) - INFERENCE_FIELDS[route.operation]) if route.inference else []


def without_extras(route: SimulatedRoute, body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    if headers.get("extra-parameters") != "drop":
        return body
    dropped = extra_fields(route, body)
    return {name: value for name, value in body.items() if name not in dropped}


def extras_refusal(
    route: SimulatedRoute, body: Mapping[str, Any], headers: Mapping[str, str]
) -> SimulatedRefusal | None:
    if headers.get("extra-parameters") == "pass-through" or not (found := extra_fields(route, body)):
        return None
    if route.operation == "embeddings":
        detail = {"type": "extra_forbidden", "loc": ["body", found[0]], "msg": "Extra inputs are not permitted"}
        return SimulatedRefusal(422, {"detail": [{**detail, "input": body[found[0]]}]})
    detail_text = f"Extra parameters ['{found[0]}'] are not allowed when extra-parameters is not set (simulated)"
    return SimulatedRefusal(400, {"detail": detail_text})


def body_refusal(
    route: SimulatedRoute, deployment: str, body: Mapping[str, Any], known_responses: Container[str]
) -> SimulatedRefusal | None:
    """Azure's routes are strict, /models in a form of its own; compatible servers take what they can."""
    if not route.strict:
        return lenient_refusal(route, body)
    if route.operation == "responses":
        return responses_refusal(body, known_responses)
    if not route.inference:
        return strict_refusal(route, deployment, body)
    # What is extra was judged before, and may be meant for the model behind.
    known = {name: value for name, value in body.items() if name in INFERENCE_FIELDS[route.operation]}
    refusal = strict_refusal(route, deployment, known)
    return as_detail(refusal, body) if refusal else None


def strict_refusal(route: SimulatedRoute, deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if route.operation == "embeddings":
        return embeddings_refusal(route, deployment, body)
    return chat_refusal(body)


def lenient_refusal(route: SimulatedRoute, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    needed = {"chat/completions": "messages", "responses": "input", "embeddings": "input"}[route.operation]
    if body.get(needed):
        return None
    return invalid_parameter("missing_required_parameter", f"Missing required parameter: '{needed}'.", needed)


def as_detail(refusal: SimulatedRefusal, body: Mapping[str, Any]) -> SimulatedRefusal:
    """The same as 422 {"detail": [...]}, where a parameter is at fault."""
    found = refusal.body["error"]
    if not found["param"]:
        return refusal
    location = [int(part) if part.isdecimal() else part for part in re.split(r"[.\[\]]+", found["param"]) if part]
    value = body.get(str(location[0]))
    return SimulatedRefusal(422, {"detail": [{"loc": ["body", *location], "msg": found["message"], "input": value}]})
