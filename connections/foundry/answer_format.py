"""The form of an answer in words, where no parameter says it: what a deployment refuses as `response_format` is asked
for in the system prompt. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from connections.foundry.lessons import FORMAT, Lesson
from connections.foundry.values import ChatRequest, Message

JSON_ONLY = "Answer with one JSON object and nothing else, not even a code fence around it."


def schema_of(wanted: Mapping[str, Any] | None) -> Any:
    """The JSON Schema of a response format in the form of the chat API."""
    if not wanted or wanted.get("type") != "json_schema":
        return None
    inner = wanted.get("json_schema")
    return inner.get("schema") if isinstance(inner, Mapping) else wanted.get("schema")


def with_format_in_words(request: ChatRequest, lessons: Sequence[Lesson], parameter: str) -> ChatRequest:
    """The request, with what `parameter` will not say of the form of its answer at the end of the system prompt."""
    if not (words := format_words(request.response_format, lessons, parameter)):
        return request
    first = request.messages[0] if request.messages else None
    if first is None or first.role not in ("system", "developer") or not isinstance(first.content, str):
        return replace(request, messages=(Message("system", words), *request.messages))
    asked = replace(first, content="\n\n".join(filter(None, (first.content, words))))
    return replace(request, messages=(asked, *request.messages[1:]))


def format_words(wanted: Mapping[str, Any] | None, lessons: Sequence[Lesson], parameter: str) -> str:
    """Empty where the parameter says it all. That of Claude knows schemas alone."""
    known = [lesson for lesson in lessons if lesson.parameter in (parameter, parameter.partition(".")[0])]
    refused = [lesson for lesson in known if not lesson.value]
    if schema := schema_of(wanted):
        return f"{JSON_ONLY} It follows this JSON Schema: {json.dumps(schema, ensure_ascii=False)}" if refused else ""
    has_no_parameter = parameter == FORMAT or any(not lesson.instead for lesson in refused)
    return JSON_ONLY if (wanted or {}).get("type") == "json_object" and has_no_parameter else ""
