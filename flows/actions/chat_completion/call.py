"""A call of a model: which connection it takes, its turns until an answer is there, and what is recorded of it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from connections.foundry.agents import ConversationOpened
from connections.foundry.errors import FoundryError
from connections.foundry.files import document_in
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    Spilled,
    Target,
    TextDelta,
    Waited,
    Waiting,
)
from flows.actions.base import Step
from flows.actions.chat_completion.answer import (
    LONGEST_RAW,
    usage_of,
)
from flows.actions.chat_completion.paused import MOST_PAUSES, is_paused, join_parts, request_to_go_on
from flows.actions.chat_completion.structured import (
    CheckedAnswer,
    check_answer,
    correction_request,
    facts_of_repair,
    may_correct,
    misfit_error,
    summed_usage,
)
from flows.actions.refused_try import RefusedTry
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue

LONGEST_ADDRESS = 2_000  # characters that are shown


class ChosenConnection(Protocol):
    """The properties that say which connection is used."""

    @property
    def connection(self) -> str | None: ...

    @property
    def dynamic_connection(self) -> str | None: ...


async def choose_connection(properties: ChosenConnection, step: Step) -> tuple[Target, str]:
    """Which connection is used, and why in words. A dynamic connection overrides the static one."""
    name = properties.dynamic_connection
    if not name:
        return await step.services.connection(properties.connection or ""), "chosen in the flow"
    value = step.scope.get(name)
    if not isinstance(value, ConnectionValue):
        what = "has no value" if value is None else "is not a connection"
        raise ActionError(
            "dynamic_connection",
            f"The dynamic connection {name} {what}.",
            "Create Azure AI connection sets such a variable; put it above this action.",
        )
    instead = f", instead of {properties.connection}" if properties.connection else ""
    return value.target, f"from variable {name}{instead}"


@dataclass
class Timings:
    """How long one call took, to its first text and in all."""

    started: float = field(default_factory=time.monotonic)
    first: float | None = None

    def note_text(self) -> None:
        if self.first is None:
            self.first = time.monotonic()

    def facts(self) -> dict[str, float | None]:
        first = None if self.first is None else round((self.first - self.started) * 1000, 1)
        return {"first_token_ms": first, "total_ms": round((time.monotonic() - self.started) * 1000, 1)}


@dataclass
class StructuredCall:
    """A call with whatever it takes until its answer fits. `usage` is of all calls."""

    target: Target
    request: ChatRequest
    format: Any
    repair: str | None
    usage: Mapping[str, Any] = field(default_factory=dict)

    async def answer(self, step: Step, timings: Timings) -> tuple[Completion, CheckedAnswer]:
        """Raises FoundryError, ActionError."""
        completion = await self._take_turn(self.request, step, timings)
        checked = await check_answer(completion, self.format)
        if corrects := may_correct(completion, checked, self.repair):
            completion, checked = await self._correct(completion, checked, step, timings)
        if checked.problems:
            raise misfit_error(completion, checked, corrected=corrects, repair=self.repair)
        return completion, checked

    async def _correct(
        self, completion: Completion, checked: CheckedAnswer, step: Step, timings: Timings
    ) -> tuple[Completion, CheckedAnswer]:
        """Sends the model its own answer with what is wrong with it. Nothing of that is streamed: the text of before
        stands there until this one has ended."""
        facts = step.facts
        facts["repair"] = facts_of_repair(completion, checked)
        await step.log("warning", f"{checked.complaint} The model is asked to correct it.")
        request, prompt = correction_request(self.request, completion, checked), facts["prompt"]
        corrected = await self._take_turn(request, step, timings, shows_text=False)
        facts["prompt"] = prompt
        facts["repair"] |= {"corrected_usage": usage_of(corrected)}
        return corrected, await check_answer(corrected, self.format)

    async def _take_turn(
        self, request: ChatRequest, step: Step, timings: Timings, *, shows_text: bool = True
    ) -> Completion:
        """One turn of the model. Where the service pauses it, it is sent back to go on. Raises FoundryError."""
        completion = await self._call(request, step, timings, shows_text)
        for _ in range(MOST_PAUSES):
            if not is_paused(completion):
                break
            await step.log("info", f"{request.model} paused in its turn, and is asked to go on.")
            request = request_to_go_on(request, completion)
            try:
                completion = join_parts(completion, await self._call(request, step, timings, shows_text))
            except FoundryError as error:
                if error.status != 400:
                    raise
                break  # it takes no turn that is not over: what has come is the answer
        return completion

    async def _call(self, request: ChatRequest, step: Step, timings: Timings, shows_text: bool) -> Completion:
        completion = await stream_answer(self.target, request, step, timings, step.facts, shows_text=shows_text)
        self._count(completion, timings, step.facts)
        return completion

    def _count(self, completion: Completion, timings: Timings, facts: dict[str, Any]) -> None:
        """Tokens are spent, whether the answer is of use or not."""
        self.usage = summed_usage(self.usage, usage_of(completion))
        facts.update(facts_of_answer(completion), **timings.facts(), usage=self.usage)


async def stream_answer(
    target: Target,
    request: ChatRequest,
    step: Step,
    timings: Timings,
    facts: dict[str, Any],
    *,
    shows_text: bool = True,
) -> Completion:
    """Streams the answer to the journal and gives the whole. Raises FoundryError."""
    completion: Completion | None = None
    # Closed at once when the run is stopped, so that the socket is, too.
    async with aclosing(step.services.foundry.chat(target, request)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    timings.note_text()
                    if shows_text:
                        await step.stream_text(event.text)
                case Waiting():
                    await step.report_wait(event.reason, event.until, refused_try(event))
                case Adapted():
                    changed = "; ".join(event.sentences)
                    await step.log("info", f"{request.model} refuses a part of the request: {changed}.")
                case Waited():
                    facts["waited_ms"] = facts.get("waited_ms", 0) + round(event.seconds * 1_000)
                    facts["throttled"] = facts.get("throttled", 0) + event.throttled
                    await step.report_resumption()
                case Spilled():
                    reason = f"instead of {target.name}, because {event.reason}"
                    facts.update(facts_of_call(event.target, reason, request))
                    facts.pop("connection_variable", None)
                    await step.log("info", f"{event.target.name} is called {reason}.")
                case ConversationOpened():
                    facts["conversation"] = event.id
                    await step.note({"conversation": event.id})
                case Completion():
                    completion = event
    if completion is None:
        raise ActionError("protocol", f"{target.name} ended without an answer.")
    return completion


def refused_try(waiting: Waiting) -> RefusedTry | None:
    """None when it waits for a limit of ours: nothing was sent."""
    if not waiting.attempt:
        return None
    kind, status = waiting.kind, waiting.status
    return RefusedTry(waiting.attempt, waiting.most, kind, waiting.reason, time.time(), status)


def call_error(target: Target, error: FoundryError, facts: Mapping[str, Any]) -> ActionError:
    """What went wrong with a call, as the error of the action."""
    return ActionError(
        error.kind.value,
        f"{f'{target.customer}, ' if target.customer else ''}{target.name}: {error.message}",
        error.hint,
        status=error.status,
        request_id=error.request_id,
        raw=error.raw,
        facts={**facts, **error.details},
    )


def facts_of_call(target: Target, reason: str, request: ChatRequest) -> dict[str, Any]:
    """Which connection was used and why, and what was asked; known however the call ends."""
    prompt = [{"role": message.role, "content": content_for_record(message.content)} for message in request.messages]
    return {**facts_of_target(target, reason, request.model), "prompt": prompt}


def facts_of_target(target: Target, reason: str, model: str) -> dict[str, Any]:
    return {
        "connection": target.name,
        "connection_reason": reason,
        "host": target.endpoint.host,
        "key_fingerprint": target.fingerprint,
        **({"customer": target.customer} if target.customer else {}),
        "deployment": model,
        "model_requested": model,
    }


def facts_of_answer(completion: Completion) -> dict[str, Any]:
    return {
        "model": completion.model,
        "url": completion.url,
        "status": completion.status,
        "finish_reason": completion.finish_reason,
        "request_id": completion.request_id,
        "raw": json.dumps(completion.raw, ensure_ascii=False)[:LONGEST_RAW],
    }


def content_for_record(content: Any) -> Any:
    """As it is kept in the record of the run: an image or a document by its kind and size."""
    if not isinstance(content, list):
        return content
    return "\n".join(str(part["text"]) if "text" in part else f"[{file_for_record(part)}]" for part in content)


def file_for_record(part: Mapping[str, Any]) -> str:
    if (document := document_in(part)) is not None:
        named = str(document.get("filename") or "document")
        return f"{named}, {file_for_record({'image_url': document.get('file_data')})}"
    image = part.get("image_url")
    url = str(image.get("url", "")) if isinstance(image, Mapping) else str(image or part.get("type"))
    if not url.startswith("data:"):
        return url[:LONGEST_ADDRESS]
    kind, _, data = url[5:].partition(";")
    return f"{kind[:40]}, {len(data) * 3 // 4 // 1024 + 1} KB"
