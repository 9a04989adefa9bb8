"""What a run reports while it goes: frozen events, and the one place they are handed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.errors import ActionError


@dataclass(frozen=True)
class ActionStarted:
    """`inputs` are the properties as rendered; `at` is seconds since the epoch."""

    path: str
    action_id: str
    type: str
    title: str
    at: float
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Declared:
    """A variable that an action declares in its block, or in the flow when `global_`."""

    name: str
    type: str
    value: Any
    global_: bool = False


@dataclass(frozen=True)
class ActionFinished:
    """Everything needed to put the outcome back into the scope without executing the action again."""

    path: str
    at: float
    output: Any = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    declared: tuple[Declared, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    usage: Mapping[str, Any] | None = None
    warning: str | None = None
    returns: bool = False


@dataclass(frozen=True)
class ActionFailed:
    path: str
    at: float
    error: ActionError


@dataclass(frozen=True)
class ActionCancelled:
    path: str
    at: float


@dataclass(frozen=True)
class ActionSkipped:
    path: str
    action_id: str
    type: str
    title: str
    reason: str
    at: float


@dataclass(frozen=True)
class TextDelta:
    path: str
    text: str


@dataclass(frozen=True)
class LogLine:
    path: str
    level: str
    message: str
    at: float


@dataclass(frozen=True)
class Waiting:
    """The action waits until `until` (seconds since the epoch) and goes on by itself."""

    path: str
    reason: str
    until: float


Event = ActionStarted | ActionFinished | ActionFailed | ActionCancelled | ActionSkipped | TextDelta | LogLine | Waiting


class Journal(Protocol):
    async def record(self, event: Event) -> None:
        """Returns once an outcome is durable; starts, texts, lines and waits need not be.

        When a run resumes, containers are walked again to put the effects of the actions inside into the scope:
        their start, their end and their skipped lanes may be recorded a second time under the same path.
        """

    def recall(self, path: str) -> ActionFinished | None:
        """What an earlier attempt finished at this path; asked of leaves, which are not executed again."""


class MemoryJournal:
    """The twin for tests: keeps what it is told."""

    def __init__(self, finished: Mapping[str, ActionFinished] | None = None) -> None:
        self.events: list[Event] = []
        self._finished = dict(finished or {})

    async def record(self, event: Event) -> None:
        self.events.append(event)

    def recall(self, path: str) -> ActionFinished | None:
        return self._finished.get(path)
