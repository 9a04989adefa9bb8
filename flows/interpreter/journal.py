"""What a run reports while it goes: frozen events, and the one place they are handed to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flows.actions.refused_try import RefusedTry
from flows.interpreter.known_secrets import KnownSecrets
from flows.language.errors import ActionError, Signal
from flows.language.values import Declared


@dataclass(frozen=True)
class ActionStarted:
    """`inputs` are the properties as rendered; `at` is seconds since the epoch."""

    path: str
    action_id: str
    type: str
    title: str
    at: float
    inputs: Mapping[str, Any] = field(default_factory=dict)
    container: bool = False  # walked again when the run resumes


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
    signal: Signal = Signal.NONE
    reason: str = ""  # why the action was not executed


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
class ActionStreamed:
    path: str
    text: str


@dataclass(frozen=True)
class ActionReported:
    """Facts of an action that are known before it ends."""

    path: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class ActionLogged:
    path: str
    level: str
    message: str
    at: float


@dataclass(frozen=True)
class ActionWaiting:
    """The action waits until `until` (seconds since the epoch; None: nobody knows) and goes on by itself; after
    `refused`, if it was."""

    path: str
    reason: str
    until: float | None
    refused: RefusedTry | None = None


@dataclass(frozen=True)
class ActionResumed:
    """The action goes on after a wait."""

    path: str


@dataclass(frozen=True)
class ActionNoted:
    """What an action must find again after a restart: JSON. A later note of the same path replaces it."""

    path: str
    value: Any


@dataclass(frozen=True)
class IterationStarted:
    """An iteration of the loop at `loop` begins. `items` are what the loop goes over, where it knows."""

    loop: str
    number: int
    at: float
    items: Sequence[Any] | None = None

    @property
    def path(self) -> str:
        """What the paths of its actions begin with, before a slash."""
        return f"{self.loop}[{self.number}]"


@dataclass(frozen=True)
class IterationEnded:
    """`failed`: with a failure that nothing inside caught; `cancelled`: before its end."""

    path: str
    at: float
    failed: bool = False
    cancelled: bool = False


ActionEnd = ActionFinished | ActionFailed
Event = (
    ActionStarted
    | ActionFinished
    | ActionFailed
    | ActionCancelled
    | ActionSkipped
    | ActionStreamed
    | ActionReported
    | ActionLogged
    | ActionWaiting
    | ActionResumed
    | ActionNoted
    | IterationStarted
    | IterationEnded
)


class Journal(Protocol):
    @property
    def secrets(self) -> KnownSecrets:
        """What must be masked in everything that is recorded."""

    async def record(self, event: Event) -> None:
        """An outcome is durable before the start of another action has returned, a note when its record has.


        When a run resumes, containers are walked again to put the effects of the actions inside into the scope:
        their start, their end and their skipped lanes may be recorded a second time under the same path. So may the
        start of an action that is tried again.
        """

    async def admit(self, path: str) -> None:
        """Returns when the action may start, or be tried again; its timeout begins after that."""

    def recall(self, path: str) -> ActionEnd | None:
        """How this path ended in an earlier attempt; asked of leaves, which are not executed again.

        Raises ActionError of kind checkpoint when what was kept cannot be read.
        """

    def recall_note(self, path: str) -> Any:
        """What an earlier attempt noted at this path; None when nothing."""


class MemoryJournal:
    """The twin for tests: keeps what it is told."""

    def __init__(self, ended: Mapping[str, ActionEnd] | None = None, notes: Mapping[str, Any] | None = None) -> None:
        self.events: list[Event] = []
        self.secrets = KnownSecrets()
        self._ended, self._notes = dict(ended or {}), dict(notes or {})

    async def record(self, event: Event) -> None:
        self.events.append(event)

    async def admit(self, path: str) -> None:
        """Every action may start."""

    def recall(self, path: str) -> ActionEnd | None:
        return self._ended.get(path)

    def recall_note(self, path: str) -> Any:
        return self._notes.get(path)

    def resumed(self) -> MemoryJournal:
        """What another process would start from after this one died."""
        ended = {event.path: event for event in self.events if isinstance(event, ActionFinished | ActionFailed)}
        notes = {event.path: event.value for event in self.events if isinstance(event, ActionNoted)}
        return MemoryJournal({**self._ended, **ended}, {**self._notes, **notes})
