"""The body of the Messages API, as strictly as Claude reads it, and its refusals: the message alone names the field."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, anthropic_refusal
from connections.simulator.schemas import object_check
from connections.simulator.shapes import (
    Check,
    Fields,
    anything,
    array,
    boolean,
    either,
    first_refusal,
    integer,
    number,
    one_of,
    record,
    tagged,
    text,
)

VERSIONS = ("2023-06-01", "2026-10-21")
SAMPLING = ("temperature", "top_p", "top_k")
LEAST_BUDGET = 1_024  # tokens
IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
CACHED: Fields = {"cache_control": record({"type": one_of("ephemeral"), "ttl": one_of("5m", "1h")}, required=("type",))}


def words(value: Any, path: str) -> SimulatedRefusal | None:
    """A text with something in it."""
    if refusal := text()(value, path):
        return refusal
    return None if value.strip() else anthropic_refusal(f"{path.split('[')[0]}: text content blocks must be non-empty")


def base64_data(value: Any, path: str) -> SimulatedRefusal | None:
    if refusal := text()(value, path):
        return refusal
    valid = bool(value) and re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", value) and len(value) % 4 == 0
    return None if valid else anthropic_refusal(f"{wire_path(path)}: invalid base64 data")


def address(value: Any, path: str) -> SimulatedRefusal | None:
    if refusal := text()(value, path):
        return refusal
    return (
        None
        if value.startswith("https://")
        else anthropic_refusal(f"{wire_path(path)}: Only HTTPS URLs are supported.")
    )


def block(required: tuple[str, ...] = (), **fields: Check) -> Check:
    return record({"type": anything, **fields, **CACHED}, required=required or tuple(fields))


URL = record({"type": anything, "url": address}, required=("url",))


def base64_source(*types: str) -> Check:
    return record(
        {"type": anything, "media_type": one_of(*types), "data": base64_data}, required=("media_type", "data")
    )


TEXT = block(required=("text",), text=words, citations=anything)
IMAGE = block(source=tagged("type", {"base64": base64_source(*IMAGE_TYPES), "url": URL}))
PLAIN = record({"type": anything, "media_type": one_of("text/plain"), "data": text()}, required=("media_type", "data"))
DOCUMENT = block(
    required=("source",),
    source=tagged("type", {"base64": base64_source("application/pdf"), "url": URL, "text": PLAIN}),
    title=text(),
    context=text(),
    citations=anything,
)
PARTS = {"text": TEXT, "image": IMAGE, "document": DOCUMENT}
RESULT = block(
    required=("tool_use_id",),
    tool_use_id=text(),
    content=either("a string or a list", str=text(), list=array(tagged("type", PARTS))),
    is_error=boolean,
)
SAID = {
    "text": TEXT,
    "thinking": block(thinking=text(), signature=text()),
    "redacted_thinking": block(data=text()),
    "tool_use": block(id=text(), name=text(), input=object_check),
    "server_tool_use": block(id=text(), name=text(), input=object_check),
}


def turn(blocks: Mapping[str, Check]) -> Check:
    content = either("a string or a list", str=words, list=array(tagged("type", blocks), least=1))
    return record({"role": anything, "content": content}, required=("content",))


SHOWN = one_of("summarized", "omitted")
FIELDS: dict[str, Check] = {
    "model": text(),
    "max_tokens": integer(0),
    "messages": array(
        tagged("role", {"user": turn({**PARTS, "tool_result": RESULT}), "assistant": turn(SAID)}), 100_000, least=1
    ),
    "system": either("a string or a list", str=text(), list=array(TEXT)),
    "temperature": number(0, 1),
    "top_p": number(0, 1),
    "top_k": integer(0),
    "thinking": tagged(
        "type",
        {
            "enabled": record(
                {"type": anything, "budget_tokens": integer(LEAST_BUDGET), "display": SHOWN}, ("budget_tokens",)
            ),
            "adaptive": record({"type": anything, "display": SHOWN}),
            "disabled": record({"type": anything}),
        },
    ),
    "output_config": record(
        {
            "effort": one_of("low", "medium", "high", "xhigh", "max"),
            "format": tagged(
                "type", {"json_schema": record({"type": anything, "schema": object_check}, required=("schema",))}
            ),
        }
    ),
    "stop_sequences": array(text()),
    "metadata": record({"user_id": text(256)}),
    "stream": boolean,
    "service_tier": one_of("auto", "standard_only"),
    "tools": array(
        record(
            {"name": text(128), "description": text(), "input_schema": object_check, "strict": boolean, **CACHED},
            required=("name", "input_schema"),
        )
    ),
    "tool_choice": tagged(
        "type",
        {
            **dict.fromkeys(("auto", "any"), record({"type": anything, "disable_parallel_tool_use": boolean})),
            "tool": record({"type": anything, "name": text(), "disable_parallel_tool_use": boolean}, ("name",)),
            "none": record({"type": anything}),
        },
    ),
    **CACHED,
}
BODY = record(FIELDS, required=("model", "max_tokens", "messages"))
COUNTED = record(FIELDS, required=("model", "messages"))


def version_header_refusal(version: str) -> SimulatedRefusal | None:
    if not version:
        return anthropic_refusal("anthropic-version: header is required")
    return None if version in VERSIONS else anthropic_refusal(f'anthropic-version: "{version}" is not a valid version')


def messages_refusal(body: Mapping[str, Any], version: str, *, counts: bool = False) -> SimulatedRefusal | None:
    """`counts`: of a request that only counts its tokens."""
    if version == VERSIONS[1] and (found := next((name for name in SAMPLING if name in body), "")):
        return anthropic_refusal(f"{found}: Extra inputs are not permitted")
    refusal = (COUNTED if counts else BODY)(dict(body), "")
    return in_words_of_claude(refusal) if refusal else first_refusal(rule(body) for rule in RULES)


def wire_path(path: str) -> str:
    """messages[0].content -> messages.0.content"""
    return re.sub(r"\[(\d+)\]", r".\1", path)


def in_words_of_claude(refusal: SimulatedRefusal) -> SimulatedRefusal:
    """What the shapes say of a field, as a sentence that begins with its name."""
    error = refusal.body["error"]
    if "param" not in error:
        return refusal
    said = error["message"].removesuffix(" (simulated)")
    by_code = {"missing_required_parameter": "Field required", "unknown_parameter": "Extra inputs are not permitted"}
    return anthropic_refusal(f"{wire_path(error['param'])}: {by_code.get(error['code'], said)}")


def budget_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    thinking = body.get("thinking") or {}
    if thinking.get("type") == "enabled" and thinking["budget_tokens"] >= body.get("max_tokens", 0):
        return anthropic_refusal("`max_tokens` must be greater than `thinking.budget_tokens`.")
    return None


def thinking_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if (body.get("thinking") or {}).get("type") not in ("enabled", "adaptive"):
        return None
    if (body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        return anthropic_refusal("Thinking may not be enabled when tool_choice forces tool use.")
    if body.get("temperature") not in (None, 1):
        return anthropic_refusal("`temperature` may only be set to 1 when thinking is enabled.")
    return None


def stop_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    if all(each.strip() for each in body.get("stop_sequences") or ()):
        return None
    return anthropic_refusal("stop_sequences: each stop sequence must contain non-whitespace")


def tool_choice_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    choice, names = body.get("tool_choice"), [tool["name"] for tool in body.get("tools") or ()]
    if choice and not names:
        return anthropic_refusal("tool_choice: tool_choice may only be specified while providing tools.")
    if choice and choice["type"] == "tool" and choice["name"] not in names:
        return anthropic_refusal(f"Tool '{choice['name']}' not found in provided tools")
    return None


def unanswered_call_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    """Each call of a tool has its result in the next turn, and no result comes without its call."""
    turns: Sequence[Mapping[str, Any]] = body["messages"]
    open_calls: set[str] = set()
    for at, current in enumerate(turns):
        blocks = current["content"] if isinstance(current["content"], list) else []
        answered = {each["tool_use_id"] for each in blocks if each["type"] == "tool_result"}
        if missing := open_calls - answered:
            return anthropic_refusal(
                f"messages.{at - 1}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(sorted(missing))}."
            )
        if odd := answered - open_calls:
            return anthropic_refusal(
                f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {', '.join(sorted(odd))}."
            )
        open_calls = {each["id"] for each in blocks if each["type"] == "tool_use"}
    return None


RULES = (budget_refusal, thinking_refusal, stop_refusal, tool_choice_refusal, unanswered_call_refusal)
