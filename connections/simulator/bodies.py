"""Bodies: what each API refuses in them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from connections.simulator.refusals import Refusal, invalid
from connections.simulator.routes import Route
from connections.simulator.strict_chat import refused_chat
from connections.simulator.strict_embeddings import refused_embeddings
from connections.simulator.strict_responses import refused_responses

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


def extras(route: Route, body: Mapping[str, Any]) -> list[str]:
    return sorted(set(body) - INFERENCE_FIELDS[route.operation]) if route.inference else []


def without_extras(route: Route, body: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any]:
    if headers.get("extra-parameters") != "drop":
        return body
    dropped = extras(route, body)
    return {name: value for name, value in body.items() if name not in dropped}


def refused_extras(route: Route, body: Mapping[str, Any], headers: Mapping[str, str]) -> Refusal | None:
    if headers.get("extra-parameters") == "pass-through" or not (found := extras(route, body)):
        return None
    if route.operation == "embeddings":
        detail = {"type": "extra_forbidden", "loc": ["body", found[0]], "msg": "Extra inputs are not permitted"}
        return Refusal(422, {"detail": [{**detail, "input": body[found[0]]}]})
    detail_text = f"Extra parameters ['{found[0]}'] are not allowed when extra-parameters is not set (simulated)"
    return Refusal(400, {"detail": detail_text})


def refused_body(
    route: Route, deployment: str, body: Mapping[str, Any], known_responses: Container[str]
) -> Refusal | None:
    """Azure's routes are strict, /models in a form of its own; compatible servers take what they can."""
    if route.operation == "messages":
        return None
    if not route.strict:
        return refused_by_lenient(route, body)
    if route.operation == "responses":
        return refused_responses(body, known_responses)
    if not route.inference:
        return refused_call(route, deployment, body)
    # What is extra was judged before, and may be meant for the model behind.
    known = {name: value for name, value in body.items() if name in INFERENCE_FIELDS[route.operation]}
    refused = refused_call(route, deployment, known)
    return in_detail(refused, body) if refused else None


def refused_call(route: Route, deployment: str, body: Mapping[str, Any]) -> Refusal | None:
    if route.operation == "embeddings":
        return refused_embeddings(route, deployment, body)
    return refused_chat(body)


def refused_by_lenient(route: Route, body: Mapping[str, Any]) -> Refusal | None:
    needed = {"chat/completions": "messages", "responses": "input", "embeddings": "input"}[route.operation]
    if body.get(needed):
        return None
    return invalid("missing_required_parameter", f"Missing required parameter: '{needed}'.", needed)


def in_detail(refused: Refusal, body: Mapping[str, Any]) -> Refusal:
    """422 {"detail": [...]}, where a parameter is at fault."""
    found = refused.body["error"]
    if not found["param"]:
        return refused
    location = [int(part) if part.isdecimal() else part for part in re.split(r"[.\[\]]+", found["param"]) if part]
    value = body.get(str(location[0]))
    return Refusal(422, {"detail": [{"loc": ["body", *location], "msg": found["message"], "input": value}]})
