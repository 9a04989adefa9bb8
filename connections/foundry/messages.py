"""ChatRequest -> the body of the Messages API, which Claude speaks.

Source: Anthropic's published types of the API, and Microsoft's pages about Claude in Foundry.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import unquote_to_bytes

from connections.foundry.answer_format import schema_of
from connections.foundry.json_parsing import parse_json
from connections.foundry.lessons import THINKING, VERSION, Lesson, learnt_way
from connections.foundry.values import ChatRequest, Message, ToolCall

# The newer one has no temperature and no top_p, not even with their default values.
WITH_SAMPLING, NEWEST = "2023-06-01", "2026-10-21"
SAMPLING = ("temperature", "top_p", "top_k")
USUAL_LIMIT = 8_192  # tokens, when nobody says how many; a body without a limit is refused
USUAL_LIMIT_THINKING = 32_768  # thoughts count, too
LONGEST_WHOLE = 21_333  # tokens; Anthropic's clients refuse to ask for more without a stream
EFFORTS = {"minimal": "low"}  # the others have the same names
TIERS = {"default": "standard_only"}
LEAST_BUDGET = 1_024  # tokens
BUDGETS = {"low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}  # of the limit
DATA = re.compile(r"data:([\w.+-]+/[\w.+-]+)?((?:;[\w-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE)


def version_of(body: Mapping[str, Any], lessons: Sequence[Lesson]) -> str:
    """The `anthropic-version` that takes a body."""
    samples = any(name in body for name in SAMPLING)
    return learnt_way(lessons, VERSION) or (WITH_SAMPLING if samples else NEWEST)


def body_of(request: ChatRequest, lessons: Sequence[Lesson]) -> dict[str, Any]:
    """The JSON body. What this API does not have (seed, penalties, verbosity, store) is left out.

    Of the lessons only those count here that change how something is said; whatever is not sent at all, or with
    another value, is left to `apply_lessons`.
    """
    effort = EFFORTS.get(request.reasoning_effort or "", request.reasoning_effort)
    thinks = effort not in (None, "none")
    thinking_expected = thinks or bool(request.reasoning_summary)
    limit = request.max_completion_tokens or (USUAL_LIMIT_THINKING if thinking_expected else USUAL_LIMIT)
    body: dict[str, Any] = {"model": request.model, "max_tokens": limit}
    if system := system_of(request):
        body["system"] = system
    body["messages"] = turns_of(request.messages)
    given = {"temperature": request.temperature, "top_p": request.top_p}
    body.update({name: value for name, value in given.items() if value is not None})
    body |= tools_of(request)
    forced = body.get("tool_choice", {}).get("type") in ("any", "tool")  # no thinking where a tool is forced
    shows = "medium" if request.reasoning_summary else ""  # what shows its thoughts has some
    if (wanted := effort or shows) and not forced and (thinking := thinking_of(wanted, limit, lessons)):
        told = request.reasoning_summary and thinking["type"] != "disabled"
        body["thinking"] = {**thinking, "display": "summarized"} if told else thinking
    config: dict[str, Any] = {"effort": effort} if thinks else {}
    if schema := schema_of(request.response_format):
        config["format"] = {"type": "json_schema", "schema": schema}
    if config:
        body["output_config"] = config
    if sequences := stop_sequences(request.stop):
        body["stop_sequences"] = sequences
    if tier := TIERS.get(request.service_tier or "", request.service_tier):
        body["service_tier"] = tier
    if user := request.user or (request.metadata or {}).get("user_id"):
        body["metadata"] = {"user_id": user}
    if request.stream or limit > LONGEST_WHOLE:
        body["stream"] = True
    body.update(request.extra or {})
    return body


def system_of(request: ChatRequest) -> str:
    """What system and developer say, wherever they do."""
    said = [text_of(message.content) for message in request.messages if is_instruction(message)]
    return "\n\n".join(filter(None, said))


def is_instruction(message: Message) -> bool:
    return message.role in ("system", "developer")


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "\n\n".join(str(part["text"]) for part in content if part.get("text"))
    return content or ""


def thinking_of(effort: str, limit: int, lessons: Sequence[Lesson]) -> dict[str, Any] | None:
    """How much it thinks is the model's own decision; where it cannot decide, it gets a part of the limit."""
    refused = {lesson.value for lesson in lessons if lesson.parameter == THINKING}
    if effort == "none":
        return {"type": "disabled"}
    if "adaptive" not in refused:
        return {"type": "adaptive"}
    if "enabled" in refused or limit <= LEAST_BUDGET:
        return None
    budget = max(LEAST_BUDGET, int(limit * BUDGETS.get(effort, BUDGETS["medium"])))
    return {"type": "enabled", "budget_tokens": min(budget, limit - 1)}


def stop_sequences(stop: Any) -> list[str]:
    """Blank ones are none here."""
    given = [stop] if isinstance(stop, str) else list(stop) if isinstance(stop, list | tuple) else []
    return [each for each in given if isinstance(each, str) and each.strip()]


# --- Messages ---


def turns_of(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """What user and assistant say. Results of tools are a user's turn, those behind each other one; what says nothing
    is left out."""
    turns: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role != "tool":
            answers = None
            content = content_of(message)
            if not is_instruction(message) and (content.strip() if isinstance(content, str) else content):
                turns.append({"role": "assistant" if message.role == "assistant" else "user", "content": content})
            continue
        if answers is None:
            answers = []
            turns.append({"role": "user", "content": answers})
        answers.append(tool_result(message))
    return turns


def tool_result(message: Message) -> dict[str, Any]:
    content = message.content if isinstance(message.content, str) else list(blocks_of(message.content or []))
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content or ""}


def content_of(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, str) and not message.tool_calls:
        return message.content
    given = message.content if isinstance(message.content, list) else [{"type": "text", "text": message.content}]
    return [*blocks_of(given), *map(tool_use, message.tool_calls)]


def tool_use(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = parse_json(call.arguments or "{}")
    except ValueError:
        arguments = {}
    return {
        "type": "tool_use",
        "id": call.id,
        "name": call.name,
        "input": arguments if isinstance(arguments, dict) else {},
    }


def blocks_of(parts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Parts of the chat API in the words of this one; what is of this one already goes as it is."""
    for part in parts:
        image, file = part.get("image_url"), part.get("file")
        if part.get("type") == "text":
            if str(part.get("text") or "").strip():  # a blank one is refused
                yield dict(part)
        elif part.get("type") == "image_url":
            yield {"type": "image", "source": source_of(str(image.get("url") if isinstance(image, Mapping) else image))}
        elif part.get("type") == "file" and isinstance(file, Mapping):
            yield document_of(file)
        else:
            yield dict(part)


def document_of(file: Mapping[str, Any]) -> dict[str, Any]:
    named = {"title": file["filename"]} if file.get("filename") else {}
    source = source_of(str(file.get("file_data") or ""))
    if source.get("media_type") == "text/plain":
        with suppress(ValueError):  # what is no base64 is left to the service, which says so
            text = base64.b64decode(source["data"]).decode("utf-8", "replace")
            source = {"type": "text", "media_type": "text/plain", "data": text}
    return {"type": "document", "source": source, **named}


def source_of(url: str) -> dict[str, Any]:
    """A data URI taken apart, or the address as it is."""
    if not (found := DATA.match(url)):
        return {"type": "url", "url": url}
    kind = (found[1] or "text/plain").lower().replace("image/jpg", "image/jpeg")
    data = url[found.end() :]
    if found[3]:
        return {"type": "base64", "media_type": kind, "data": re.sub(r"\s+", "", data)}
    return {"type": "base64", "media_type": kind, "data": base64.b64encode(unquote_to_bytes(data)).decode()}


# --- Tools ---


def tools_of(request: ChatRequest) -> dict[str, Any]:
    """The fields `tools` and `tool_choice`, as far as they are given."""
    made: dict[str, Any] = {}
    if request.tools is not None:
        made["tools"] = [tool_of(tool) for tool in request.tools]
    choice = choice_of(request.tool_choice)
    if request.tools and request.parallel_tool_calls is False:
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice:
        made["tool_choice"] = choice
    return made


def tool_of(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return dict(tool)
    named = {name: function[name] for name in ("name", "description") if function.get(name)}
    strict = {"strict": True} if function.get("strict") else {}
    return {**named, "input_schema": function.get("parameters") or {"type": "object", "properties": {}}, **strict}


def choice_of(choice: Any) -> dict[str, Any] | None:
    if isinstance(choice, str):
        return {"type": "any" if choice == "required" else choice}
    if not isinstance(choice, Mapping):
        return None
    function = choice.get("function")
    return {"type": "tool", "name": function.get("name")} if isinstance(function, Mapping) else dict(choice)
