"""What generations of Claude refuse, in their own words; chosen by the name of the deployment, which only a simulator
may go by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from connections.simulator.fixed_refusals import NO_DEPLOYMENT
from connections.simulator.listings import CATALOGUE, MODELS
from connections.simulator.refusals import SimulatedRefusal, anthropic_refusal, error_refusal

BUDGET_ONLY = re.compile(r"claude-(?:budget|(?:opus|sonnet|haiku)-4-5)")
ADAPTIVE_ONLY = re.compile(r"claude-(?:adaptive|opus-4-[78]|opus-5|sonnet-5(?!-5)|fable|mythos)")
WITHOUT_EFFORT = re.compile(r"claude-(?:budget|(?:sonnet|haiku)-4-5)")
EFFORTS = {"xhigh": re.compile(r"claude-\w+-4-6"), "max": re.compile(r"claude-(?:fable|mythos)")}  # that it lacks
LIMITS = ((BUDGET_ONLY, 64_000), (re.compile(""), 128_000))  # tokens of an answer


NOT_SUPPORTED = error_refusal(404, "api_not_supported", "Requested API is currently not supported")
OTHER_MODELS = re.compile(r"gpt-|o\d-|text-embedding")
ELSEWHERE = ("anthropic", "compatible", "serverless", "serverless-v1")  # families that serve Claude, or do not care
LATER = (408, 409, 413, 429)
# Deployment -> what it always says, where others say something of their own.
FAULTS = {
    "too-long": anthropic_refusal("prompt is too long: 200001 tokens > 200000 maximum"),
}


def surface_refusal(family: str, deployment: str) -> SimulatedRefusal | None:
    """A resource serves Claude on one surface, and all other models on the others."""
    is_claude = deployment.startswith("claude")
    if family == "anthropic":
        is_other = not is_claude and (deployment in (*MODELS, *CATALOGUE) or OTHER_MODELS.match(deployment))
        return NO_DEPLOYMENT if is_other else None
    return NOT_SUPPORTED if is_claude and family not in ELSEWHERE else None


def fault_of_claude(deployment: str, refusal: SimulatedRefusal) -> SimulatedRefusal:
    """What the service in front of Claude says is in its own form; the rest is said by Claude."""
    if deployment in FAULTS:
        return FAULTS[deployment]
    if (refusal.status not in LATER and refusal.status < 500) or not isinstance(refusal.body, dict):
        return refusal
    error = refusal.body.get("error")
    if not isinstance(error, dict) or error.get("code") == "invalid_model_endpoint_authentication":
        return refusal
    return anthropic_refusal(error["message"].removesuffix(" (simulated)"), refusal.status, refusal.headers)


def dialect_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if not deployment.startswith("claude"):
        return None
    refusals = (sampling_refusal, thinking_refusal, effort_refusal, format_refusal, limit_refusal, prefill_refusal)
    return next((refusal for rule in refusals if (refusal := rule(deployment, body))), None)


def sampling_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    given = [name for name in ("temperature", "top_p", "top_k") if name in body]
    if given and ADAPTIVE_ONLY.match(deployment):
        return anthropic_refusal(f"`{given[0]}` is deprecated for this model.")
    if given[:2] == ["temperature", "top_p"]:
        return anthropic_refusal(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
        )
    return None


def thinking_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    type = (body.get("thinking") or {}).get("type")
    if type == "enabled" and ADAPTIVE_ONLY.match(deployment):
        return anthropic_refusal(
            '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if type == "adaptive" and BUDGET_ONLY.match(deployment):
        return anthropic_refusal("adaptive thinking is not supported on this model")
    if type == "disabled" and deployment.startswith(("claude-fable", "claude-mythos")):
        return anthropic_refusal('"thinking.type.disabled" is not supported for this model.')
    return None


def effort_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    effort = (body.get("output_config") or {}).get("effort")
    if effort is None:
        return None
    if WITHOUT_EFFORT.match(deployment):
        return anthropic_refusal("This model does not support the effort parameter.")
    if (lacking := EFFORTS.get(effort)) and lacking.match(deployment):
        return anthropic_refusal(f"output_config.effort: '{effort}' is not supported for this model.")
    return None


def format_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if deployment.startswith("claude-no-format") and "format" in (body.get("output_config") or {}):
        return anthropic_refusal("output_config.format: Extra inputs are not permitted")
    return None


def limit_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    most = next(limit for named, limit in LIMITS if named.match(deployment))
    if body.get("max_tokens", 0) <= most:
        return None
    return anthropic_refusal(
        f"max_tokens: {body['max_tokens']} > {most}, which is the maximum allowed number of output tokens for "
        f"{deployment}"
    )


def prefill_refusal(deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
    takes_prefill = BUDGET_ONLY.match(deployment) or deployment.startswith("claude-pause")
    if body["messages"][-1]["role"] == "assistant" and not takes_prefill:
        return anthropic_refusal(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    return None
