"""The wire form of the Responses API <-> ChatRequest, Completion.

Source: the published OpenAI specification and Microsoft's page on the Responses API.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connections.endpoint.endpoint import Endpoint
from connections.foundry.chat import arguments_of, chunk_of, messages_of, token_logprobs, usage_of
from connections.foundry.files import document_in
from connections.foundry.filters import filter_results, text_or_none
from connections.foundry.json_parsing import mappings
from connections.foundry.sse import ServerEvent
from connections.foundry.values import (
    ChatRequest,
    ErrorInAnswer,
    FilterResult,
    Message,
    ProtocolError,
    TextDelta,
    ToolCall,
)

AS_THEY_ARE = ("temperature", "top_p", "parallel_tool_calls", "user", "metadata", "store", "service_tier")
LOGPROBS = "message.output_text.logprobs"  # what is told beside the text
FINAL = ("response.completed", "response.incomplete", "response.failed")
FINISHED_BY = {"max_output_tokens": "length", "content_filter": "content_filter"}


def body_of(endpoint: Endpoint, request: ChatRequest) -> dict[str, Any]:
    """The JSON body. What this API does not have (stop, seed, penalties) is left out; an agent has its own model."""
    instructions, messages = split_instructions(request.messages)
    body: dict[str, Any] = {} if endpoint.is_agent else {"model": request.model}
    body["input"] = input_of(messages)
    if endpoint.agent:
        body["agent_reference"] = agent_reference(endpoint.agent)
    if instructions:
        body["instructions"] = instructions
    body.update({name: value for name in AS_THEY_ARE if (value := getattr(request, name)) is not None})
    if request.max_completion_tokens is not None:
        body["max_output_tokens"] = request.max_completion_tokens
    reasoning = {"effort": request.reasoning_effort, "summary": request.reasoning_summary}
    if told := {name: value for name, value in reasoning.items() if value is not None}:
        body["reasoning"] = told
    if request.logprobs:
        body["include"] = [LOGPROBS]
        body["top_logprobs"] = request.top_logprobs or 0
    text: dict[str, Any] = {}
    if request.response_format is not None:
        text["format"] = flatten(request.response_format, "json_schema")
    if request.verbosity is not None:
        text["verbosity"] = request.verbosity
    if text:
        body["text"] = text
    if request.tools is not None:
        body["tools"] = [flatten(tool, "function") for tool in request.tools]
    if request.tool_choice is not None:
        choice = request.tool_choice
        body["tool_choice"] = flatten(choice, "function") if isinstance(choice, Mapping) else choice
    if request.stream:
        body["stream"] = True
    body.update(request.extra or {})
    return body


def agent_reference(agent: str) -> dict[str, str]:
    """What names an agent of a project; `agent` is its name, behind a colon its version."""
    name, _, version = agent.partition(":")
    return {"type": "agent_reference", "name": name, **({"version": version} if version else {})}


def split_instructions(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """Instructions are the text of the system messages at the beginning."""
    given = []
    for message in messages:
        if message.role not in ("system", "developer") or not isinstance(message.content, str):
            break
        given.append(message.content)
    return "\n\n".join(given), messages[len(given) :]


def flatten(data: Mapping[str, Any], inner: str) -> dict[str, Any]:
    """{"type": T, T: {...}} of the chat API -> {"type": T, ...}."""
    nested = data.get(inner)
    rest = {name: value for name, value in data.items() if name != inner}
    return {**rest, **nested} if isinstance(nested, Mapping) else rest


def input_of(messages: Sequence[Message]) -> str | list[dict[str, Any]]:
    """A single text of the user stands for itself; everything else is a list of items."""
    if len(messages) == 1 and messages[0].role == "user" and isinstance(messages[0].content, str):
        return messages[0].content
    roles = [made["role"] for made in messages_of(messages)]
    return [item for message, role in zip(messages, roles, strict=True) for item in items_of(message, role)]


def items_of(message: Message, role: str) -> Iterator[dict[str, Any]]:
    if role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": message.content or ""}
        return
    if message.content:
        yield {"role": role, "content": [part_of(part, role) for part in content_parts(message.content)]}
    for call in message.tool_calls:
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def content_parts(content: str | list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def part_of(part: Mapping[str, Any], role: str) -> dict[str, Any]:
    """A part of the chat API in the words of this one; what is not known goes as it is."""
    if part.get("type") == "text":
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.get("text", "")}
    image = part.get("image_url")
    if part.get("type") == "image_url" and isinstance(image, Mapping):
        # Here image_url is a plain text.
        detail = {"detail": image["detail"]} if "detail" in image else {}
        return {"type": "input_image", "image_url": image.get("url"), **detail}
    if file := document_in(part):
        return {"type": "input_file", **file}
    return dict(part)


def completion_fields(data: Any) -> dict[str, Any]:
    """The fields of a Completion from a whole response. Raises ProtocolError, ErrorInAnswer."""
    if not isinstance(data, Mapping) or not isinstance(data.get("output"), list):
        if isinstance(data, Mapping) and data.get("error"):
            raise ErrorInAnswer(json.dumps({"error": data["error"]}))
        raise ProtocolError("the answer has no output")
    if data.get("status") == "failed" or data.get("error"):
        raise ErrorInAnswer(json.dumps({"error": data.get("error") or {"message": "The response failed."}}))
    items = [item for item in data["output"] if isinstance(item, Mapping)]
    content = [part for item in of_type(items, "message") for part in mappings(item.get("content"))]
    calls = tuple(
        ToolCall(str(item.get("call_id") or ""), str(item.get("name") or ""), arguments_of(item.get("arguments") or ""))
        for item in of_type(items, "function_call")
    )
    summaries = [part for item in of_type(items, "reasoning") for part in mappings(item.get("summary"))]
    return {
        "text": join_field(of_type(content, "output_text"), "text"),
        "refusal": join_field(of_type(content, "refusal"), "refusal") or None,
        "finish_reason": finish_of(data, calls),
        "usage": usage_of(data.get("usage"), "input", "output"),
        "model": text_or_none(data.get("model")),
        "tool_calls": calls,
        "filters": filters_of(data.get("content_filters")),
        "reasoning": join_field(summaries, "text") or None,
        "logprobs": logprobs_of(of_type(content, "output_text")),
        "raw": data,
    }


def logprobs_of(parts: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...] | None:
    found = [token for part in parts for token in token_logprobs(part.get("logprobs")) or ()]
    return tuple(found) or None


def of_type(items: Sequence[Mapping[str, Any]], type: str) -> list[Mapping[str, Any]]:
    return [item for item in items if item.get("type") == type]


def join_field(parts: Sequence[Mapping[str, Any]], name: str) -> str:
    return "".join(text_or_none(part.get(name)) or "" for part in parts)


def finish_of(data: Mapping[str, Any], calls: Sequence[ToolCall]) -> str | None:
    """In the words of the chat API."""
    status = data.get("status")
    if status == "incomplete":
        details = data.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return FINISHED_BY.get(str(reason), text_or_none(reason) or "length")
    if status in (None, "completed"):
        return "tool_calls" if calls else "stop"
    return text_or_none(status)


def filters_of(data: Any) -> tuple[FilterResult, ...]:
    """Azure adds a list: source_type prompt or completion, and the results of each."""
    return tuple(
        result
        for entry in mappings(data)
        for result in filter_results(
            "prompt" if entry.get("source_type") == "prompt" else "completion", entry.get("content_filter_results")
        )
    )


class ResponseAssembler:
    """Puts a stream together. The last event carries the whole response; unknown ones are skipped."""

    def __init__(self) -> None:
        self.is_done = False
        self._text: list[str] = []
        self._response: Mapping[str, Any] | None = None

    def feed(self, event: ServerEvent) -> Iterator[TextDelta]:
        """Raises ProtocolError, ErrorInAnswer."""
        if self.is_done:
            return
        if event.data.strip() == "[DONE]":
            self.is_done = True
            return
        data = chunk_of(event)
        kind = data.get("type") or event.event
        if kind == "error" or (data.get("error") and "response" not in data):
            raise ErrorInAnswer(error_of(data))
        if kind == "response.output_text.delta" and (text := text_or_none(data.get("delta"))):
            self._text.append(text)
            yield TextDelta(text)
        if kind in FINAL and isinstance(data.get("response"), Mapping):
            self._response, self.is_done = data["response"], True
            if kind == "response.failed":
                raise ErrorInAnswer(json.dumps({"error": data["response"].get("error") or {}}))

    @property
    def has_begun(self) -> bool:
        return bool(self._text)

    @property
    def is_whole(self) -> bool:
        return self._response is not None

    def fields(self) -> dict[str, Any]:
        """Raises ProtocolError."""
        made = completion_fields(self._response)
        return {**made, "text": made["text"] or "".join(self._text)}


def error_of(data: Mapping[str, Any]) -> str:
    """Both forms in use: {"type": "error", "code", "message"} and {"type": "error", "error": {...}}."""
    inner = data.get("error")
    return json.dumps({"error": inner if isinstance(inner, Mapping) else dict(data)})
