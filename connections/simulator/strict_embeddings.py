"""The body of embeddings, as strictly as the service reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter
from connections.simulator.routes import SimulatedRoute
from connections.simulator.shapes import anything, integer, missing, one_of, record, text, wrong_type
from connections.simulator.vectors import inputs_of, tokens_of

MOST_INPUTS, MOST_INPUTS_INFERENCE = 2048, 1024
LONGEST = 8192  # tokens of one input
FIELDS = {
    "model": text(),
    "input": anything,
    "dimensions": integer(1, 4096),
    "encoding_format": one_of("float", "base64"),
    "user": text(),
}
BODY = record(FIELDS, required=("input",))
INFERENCE_BODY = record({**FIELDS, "input_type": one_of("text", "query", "document")}, required=("input",))
ONE_SIZE = ("text-embedding-ada", "no-dimensions")  # beginnings of deployments that take no dimensions


def embeddings_refusal(route: SimulatedRoute, deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if refusal := (INFERENCE_BODY if route.inference else BODY)(dict(body), ""):
        return refusal
    if not deployment:
        return missing("model")
    if body.get("dimensions") is not None and deployment.startswith(ONE_SIZE):
        return invalid_parameter(None, "This model does not support specifying dimensions.", "dimensions")
    return input_refusal(body["input"], MOST_INPUTS_INFERENCE if route.inference else MOST_INPUTS)


def input_refusal(given: Any, most: int) -> SimulatedRefusal | None:
    inputs = inputs_of(given)
    if not inputs or any(entry in ("", []) for entry in inputs):
        return invalid_parameter(None, "'$.input' is invalid. Please check the API reference.", "input")
    if not all(is_input(entry) for entry in inputs):
        return wrong_type("input", "a string, an array of strings, or an array of tokens", given)
    if len(inputs) > most:
        message = (
            f"Invalid 'input': array too long. Expected an array with maximum length {most}, "
            f"but got an array with length {len(inputs)} instead."
        )
        return invalid_parameter("array_above_max_length", message, "input")
    longest = max(tokens_of(entry) for entry in inputs)
    if longest > LONGEST:
        message = f"This model's maximum context length is {LONGEST} tokens, however you requested {longest} tokens."
        return invalid_parameter("context_length_exceeded", message, "input")
    return None


def is_input(entry: Any) -> bool:
    if isinstance(entry, list):
        return all(isinstance(token, int) and not isinstance(token, bool) for token in entry)
    return isinstance(entry, str)
