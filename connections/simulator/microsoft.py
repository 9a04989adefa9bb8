"""As Microsoft's own simulator of the API answers (microsoft/aoai-api-simulator), below /aoai-api-simulator.

Source: its generator and its limiters. Deployments alone, by api-key alone; `tpm-N` has its limits: N tokens in a
minute, where a call costs `max_tokens` (16 without), and a thousandth of N requests in ten seconds.
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from connections.simulator.answer_writer import AnswerWriter
from connections.simulator.refusals import SimulatedRefusal
from connections.simulator.stream_events import RawBytes, Step, StreamEvent

USUAL_COST = 16  # tokens of a call that names no max_tokens; max_completion_tokens is not seen
MINUTE, SLICE = 60.0, 10.0  # seconds in which tokens and requests are counted


def steps_of(events: Iterable[Step]) -> Iterator[Step]:
    """The events of a stream in its dialect: no usage, why it finished inside the delta, [DONE] by itself."""
    for event in events:
        if not isinstance(event, StreamEvent):
            yield event
        elif event.data == "[DONE]":
            yield RawBytes(b"[DONE]")
        elif isinstance(event.data, dict) and event.data.get("choices"):
            yield StreamEvent(chunk_of(event.data), part=event.part)


def chunk_of(chunk: Mapping[str, Any]) -> dict[str, Any]:
    (choice,) = chunk["choices"]
    content = {"content": None} if choice["finish_reason"] else {}
    finish = "length" if choice["finish_reason"] else None
    delta = {**choice["delta"], **content, "index": choice["index"], "finish_reason": finish}
    head = {name: chunk[name] for name in ("id", "object", "created")}
    return {**head, "model_name": chunk["model"], "choices": [{"delta": delta}]}


async def refuse(answer: AnswerWriter, deployment: str, refusal: SimulatedRefusal) -> None:
    """JSON of which nobody says that it is."""
    body = {"error": f"Deployment {deployment} not found"} if refusal.status == 404 else refusal.body
    await answer.text(refusal.status, "", json.dumps(body), refusal.headers)


class MicrosoftLimits:
    """The windows of each deployment that has limits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._spent: dict[str, deque[tuple[float, int]]] = {}  # by deployment: when, and how many tokens

    def refusal(self, deployment: str, body: Mapping[str, Any]) -> SimulatedRefusal | None:
        """A call that is refused costs nothing."""
        if not (found := re.fullmatch(r"tpm-(\d{1,7})", deployment)):
            return None
        most, now = int(found[1]), self._clock()
        given = body.get("max_tokens")
        cost = given if isinstance(given, int) else USUAL_COST
        spent = self._spent.setdefault(deployment, deque())
        while spent and now - spent[0][0] >= MINUTE:
            spent.popleft()
        recent = [at for at, _ in spent if now - at < SLICE]
        if sum(tokens for _, tokens in spent) + cost > most:
            return too_many("token", MINUTE - (now - spent[0][0]) if spent else MINUTE)
        if len(recent) >= math.ceil(most / 1_000):
            return too_many("request", SLICE - (now - recent[0]))
        spent.append((now, cost))
        return None


def too_many(what: str, wait: float) -> SimulatedRefusal:
    seconds = str(math.ceil(wait))
    message = (
        f"Requests to the OpenAI API Simulator have exceeded call rate limit ({what}s). "
        f"Please retry after {seconds} seconds."
    )
    return SimulatedRefusal(429, {"error": {"code": "429", "message": message}}, {"Retry-After": seconds})
