"""What refusals teach: one change at a time, remembered by endpoint and deployment.

Nothing is guessed from the name of a model; the service says what it refuses. Pure but for the memory, which is a seam.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from connections.foundry.errors import ErrorKind, FoundryError

JsonBody = dict[str, Any]
RENAMED = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
NEVER_DROPPED = ("messages", "model", "stream", "input", "instructions", "tools", "tool_choice")
NESTED = ("reasoning.effort", "text.format", "text.verbosity")  # of the Responses API
GRADED = ("reasoning_effort", "reasoning.effort", "verbosity", "text.verbosity")  # refused by value
NOTHING, JSON_OBJECT = "", "json_object"
# Lessons about the way itself.
API, ENDPOINT, API_VERSION = "(api)", "(endpoint)", "(api-version)"
SCOPE, KEY_HEADER = "(scope)", "(key header)"
WAYS = (API, ENDPOINT, API_VERSION, SCOPE, KEY_HEADER)


@dataclass(frozen=True, slots=True)
class Lesson:
    """`parameter` is refused, and `instead` is sent: another name, json_object, or nothing."""

    parameter: str  # as on the wire; or one of WAYS
    instead: str
    message: str  # what the service said, raw
    learned_at: float  # seconds since the epoch
    value: str = ""  # JSON of the only value that is refused; empty when it is the parameter


class LessonMemory(Protocol):
    """Keeps lessons by endpoint and deployment. Learning the same again replaces what was known."""

    async def lessons(self, endpoint: str, model: str) -> Sequence[Lesson]: ...

    async def learn(self, endpoint: str, model: str, lesson: Lesson) -> None: ...


class LocalLessonMemory:
    """The twin of the database: lasts as long as its client."""

    def __init__(self) -> None:
        self._learnt: dict[tuple[str, str], dict[tuple[str, str], Lesson]] = {}

    async def lessons(self, endpoint: str, model: str) -> Sequence[Lesson]:
        return list(self._learnt.get((endpoint, model), {}).values())

    async def learn(self, endpoint: str, model: str, lesson: Lesson) -> None:
        self._learnt.setdefault((endpoint, model), {})[lesson.parameter, lesson.value] = lesson


def apply_lessons(lessons: Sequence[Lesson], body: JsonBody) -> JsonBody:
    for lesson in lessons:
        body = apply_lesson(body, lesson)
    return body


def learnt_way(lessons: Sequence[Lesson], about: str) -> str:
    """What was learnt last about the way itself; empty when nothing."""
    return next((lesson.instead for lesson in reversed(lessons) if lesson.parameter == about), "")


def lessons_from(error: FoundryError, body: JsonBody, known: Sequence[Lesson], now: float) -> list[Lesson]:
    """What to change, one lesson for each part of the body that the error refuses."""
    if error.kind is not ErrorKind.UNSUPPORTED_PARAMETER:
        return []
    refused = dict.fromkeys(filter(None, (refused_parameter(body, name) for name in error.params)))
    return [lesson_about(parameter, error, body, known, now) for parameter in refused]


def lesson_about(parameter: str, error: FoundryError, body: JsonBody, known: Sequence[Lesson], now: float) -> Lesson:
    current = part_of(body, parameter)
    value = json.dumps(current) if parameter in GRADED and error.code == "unsupported_value" else ""
    return Lesson(parameter, replacement_of(parameter, current, known), error.raw, now, value)


def refused_parameter(body: JsonBody, parameter: str) -> str | None:
    """The part of the body that an error means by response_format.json_schema or text.format.name."""
    names = re.split(r"[.\[]", parameter)
    dotted = ".".join(names[:2])
    if dotted in NESTED and part_of(body, dotted) is not None:
        return dotted
    return names[0] if names[0] in body and names[0] not in NEVER_DROPPED else None


def replacement_of(parameter: str, current: Any, known: Sequence[Lesson]) -> str:
    if is_schema(current):
        return JSON_OBJECT
    other = RENAMED.get(parameter, NOTHING)
    return NOTHING if any(lesson.parameter == other for lesson in known) else other


def is_schema(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "json_schema"


def apply_lesson(body: JsonBody, lesson: Lesson) -> JsonBody:
    outer, _, inner = lesson.parameter.partition(".")
    if outer not in body:
        return body
    if inner:
        part = body[outer]
        if not isinstance(part, Mapping):
            return body
        rest = apply_lesson(dict(part), Lesson(inner, lesson.instead, "", 0, lesson.value))
        return {**body, outer: rest} if rest else {name: value for name, value in body.items() if name != outer}
    current = body[outer]
    if lesson.value and json.dumps(current) != lesson.value:
        return body
    if lesson.instead == JSON_OBJECT:
        return {**body, outer: {"type": JSON_OBJECT}} if is_schema(current) else body
    rest = {name: value for name, value in body.items() if name != outer}
    return {**rest, lesson.instead: current} if lesson.instead else rest


def part_of(body: Mapping[str, Any], parameter: str) -> Any:
    outer, _, inner = parameter.partition(".")
    value = body.get(outer)
    return value.get(inner) if inner and isinstance(value, Mapping) else None if inner else value


REQUEST_FIELDS = {
    "max_tokens": "max_completion_tokens",
    "max_output_tokens": "max_completion_tokens",
    "reasoning.effort": "reasoning_effort",
    "text.verbosity": "verbosity",
    "text.format": "response_format",
}
ONLY_CHAT = ("stop", "seed", "frequency_penalty", "presence_penalty")


def unsent_fields(lessons: Sequence[Lesson]) -> dict[str, Lesson]:
    """The fields of a ChatRequest that are not sent as they are typed, and the lesson that says why.

    A field that is sent under another name is sent; one of which a single value is refused may have others.
    """
    found = {
        REQUEST_FIELDS.get(lesson.parameter, lesson.parameter): lesson
        for lesson in lessons
        if not lesson.value and lesson.instead in (NOTHING, JSON_OBJECT)
    }
    switched = next((lesson for lesson in lessons if lesson.parameter == API and lesson.instead == "responses"), None)
    return {**dict.fromkeys(ONLY_CHAT, switched), **found} if switched else found
