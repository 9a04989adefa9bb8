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
RENAMED = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
    "agent_reference": "agent",  # before azure-ai-projects 2.0
}
NEVER_DROPPED = (
    *("messages", "model", "stream", "input", "instructions", "system", "tools", "tool_choice"),
    *("agent", "conversation", "previous_response_id"),
)
EFFORT, FORMAT, THINKING = "output_config.effort", "output_config.format", "thinking"  # of the Messages API
DISPLAY = "thinking.display"
# Parts of a parameter
NESTED = ("reasoning.effort", "reasoning.summary", "text.format", "text.verbosity", EFFORT, FORMAT, DISPLAY)
GRADED = ("reasoning_effort", "reasoning.effort", "verbosity", "text.verbosity")  # refused by value
EFFORTS_BELOW = {"max": "xhigh", "xhigh": "high"}  # what is tried instead of an effort that a model does not know
NOTHING, JSON_OBJECT = "", "json_object"
BESIDE = "beside "  # and the parameter beside which alone another is refused
# "`temperature` and `top_p` cannot both be specified", "`temperature` may only be set to 1 when thinking is enabled"
ONLY_BESIDE = (re.compile(r"(temperature)\W+and\W+top_p\W+cannot both"), re.compile(r"when (thinking) is"))
# "max_tokens: 128001 > 64000, which is the maximum allowed number of output tokens for ..."
LARGEST = re.compile(r"\bmax_tokens: \d+ > (\d{1,9})\b")
# Lessons about the way itself.
API, ENDPOINT, API_VERSION, VERSION = "(api)", "(endpoint)", "(api-version)", "(anthropic-version)"
SCOPE, KEY_HEADER = "(scope)", "(key header)"
FEATURES = "(features)"  # previews that a service wants to be asked for
EMBEDDINGS, NONE_MADE, SOME_MADE = "(embeddings)", "none", "made"  # whether a deployment makes them; decides nothing
DOCUMENTS = "(documents)"  # which API takes a call that has some, whatever the others speak
WAYS = (API, ENDPOINT, API_VERSION, VERSION, SCOPE, KEY_HEADER, FEATURES, EMBEDDINGS, DOCUMENTS)


@dataclass(frozen=True, slots=True)
class Lesson:
    """`parameter` is refused, and `instead` is sent: another name, json_object, or nothing.

    Where one value is refused it is another value, and of a limit that is too high (digits) the highest one.
    """

    parameter: str  # as on the wire; or one of WAYS
    instead: str
    message: str  # what the service said, raw
    learned_at: float  # seconds since the epoch
    # JSON of the only value that is refused, the type of thinking, or what it is refused beside; empty: always
    value: str = ""


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
    if parameter == THINKING and isinstance(current, Mapping):
        return Lesson(THINKING, NOTHING, error.raw, now, str(current.get("type") or ""))
    if parameter == EFFORT and refuses_value(error.message, str(current)):
        return Lesson(EFFORT, EFFORTS_BELOW.get(str(current), NOTHING), error.raw, now, json.dumps(current))
    if parameter == "max_tokens" and (largest := LARGEST.search(error.message)):
        return Lesson(parameter, largest[1], error.raw, now)
    if beside := next((found[1] for words in ONLY_BESIDE if (found := words.search(error.message))), ""):
        return Lesson(parameter, NOTHING, error.raw, now, BESIDE + beside)
    value = json.dumps(current) if parameter in GRADED and error.code == "unsupported_value" else ""
    return Lesson(parameter, replacement_of(parameter, current, known), error.raw, now, value)


def refuses_value(message: str, current: str) -> bool:
    """Whether a refusal is of this value alone: it names the value, or those that it takes."""
    return bool(re.search(rf"['\"`]{re.escape(current)}['\"`]|input should be", message, re.IGNORECASE))


def refused_parameter(body: JsonBody, parameter: str) -> str | None:
    """The part of the body that an error means by response_format.json_schema or text.format.name."""
    names = re.split(r"[.\[]", parameter)
    dotted = ".".join(names[:2])
    if names[0] == THINKING and names[-1] == "display":  # also thinking.adaptive.display
        dotted = DISPLAY
    # Claude's refusals name a part of `output_config` also by itself.
    found = next((name for name in (dotted, f"output_config.{names[0]}") if name in NESTED), "")
    if found and part_of(body, found) is not None:
        return found
    return names[0] if names[0] in body and names[0] not in NEVER_DROPPED else None


def replacement_of(parameter: str, current: Any, known: Sequence[Lesson]) -> str:
    if is_schema(current) and parameter != FORMAT:
        return JSON_OBJECT
    other = RENAMED.get(parameter, NOTHING)
    return NOTHING if any(lesson.parameter == other for lesson in known) else other


def is_schema(value: Any) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "json_schema"


def apply_lesson(body: JsonBody, lesson: Lesson) -> JsonBody:
    outer, _, inner = lesson.parameter.partition(".")
    if outer not in body:
        return body
    if lesson.value.startswith(BESIDE):
        return without(body, outer) if lesson.value.removeprefix(BESIDE) in body else body
    if lesson.parameter == THINKING and isinstance(current := body[outer], Mapping) and lesson.value:
        return without(body, outer) if current.get("type") == lesson.value else body
    if inner:
        part = body[outer]
        if not isinstance(part, Mapping):
            return body
        rest = apply_lesson(dict(part), Lesson(inner, lesson.instead, "", 0, lesson.value))
        return {**body, outer: rest} if rest else without(body, outer)
    current = body[outer]
    if lesson.value and json.dumps(current) != lesson.value:
        return body
    if lesson.value and lesson.instead:
        return {**body, outer: lesson.instead}
    if lesson.instead.isdecimal():
        return {**body, outer: min(current, int(lesson.instead))} if isinstance(current, int) else body
    if lesson.instead == JSON_OBJECT:
        return {**body, outer: {"type": JSON_OBJECT}} if is_schema(current) else body
    rest = without(body, outer)
    return {**rest, lesson.instead: current} if lesson.instead else rest


def without(body: JsonBody, parameter: str) -> JsonBody:
    return {name: value for name, value in body.items() if name != parameter}


def part_of(body: Mapping[str, Any], parameter: str) -> Any:
    outer, _, inner = parameter.partition(".")
    value = body.get(outer)
    return value.get(inner) if inner and isinstance(value, Mapping) else None if inner else value


def change_of(lesson: Lesson) -> str:
    """What is done since, such as "top_p is not sent"."""
    name = lesson.parameter
    if name == THINKING and lesson.value:
        return f"{lesson.value} thinking is not asked for"
    if lesson.value.startswith(BESIDE):
        return f"{name} is not sent {lesson.value}"
    if lesson.value and lesson.instead:
        return f"{name} is {lesson.instead} instead of {lesson.value.strip(chr(34))}"
    if lesson.value:
        return f"{name} is not sent when it is {lesson.value}"
    if lesson.instead.isdecimal():
        return f"{name} is at most {int(lesson.instead):,}"
    if lesson.instead == JSON_OBJECT:
        return f"{name} is sent as json_object, its schema in the system prompt"
    if not lesson.instead and REQUEST_FIELDS.get(name, name) == "response_format":
        return f"{name} is not sent; the system prompt says it"
    return f"{name} is sent as {lesson.instead}" if lesson.instead else f"{name} is not sent"


REQUEST_FIELDS = {
    "max_tokens": "max_completion_tokens",
    "max_output_tokens": "max_completion_tokens",
    "reasoning.effort": "reasoning_effort",
    "text.verbosity": "verbosity",
    "text.format": "response_format",
    FORMAT: "response_format",
    "reasoning.summary": "reasoning_summary",
    DISPLAY: "reasoning_summary",
}
# API -> the fields of a request that it does not have.
ONLY_OTHERS = {
    "responses": ("stop", "seed", "frequency_penalty", "presence_penalty"),
    "messages": ("verbosity", "seed", "frequency_penalty", "presence_penalty", "top_logprobs"),
}


def unsent_fields(lessons: Sequence[Lesson]) -> dict[str, Lesson]:
    """The fields of a ChatRequest that are not sent as they are typed, and the lesson that says why.

    A field that is sent under another name is sent; one of which a single value is refused may have others.
    """
    found = {
        REQUEST_FIELDS.get(lesson.parameter, lesson.parameter): lesson
        for lesson in lessons
        if not lesson.value and lesson.instead in (NOTHING, JSON_OBJECT)
    }
    switched = next((lesson for lesson in lessons if lesson.parameter == API and lesson.instead in ONLY_OTHERS), None)
    return {**dict.fromkeys(ONLY_OTHERS[switched.instead], switched), **found} if switched else found
