"""Models that refuse a parameter, in the words of those that do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter

JsonBody = Mapping[str, Any]
# What reasoning models do not take, and the value they let pass.
UNSUPPORTED_BY_REASONING: dict[str, Any] = {
    "top_p": 1,
    "presence_penalty": 0,
    "frequency_penalty": 0,
    "logprobs": False,
    "top_logprobs": 0,
    "logit_bias": {},
}


def value_at(body: JsonBody, *names: str) -> Any:
    """body["text"]["format"]["type"], or None where there is no such thing."""
    value: Any = body
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def reasoning_refusal(body: JsonBody) -> SimulatedRefusal | None:
    if "max_tokens" in body:
        return unsupported_parameter("max_tokens", " Use 'max_completion_tokens' instead.")
    if body.get("temperature") not in (None, 1):
        message = (
            f"Unsupported value: 'temperature' does not support {body['temperature']} with this model. "
            "Only the default (1) value is supported."
        )
        return invalid_parameter("unsupported_value", message, "temperature")
    found = next(
        (name for name, default in UNSUPPORTED_BY_REASONING.items() if body.get(name) not in (None, default)), None
    )
    return unsupported_parameter(found) if found else None


def unsupported_parameter(name: str, advice: str = "") -> SimulatedRefusal:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{advice}"
    return invalid_parameter("unsupported_parameter", message, name)


def old_version_refusal(body: JsonBody) -> SimulatedRefusal | None:
    """In the words of old api-versions, which name the parameter in the message alone."""
    found = next((name for name in ("max_completion_tokens", "stream_options") if name in body), None)
    return invalid_parameter(None, f"Unrecognized request argument supplied: {found}", None) if found else None


def schema_refusal(body: JsonBody) -> SimulatedRefusal | None:
    for names, kind in ((("response_format",), "chat"), (("text", "format"), "Responses")):
        if value_at(body, *names, "type") == "json_schema":
            name = ".".join(names)
            message = f"Invalid parameter: '{name}' of type 'json_schema' is not supported with this model in {kind}."
            return invalid_parameter(None, message, name)
    return None


def format_refusal(body: JsonBody) -> SimulatedRefusal | None:
    """In the words of DeepSeek, which names no parameter."""
    for names in (("response_format",), ("text", "format")):
        if value_at(body, *names, "type") in ("json_schema", "json_object"):
            message = "This response_format type is unavailable now"
            param = "text.format.type" if names[0] == "text" else None
            return invalid_parameter("invalid_request_error", message, param)
    return None


def stop_refusal(body: JsonBody) -> SimulatedRefusal | None:
    return unsupported_parameter("stop") if body.get("stop") is not None else None


def effort_refusal(body: JsonBody) -> SimulatedRefusal | None:
    for names in (("reasoning_effort",), ("reasoning", "effort")):
        if (value := value_at(body, *names)) is not None:
            name = ".".join(names)
            message = f"Unsupported value: '{name}' does not support '{value}' with this model."
            return invalid_parameter("unsupported_value", message, name)
    return None


def stream_options_refusal(body: JsonBody) -> SimulatedRefusal | None:
    if "stream_options" not in body:
        return None
    message = "Extra inputs are not permitted: 'stream_options' is not supported (simulated)"
    return SimulatedRefusal(
        400, {"object": "error", "message": message, "type": "BadRequestError", "param": None, "code": 400}
    )


# Beginning of the name of the deployment -> what it refuses.
RULES: dict[str, Callable[[JsonBody], SimulatedRefusal | None]] = {
    "reasoning": reasoning_refusal,
    "old": old_version_refusal,
    "no-schema": schema_refusal,
    "no-format": format_refusal,
    "no-stop": stop_refusal,
    "no-reasoning-effort": effort_refusal,
    "no-stream-options": stream_options_refusal,
}


def parameter_refusal(deployment: str, body: JsonBody) -> SimulatedRefusal | None:
    rule = next((rule for name, rule in RULES.items() if deployment.startswith(name)), None)
    return rule(body) if rule else None
