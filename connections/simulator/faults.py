"""Faults on demand, chosen by the name of the deployment; any other name answers.

slow-2s           the first word comes after two seconds
fail-429-2        429 with retry-after for the first two calls, then an answer (a counter per name)
fail-500-1        the same with 500 (any status from 400 to 599)
quota             429 that asks to wait a day
content-filter    400, the prompt is blocked
filtered-answer   200, the answer ends with finish_reason content_filter
cut-stream        the stream ends in the middle of the answer
cut-in-word       the same in the middle of a line
error-in-stream   the stream reports an error after some words
late-filter       a filter annotation without delta follows the chunk that finishes
held-open         the connection stays open after [DONE]
bad-json          200 with something that is not JSON
html              502 with a web page, as gateways send
bad-key           401, whatever the key
no-role           401, the identity lacks the role
no-keys           403, the resource accepts no keys
firewall          403, a network rule
not-found         404 DeploymentNotFound
no-chat           400 OperationNotSupported, as models that only speak Responses say
too-long          400 context_length_exceeded
empty             200 with an empty answer
length            200, cut at its token limit
json              200 with a JSON object as the answer
reasoning...      refuses max_tokens and temperature, as reasoning models do
old...            refuses max_completion_tokens and stream_options, as old api-versions do
no-schema...      refuses response_format json_schema, takes json_object
hang              never answers
fast...           no delay between words
long-500          an answer of 500 words
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Refusal:
    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def error(status: int, code: str, message: str, **more: Any) -> Refusal:
    return Refusal(status, {"error": {"code": code, "message": f"{message} (simulated)", **more}})


STANDING = {
    "bad-key": error(401, "401", "Access denied due to invalid subscription key or wrong API endpoint."),
    "no-role": error(401, "PermissionDenied", "Principal does not have access to API/Operation."),
    "no-keys": error(403, "AuthenticationTypeDisabled", "Key based authentication is disabled for this resource."),
    "no-chat": error(
        400, "OperationNotSupported", "The chatCompletion operation does not work with the specified model."
    ),
    "firewall": error(403, "AccessDenied", "Access denied due to Virtual Network/Firewall rules."),
    "not-found": error(404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
    "too-long": error(
        400,
        "context_length_exceeded",
        "This model's maximum context length is 4096 tokens.",
        param="messages",
    ),
    "content-filter": error(
        400,
        "content_filter",
        "The response was filtered due to the prompt triggering the content management policy.",
        param="prompt",
        innererror={
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "violence": {"filtered": True, "severity": "medium"},
                "hate": {"filtered": False, "severity": "safe"},
            },
        },
    ),
}


class Faults:
    """Knows how often each failing deployment has been called."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    def refusal(self, deployment: str, body: dict[str, Any]) -> Refusal | None:
        if deployment in STANDING:
            return STANDING[deployment]
        if deployment == "quota":
            refused = error(429, "429", "Rate limit is exceeded. Try again in 86400 seconds.")
            return Refusal(429, refused.body, {"retry-after": "86400"})
        if found := re.fullmatch(r"fail-(\d{3})-(\d+)", deployment):
            return self._counted(deployment, int(found[1]), int(found[2]))
        if deployment.startswith("reasoning"):
            return refused_parameter(
                body,
                {
                    "max_tokens": "Use 'max_completion_tokens' instead.",
                    "temperature": "Only the default (1) value is supported.",
                },
            )
        if deployment.startswith("old"):
            return unrecognised(body, ("max_completion_tokens", "stream_options"))
        if deployment.startswith("no-schema"):
            return refused_schema(body)
        return None

    def _counted(self, deployment: str, status: int, times: int) -> Refusal | None:
        self._calls[deployment] += 1
        if self._calls[deployment] > times:
            # The next run sees the fault again.
            self._calls[deployment] = 0
            return None
        refused = error(status, str(status), "The service is not available. Please retry after 1 second.")
        return Refusal(status, refused.body, {"retry-after-ms": "100", "retry-after": "1"} if status == 429 else {})


def refused_parameter(body: dict[str, Any], parameters: dict[str, str]) -> Refusal | None:
    for parameter, advice in parameters.items():
        if parameter in body and not (parameter == "temperature" and body[parameter] == 1):
            message = f"Unsupported parameter: '{parameter}' is not supported with this model. {advice}".strip()
            return error(400, "unsupported_parameter", message, param=parameter, type="invalid_request_error")
    return None


def unrecognised(body: dict[str, Any], parameters: tuple[str, ...]) -> Refusal | None:
    """In the words of old api-versions, which name the parameter in the message alone."""
    if found := next((name for name in parameters if name in body), None):
        return error(400, "invalid_request_error", f"Unrecognized request argument supplied: {found}", param=None)
    return None


def refused_schema(body: dict[str, Any]) -> Refusal | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict) or wanted.get("type") != "json_schema":
        return None
    message = "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
    return error(400, "invalid_request_error", message, param="response_format")


def first_delay(deployment: str) -> float:
    """Seconds before the answer begins."""
    found = re.fullmatch(r"slow-(\d+(?:\.\d+)?)s", deployment)
    return min(float(found[1]), 120.0) if found else 0.0


def word_count(deployment: str) -> int | None:
    found = re.fullmatch(r"(?:fast-)?long-(\d+)", deployment)
    return min(int(found[1]), 20_000) if found else None
