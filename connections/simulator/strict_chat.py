"""The body of chat completions, as strictly as the service reads it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, invalid_parameter
from connections.simulator.schemas import (
    EFFORTS,
    FUNCTION,
    LONGEST,
    METADATA,
    MOST_TOOLS,
    name_check,
    says_json,
    schema_format,
)
from connections.simulator.shapes import (
    Check,
    anything,
    array,
    boolean,
    either,
    first_refusal,
    integer,
    missing,
    number,
    one_of,
    record,
    tagged,
    text,
)

MOST_MESSAGES, MOST_IMAGES = 2048, 50
IMAGE_URL = r"https?://.+|data:image/[\w.+-]+;base64,[A-Za-z0-9+/=\s]+"


def image_url(value: Any, path: str) -> SimulatedRefusal | None:
    if refusal := text()(value, path):
        return refusal
    if re.fullmatch(IMAGE_URL, value):
        return None
    return invalid_parameter(
        "invalid_image_url", f"Invalid '{path}': expected an https or a data URL of an image.", path
    )


def part(**fields: Check) -> Check:
    return record({"type": anything, **fields}, required=tuple(fields))


TEXT = part(text=text(LONGEST))
IMAGE = part(image_url=record({"url": image_url, "detail": one_of("auto", "low", "high")}, required=("url",)))
TEXT_PARTS = tagged("type", {"text": TEXT})


def file(value: Any, path: str) -> SimulatedRefusal:
    """Refused whatever is in it; Responses take files."""
    message = "Invalid Value: 'file'. This model does not support file content types."
    return invalid_parameter("invalid_value", message, f"{path}.type")


USER_PARTS = tagged("type", {"text": TEXT, "image_url": IMAGE, "input_audio": part(input_audio=anything), "file": file})
ASSISTANT_PARTS = tagged("type", {"text": TEXT, "refusal": part(refusal=text())})


def content(parts: Check) -> Check:
    return either("a string or an array of content parts", str=text(LONGEST), list=array(parts, least=1))


def message(parts: Check, required: tuple[str, ...] = ("content",), **more: Check) -> Check:
    fields = {"role": anything, "name": text(), "content": content(parts), **more}
    return record(fields, required=required)


CALL = record(
    {
        "id": text(),
        "type": one_of("function"),
        "function": record({"name": name_check, "arguments": text()}, required=("name", "arguments")),
    },
    required=("id", "type", "function"),
)
FROM_ASSISTANT = message(
    ASSISTANT_PARTS,
    required=(),
    refusal=text(),
    tool_calls=array(CALL, MOST_TOOLS, least=1),
    function_call=anything,
    audio=anything,
    annotations=anything,
    reasoning_content=text(),
)


def assistant(value: Any, path: str) -> SimulatedRefusal | None:
    if refusal := FROM_ASSISTANT(value, path):
        return refusal
    said = any(value.get(name) is not None for name in ("content", "tool_calls", "function_call", "refusal"))
    return None if said else missing(f"{path}.content")


ROLES: dict[str, Check] = {
    "system": message(TEXT_PARTS),
    "developer": message(TEXT_PARTS),
    "user": message(USER_PARTS),
    "assistant": assistant,
    "tool": message(TEXT_PARTS, required=("tool_call_id", "content"), tool_call_id=text()),
    "function": message(TEXT_PARTS, required=("name",)),
}
TOOL = record(
    {"type": one_of("function"), "function": record(FUNCTION, required=("name",))}, required=("type", "function")
)
CHOICE = record(
    {"type": one_of("function"), "function": record({"name": name_check}, required=("name",))},
    required=("type", "function"),
)
plain_format = record({"type": anything})
RESPONSE_FORMAT = tagged(
    "type",
    {
        "text": plain_format,
        "json_object": plain_format,
        "json_schema": record(
            {"type": anything, "json_schema": schema_format({}, "response_format")}, required=("json_schema",)
        ),
    },
)
PENALTY = number(-2, 2)
FIELDS: dict[str, Check] = {
    "model": text(),
    "messages": array(tagged("role", ROLES), MOST_MESSAGES, least=1),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "n": integer(1, 128),
    "stream": boolean,
    "stream_options": record({"include_usage": boolean, "include_obfuscation": boolean}),
    "stop": either("a string or an array of strings", str=text(), list=array(text(), 4, least=1)),
    "max_tokens": integer(1),
    "max_completion_tokens": integer(1),
    "presence_penalty": PENALTY,
    "frequency_penalty": PENALTY,
    "logit_bias": anything,
    "logprobs": boolean,
    "top_logprobs": integer(0, 20),
    "user": text(),
    "seed": integer(),
    "tools": array(TOOL, MOST_TOOLS, least=1),
    "tool_choice": either("a string or an object", str=one_of("none", "auto", "required"), dict=CHOICE),
    "parallel_tool_calls": boolean,
    "response_format": RESPONSE_FORMAT,
    "reasoning_effort": one_of(*EFFORTS),
    "verbosity": one_of("low", "medium", "high"),
    "metadata": METADATA,
    "store": boolean,
    **dict.fromkeys(
        (
            "audio", "modalities", "prediction", "functions", "function_call", "service_tier", "prompt_cache_key",
            "safety_identifier", "data_sources", "user_security_context",
        ),
        anything,
    ),
}  # fmt: skip
BODY = record(FIELDS, required=("messages",))


def chat_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    return BODY(dict(body), "") or first_refusal(rule(body) for rule in RULES)


def dependency_refusal(body: Mapping[str, Any], field: str, other: str) -> SimulatedRefusal | None:
    if body.get(field) is None or body.get(other):
        return None
    verb = {"store": "store' is enabled", "stream": "stream' is enabled", "tools": "tools' are specified"}[other]
    parameter = f"The '{field}' parameter is" if other != "tools" else f"'{field}' is"
    return invalid_parameter(None, f"{parameter} only allowed when '{verb}.", field)


def mixed_instructions_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    roles = {message["role"] for message in body["messages"]}
    if {"system", "developer"} <= roles:
        return invalid_parameter(
            None, "Messages of the roles 'system' and 'developer' cannot be in one request.", "messages"
        )
    return None


def image_count_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    contents = [message["content"] for message in body["messages"] if isinstance(message.get("content"), list)]
    count = sum(part["type"] == "image_url" for content in contents for part in content)
    if count > MOST_IMAGES:
        return invalid_parameter(None, f"Too many images in request. Max is {MOST_IMAGES}.", "messages")
    return None


def unanswered_call_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    """Each call of a tool has its result right behind it, and no result comes without its call."""
    messages: Sequence[Mapping[str, Any]] = body["messages"]
    open_calls: set[str] = set()
    for at, current in enumerate(messages):
        if current["role"] == "tool":
            if current["tool_call_id"] not in open_calls:
                text_of = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
                return invalid_parameter(None, f"Invalid parameter: {text_of}", f"messages.[{at}].role")
            open_calls.discard(current["tool_call_id"])
            continue
        if open_calls:
            break
        open_calls = {call["id"] for call in current.get("tool_calls") or ()}
    if not open_calls:
        return None
    message = (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(sorted(open_calls))}"
    )
    return invalid_parameter(None, message, "messages")


def missing_json_word_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    wanted = body.get("response_format") or {}
    # no-schema... teaches a client to fall back to json_object, whatever its prompt says.
    if (
        wanted.get("type") != "json_object"
        or says_json(body["messages"])
        or str(body.get("model")).startswith("no-schema")
    ):
        return None
    message = "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    return invalid_parameter(None, message, "messages")


def tool_choice_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    choice = body.get("tool_choice")
    if choice in (None, "none") or body.get("tools"):
        names = {tool["function"]["name"] for tool in body.get("tools") or ()}
        wanted = choice["function"]["name"] if isinstance(choice, Mapping) else None
        if wanted is None or wanted in names:
            return None
        return invalid_parameter(None, f"Tool choice '{wanted}' not found in 'tools' parameter.", "tool_choice")
    return dependency_refusal(body, "tool_choice", "tools")


RULES = (
    mixed_instructions_refusal,
    image_count_refusal,
    unanswered_call_refusal,
    missing_json_word_refusal,
    tool_choice_refusal,
    lambda body: dependency_refusal(body, "metadata", "store"),
    lambda body: dependency_refusal(body, "stream_options", "stream"),
    lambda body: dependency_refusal(body, "parallel_tool_calls", "tools"),
)
