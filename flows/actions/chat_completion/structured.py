"""Answers that are to be JSON: read out of their text, checked by their schema, and corrected once where wanted."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from connections.foundry.answer_format import schema_of as wanted_schema
from connections.foundry.values import ChatRequest, Completion, Message
from flows.actions.chat_completion.answer import LONGEST_RAW, response_format, usage_of
from flows.actions.parse_json.action import FENCED, LONGEST_INLINE
from flows.language.errors import ActionError
from flows.language.json_schemas import SchemaProblem, Undecided, schema_of
from foundryflow.strict_json import JsonError, storable_json

ONCE = "once"
THOUGHTS = re.compile(r"\s*<think>.*?</think>", re.DOTALL)
ASK_AGAIN = "Send the corrected JSON and nothing else."


@dataclass(frozen=True)
class CheckedAnswer:
    """What was read of an answer. `problems` are sentences, which say where; `unchecked` says why nobody knows."""

    value: Any = None
    problems: tuple[str, ...] = ()
    is_json: bool = True
    unchecked: str = ""

    @property
    def complaint(self) -> str:
        """What is wrong, as sentences."""
        what = "does not fit the schema." if self.is_json else "is not JSON."
        return f"The answer {what} {' '.join(self.problems)}"

    def correction(self) -> str:
        """What the model is told about its answer."""
        what = "does not fit the JSON Schema that was asked for" if self.is_json else "is not JSON"
        return "\n".join([f"Your answer {what}:", *(f"- {problem}" for problem in self.problems), "", ASK_AGAIN])


async def check_answer(completion: Completion, format: Any) -> CheckedAnswer:
    """Raises ActionError for a format that is none."""
    wanted = response_format(format)
    if wanted is None or wanted.get("type") == "text":
        return CheckedAnswer()
    if completion.refusal or completion.finish_reason == "content_filter":
        return CheckedAnswer()
    schema = wanted_schema(wanted)
    if schema is None and len(completion.text) <= LONGEST_INLINE:
        return checked_text(completion.text, None)
    return await asyncio.to_thread(checked_text, completion.text, schema)


def checked_text(text: str, schema: Any) -> CheckedAnswer:
    try:
        value = value_in(text)
    except JsonError as error:
        return CheckedAnswer(problems=(mistake_in_json(error),), is_json=False)
    if schema is None:
        return CheckedAnswer(value)
    try:
        return CheckedAnswer(value, tuple(schema_of(schema).problems(value)))
    except (SchemaProblem, Undecided) as error:
        return CheckedAnswer(value, unchecked=f"Not checked: {error}")


def mistake_in_json(error: JsonError) -> str:
    if error.line is None:
        return f"It {error.what}."
    why = error.what.removeprefix("not JSON (").removesuffix(")")
    return f"Line {error.line}, column {error.column}: {why}."


def value_in(text: str) -> Any:
    """The JSON in a text: all of it, what follows thoughts, or the block of code in it. Raises JsonError."""
    try:
        return storable_json(text)
    except JsonError as error:
        whole = error
    said = THOUGHTS.sub("", text, count=1) if text.lstrip().startswith("<think>") else text
    fenced = FENCED.search(said)
    for candidate in filter(None, (fenced and fenced[1], said if said != text else None)):
        try:
            return storable_json(candidate)
        except JsonError as error:
            whole = error
    raise whole


def may_correct(completion: Completion, checked: CheckedAnswer, repair: str | None) -> bool:
    """An answer that was cut is not asked for again: the next one would be cut, too."""
    return repair == ONCE and bool(checked.problems) and completion.finish_reason != "length"


def correction_request(request: ChatRequest, completion: Completion, checked: CheckedAnswer) -> ChatRequest:
    """The same, with the answer and what is wrong with it behind the messages."""
    answered = (Message("assistant", completion.text),) if completion.text.strip() else ()
    return replace(request, messages=(*request.messages, *answered, Message("user", checked.correction())))


def facts_of_repair(completion: Completion, checked: CheckedAnswer) -> dict[str, Any]:
    """What is kept of an answer that another one replaced."""
    return {"answer": completion.text[:LONGEST_RAW], "problems": list(checked.problems), "usage": usage_of(completion)}


def summed_usage(*usages: Mapping[str, Any]) -> dict[str, Any]:
    """Of several calls, each count that any of them tells."""
    names = dict.fromkeys(name for usage in usages for name in usage)
    return {name: sum(usage.get(name) or 0 for usage in usages) for name in names}


def misfit_error(completion: Completion, checked: CheckedAnswer, *, corrected: bool, repair: str | None) -> ActionError:
    """Why an answer is of no use, with what it was."""
    if completion.finish_reason == "length":
        why, hint = " It was cut at its token limit.", "Raise Max completion tokens."
    elif corrected:
        why, hint = " It was asked once to correct it.", "Describe the form in the prompt, or make the schema simpler."
    else:
        why = ""
        hint = "Describe the form in the prompt" + ("." if repair == ONCE else ", or set Repair to once.")
    kind = "schema_mismatch" if checked.is_json else "invalid_json"
    return ActionError(kind, f"{checked.complaint}{why}", hint, raw=completion.text[:LONGEST_RAW])
