"""Waits for a while or until a moment; goes on waiting after a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from flows.actions.base import ActionType, Group, Result, Step
from flows.language.errors import ActionError
from flows.language.nodes import Action
from flows.properties.number import number
from flows.properties.text import text

LONGEST = 30 * 86_400  # seconds
CLOCK_INTERVAL = 60.0  # seconds after which the clock is read again, so that a jump of it is noticed


@dataclass(frozen=True)
class Properties:
    seconds: float | None = number(
        "Seconds", minimum=0, maximum=LONGEST, empty="the moment in Until", hint="At most 30 days.", on_card=True
    )
    until: str | None = text(
        "Until",
        empty="the seconds above",
        hint="Instead of seconds: a moment such as 2027-01-31T09:00+01:00. Without an offset it is UTC.",
        on_card=True,
    )


class Wait(ActionType):
    type = "wait"
    title = "Wait"
    purpose = "for a while, or until a moment"
    group = Group.CONTROL
    properties = Properties

    async def execute(self, properties: Properties, step: Step) -> Result:
        until = step.last_note
        if not isinstance(until, int | float):
            until = end_of_wait(properties)
            await step.note(until)
        said = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
        await step.report_wait(f"Waits until {said}", until)
        while (left := until - time.time()) > 0:  # noqa: ASYNC110 - a moment, not an event
            await asyncio.sleep(min(left, CLOCK_INTERVAL))
        return Result(output=said, facts={"until": said})

    def problems(self, action: Action) -> Sequence[tuple[str | None, str]]:
        given = [name for name in ("seconds", "until") if action.properties.get(name) not in (None, "")]
        if not given:
            return [("seconds", "Seconds is missing. Give a number of seconds, or a moment in Until.")]
        return [("until", "Seconds and Until are both given. Clear one.")] if len(given) > 1 else []


def end_of_wait(properties: Properties) -> float:
    """Seconds since the epoch."""
    if properties.seconds is not None:
        return time.time() + properties.seconds
    if not properties.until:
        raise ActionError("property_missing", "Seconds is missing.", "Give a number of seconds, or a moment in Until.")
    try:
        given = datetime.fromisoformat(properties.until.strip())
    except ValueError:
        raise ActionError(
            "property_wrong", f"Until {properties.until[:40]!r} is no moment.", "Such as 2027-01-31T09:00+01:00."
        ) from None
    until = max(0.0, (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp())
    if until - time.time() > LONGEST:
        raise ActionError("property_wrong", "Until is more than 30 days away.", "Start the run later.")
    return until
