"""What all calls of models have in common: which connection they take, what happens on the way, and how they fail."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.foundry.errors import FoundryError
from connections.foundry.values import Adapted, Spilled, Target, Waited, Waiting
from flows.actions.base import Step
from flows.actions.refused_try import RefusedTry
from flows.language.errors import ActionError
from flows.language.values import ConnectionValue
from flows.properties.connection import connection
from flows.properties.connection_variable import connection_variable


@dataclass(frozen=True)
class ConnectionProperties:
    """Which connection is used: a stored one, or that of a variable."""

    connection: str | None = connection("Connection", required=True, overridden_by="dynamic_connection", on_card=True)
    dynamic_connection: str | None = connection_variable()


async def choose_connection(properties: ConnectionProperties, step: Step) -> tuple[Target, str]:
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


async def report_call_event(
    event: Waiting | Adapted | Waited | Spilled, target: Target, model: str, step: Step
) -> None:
    """What happens to a call before its answer is there."""
    facts = step.facts
    match event:
        case Waiting():
            await step.report_wait(event.reason, event.until, refused_try(event))
        case Adapted():
            changed = "; ".join(event.sentences)
            await step.log("info", f"{model} refuses a part of the request: {changed}.")
        case Waited():
            facts["waited_ms"] = facts.get("waited_ms", 0) + round(event.seconds * 1_000)
            facts["throttled"] = facts.get("throttled", 0) + event.throttled
            await step.report_resumption()
        case Spilled():
            reason = f"instead of {target.name}, because {event.reason}"
            facts.update(facts_of_target(event.target, reason, model))
            facts.pop("connection_variable", None)
            await step.log("info", f"{event.target.name} is called {reason}.")


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
