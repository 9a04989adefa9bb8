"""What people read of tries that were refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from flows.flowchart.states import StateView, reason_words, state_view, state_view_of
from flows.models import ActionRun
from foundryflow.templatetags.ui import duration_ms

LONGEST_MESSAGE = 500  # characters


@dataclass(frozen=True)
class RefusedView:
    """One of them: "429, throttled", "1 of 3", when, what was said, and the wait behind it."""

    reason: str
    place: str
    at: datetime
    message: str
    waited: str


def refused_views(record: ActionRun) -> Sequence[RefusedView]:
    return [
        RefusedView(
            reason_words(str(each["kind"]), each["status"]),
            f"{each['number']} of {each['most']}",
            datetime.fromtimestamp(each["at"], UTC),
            str(each["message"])[:LONGEST_MESSAGE],
            duration_ms(waited_ms(each)),
        )
        for each in record.refused or ()
    ]


def refused_words(record: ActionRun) -> str:
    """What was refused last, and which try followed: "429, 2 of 3". Empty where nothing was."""
    if not record.refused:
        return ""
    last = record.refused[-1]
    return f"{last['status'] or reason_words(str(last['kind']))}, {next_try(record)}"


def next_try(record: ActionRun) -> str:
    """Which one followed what was refused last: "2 of 3"."""
    last = record.refused[-1] if record.refused else {"number": 0, "most": 1}
    return f"{last['number'] + 1} of {last['most']}"


def waited_words(record: ActionRun) -> str:
    """ "429, 2 of 3, waited 16 s"."""
    waited = duration_ms(sum(waited_ms(each) for each in record.refused or ()))
    return f"{refused_words(record)}, waited {waited}"


def waited_ms(refused: Mapping[str, Any]) -> float:
    seconds: float = refused["until"] - refused["at"]
    return max(0.0, seconds * 1_000)


def shown_state(record: ActionRun) -> StateView:
    """As everywhere, with what was refused before: that is a warning, and what a wait or a failure is about."""
    view, refused = state_view(record), refused_words(record)
    if not refused:
        return view
    if view.name == "succeeded":
        return replace(state_view_of("warning"), word=view.word, words=waited_words(record))
    if view.name == "waiting":
        return replace(view, words=refused) if waits_after_refusal(record) else view
    return replace(view, words=f"{view.words}, {next_try(record)}") if view.words else view


def waits_after_refusal(record: ActionRun) -> bool:
    """Whether that is what it waits for, and no limit of ours."""
    if record.waits_until is None or not record.refused:
        return False
    return bool(abs(record.waits_until.timestamp() - record.refused[-1]["until"]) < 1)
