"""The body of the Responses API, as strictly as the service reads it."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from typing import Any

from connections.simulator.refusals import SimulatedRefusal, error_refusal, invalid_parameter
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
    wrong_type,
)
from connections.simulator.strict_chat import image_url

LEAST_TOKENS = 16


def flat_image_url(value: Any, path: str) -> SimulatedRefusal | None:
    """A plain text here, where chat has an object."""
    return image_url(value, path) if isinstance(value, str) else wrong_type(path, "an image URL", value)


TEXT = record({"type": anything, "text": text(LONGEST)}, required=("text",))
IMAGE = record(
    {"type": anything, "image_url": flat_image_url, "file_id": text(), "detail": one_of("auto", "low", "high")}
)
FILE_DATA = r"data:application/pdf;base64,[A-Za-z0-9+/]+={0,2}"


def file_data(value: Any, path: str) -> SimulatedRefusal | None:
    """A data URI of a PDF, the only kind that Azure reads here."""
    if refusal := text()(value, path):
        return refusal
    if re.fullmatch(FILE_DATA, value) and (len(value) - value.index(",") - 1) % 4 == 0:
        return None
    return invalid_parameter("invalid_value", f"Invalid '{path}': expected a base64-encoded data URL of a PDF.", path)


def file(value: Any, path: str) -> SimulatedRefusal | None:
    """A document: its data with a name, or the number of one that the service keeps; it fetches none."""
    if refusal := FILE(value, path):
        return refusal
    if value.get("file_url") is not None:
        return invalid_parameter(
            "invalid_value", f"Unable to download the file of '{path}.file_url'.", f"{path}.file_url"
        )
    if value.get("file_id") is not None:
        return None
    return next((missing(f"{path}.{name}") for name in ("file_data", "filename") if value.get(name) is None), None)


FILE = record({"type": anything, "filename": text(), "file_data": file_data, "file_id": text(), "file_url": text()})
INPUT_PARTS = tagged("type", {"input_text": TEXT, "input_image": IMAGE, "input_file": file})
SAID = record({"type": anything, "text": text(), "annotations": anything, "logprobs": anything}, required=("text",))
OUTPUT_PARTS = tagged(
    "type", {"output_text": SAID, "refusal": record({"type": anything, "refusal": text()}, required=("refusal",))}
)


def message(parts: Check) -> Check:
    content = either("a string or an array of content parts", str=text(LONGEST), list=array(parts, least=1))
    fields = {"type": anything, "role": anything, "id": text(), "status": anything, "phase": anything}
    return record({**fields, "content": content}, required=("content",))


INPUT = message(INPUT_PARTS)
MESSAGE = tagged("role", {"user": INPUT, "system": INPUT, "developer": INPUT, "assistant": message(OUTPUT_PARTS)})
OUTPUT = either("a string or an array of content parts", str=text(), list=array(INPUT_PARTS))
OPEN = record({}, closed=False)
ITEMS: dict[str, Check] = {
    "message": MESSAGE,
    "function_call": record(
        {
            "type": anything, "id": text(), "status": anything, "call_id": text(), "name": name_check,
            "arguments": text(),
        },
        required=("call_id", "name", "arguments"),
    ),
    "function_call_output": record(
        {"type": anything, "id": text(), "status": anything, "call_id": text(), "output": OUTPUT},
        required=("call_id", "output"),
    ),
    "reasoning": record({"summary": array(OPEN)}, required=("summary",), closed=False),
    "item_reference": record({"type": anything, "id": text()}, required=("id",)),
    **dict.fromkeys(
        (
            "file_search_call", "web_search_call", "computer_call", "computer_call_output", "code_interpreter_call",
            "image_generation_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response", "mcp_call",
            "custom_tool_call", "custom_tool_call_output",
        ),
        OPEN,
    ),
}  # fmt: skip


def item(value: Any, path: str) -> SimulatedRefusal | None:
    """A message may leave its type away."""
    untyped = isinstance(value, dict) and value.get("type") is None and "role" in value
    return MESSAGE(value, path) if untyped else tagged("type", ITEMS)(value, path)


TOOLS = tagged(
    "type",
    {
        "function": record({"type": anything, **FUNCTION}, required=("name",)),
        **dict.fromkeys(
            (
                "web_search", "web_search_preview", "file_search", "code_interpreter", "mcp", "image_generation",
                "computer_use_preview", "custom", "local_shell",
            ),
            OPEN,
        ),
    },
)  # fmt: skip
plain_format = record({"type": anything})
FORMAT = tagged(
    "type",
    {
        "text": plain_format,
        "json_object": plain_format,
        "json_schema": schema_format({"type": anything}, "text.format"),
    },
)
FIELDS: dict[str, Check] = {
    "model": text(),
    "input": either("a string or an array of input items", str=text(), list=array(item)),
    "instructions": text(),
    "max_output_tokens": integer(LEAST_TOKENS),
    "temperature": number(0, 2),
    "top_p": number(0, 1),
    "reasoning": record(
        {
            "effort": one_of(*EFFORTS),
            "summary": one_of("auto", "concise", "detailed"),
            "generate_summary": one_of("auto", "concise", "detailed"),
        }
    ),
    "text": record({"format": FORMAT, "verbosity": one_of("low", "medium", "high")}),
    "tools": array(TOOLS, MOST_TOOLS),
    "tool_choice": either("a string or an object", str=one_of("none", "auto", "required"), dict=OPEN),
    "parallel_tool_calls": boolean,
    "stream": boolean,
    "stream_options": record({"include_obfuscation": boolean}),
    "store": boolean,
    "previous_response_id": text(),
    "metadata": METADATA,
    "user": text(),
    "truncation": one_of("auto", "disabled"),
    "top_logprobs": integer(0, 20),
    "max_tool_calls": integer(1),
    "background": boolean,
    "include": array(text()),
    **dict.fromkeys(
        ("service_tier", "prompt", "prompt_cache_key", "safety_identifier", "conversation", "agent"), anything
    ),
}
BODY = record(FIELDS)
# Of chat, with another place here; the service says which.
MOVED = {"response_format": "text.format", "reasoning_effort": "reasoning.effort"}


def responses_refusal(body: Mapping[str, Any], known: Container[str]) -> SimulatedRefusal | None:
    """`known` are the ids of responses that were stored."""
    for field, place in MOVED.items():
        if field in body:
            moved = f"In the Responses API, this parameter has moved to '{place}'."
            return invalid_parameter("unsupported_parameter", f"Unsupported parameter: '{field}'. {moved}", field)
    if refusal := BODY(dict(body), ""):
        return refusal
    if all(body.get(name) is None for name in ("input", "previous_response_id", "prompt", "conversation")):
        return missing("input")
    return previous_response_refusal(body, known) or first_refusal(
        rule(body) for rule in (unpaired_call_refusal, missing_json_word_refusal, tool_choice_refusal)
    )


def previous_response_refusal(body: Mapping[str, Any], known: Container[str]) -> SimulatedRefusal | None:
    previous = body.get("previous_response_id")
    if previous is None or previous in known:
        return None
    message = f"Previous response with id '{previous}' not found."
    more = {"type": "invalid_request_error", "param": "previous_response_id"}
    return error_refusal(400, "previous_response_not_found", message, **more)


def unpaired_call_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    """Calls and results go in pairs; the call may stand in an earlier response."""
    given = body.get("input")
    items = given if isinstance(given, list) else []
    called = [item["call_id"] for item in items if item.get("type") == "function_call"]
    answered = [item["call_id"] for item in items if item.get("type") == "function_call_output"]
    earlier = body.get("previous_response_id") is not None
    if lost := [found for found in answered if found not in called and not earlier]:
        return invalid_parameter(None, f"No tool call found for function call output with call_id {lost[0]}.", "input")
    if waiting := [found for found in called if found not in answered]:
        return invalid_parameter(None, f"No tool output found for function call {waiting[0]}.", "input")
    return None


def missing_json_word_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    wanted = (body.get("text") or {}).get("format") or {}
    # As in chat, no-schema... may fall back to json_object.
    exempt = str(body.get("model")).startswith("no-schema")
    if wanted.get("type") != "json_object" or exempt or says_json([body.get("input"), body.get("instructions")]):
        return None
    message = (
        "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'."
    )
    return invalid_parameter(None, message, "input")


def tool_choice_refusal(body: Mapping[str, Any]) -> SimulatedRefusal | None:
    choice = body.get("tool_choice")
    if not isinstance(choice, Mapping) or choice.get("type") != "function":
        return None
    if choice.get("name") is None:
        return missing("tool_choice.name")
    if choice["name"] in {tool.get("name") for tool in body.get("tools") or ()}:
        return None
    return invalid_parameter(None, f"Tool choice '{choice['name']}' not found in 'tools' parameter.", "tool_choice")
