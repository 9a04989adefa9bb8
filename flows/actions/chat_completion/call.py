"""A call of a chat model: its turns until an answer is there, and what is recorded of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

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
from flows.actions.chat_completion.answer import LONGEST_RAW, usage_of
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
from flows.actions.model_call import Timings, facts_of_target, report_call_event
from flows.language.errors import ActionError

LONGEST_ADDRESS = 2_000  # characters that are shown


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
        completion = await stream_answer(self.target, request, step, timings, shows_text=shows_text)
        self._count(completion, timings, step.facts)
        return completion

    def _count(self, completion: Completion, timings: Timings, facts: dict[str, Any]) -> None:
        """Tokens are spent, whether the answer is of use or not."""
        self.usage = summed_usage(self.usage, usage_of(completion))
        facts.update(facts_of_answer(completion), **timings.facts(), usage=self.usage)


async def stream_answer(
    target: Target, request: ChatRequest, step: Step, timings: Timings, *, shows_text: bool = True
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
                case Waiting() | Adapted() | Waited() | Spilled():
                    await report_call_event(event, target, request.model, step)
                case ConversationOpened():
                    step.facts["conversation"] = event.id
                    await step.note({"conversation": event.id})
                case Completion():
                    completion = event
    if completion is None:
        raise ActionError("protocol", f"{target.name} ended without an answer.")
    return completion


def facts_of_call(target: Target, reason: str, request: ChatRequest) -> dict[str, Any]:
    """Which connection was used and why, and what was asked; known however the call ends."""
    prompt = [{"role": message.role, "content": content_for_record(message.content)} for message in request.messages]
    return {**facts_of_target(target, reason, request.model), "prompt": prompt}


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
