"""What earlier attempts at a run left behind: another process goes on from there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from connections.fields import KeyUnreadable
from flows.engine.container_usage import ContainerUsage
from flows.interpreter.checkpoint import CheckpointError, unpack_outcome
from flows.interpreter.journal import ActionEnd, ActionFinished
from flows.language.errors import ActionError
from flows.models import Checkpoint, Iteration, Run

AGAIN = "Retry the run from an action before, or run it again."


@dataclass
class EarlierAttempts:
    """The paths of the rows there are, and how leaves ended."""

    rows: set[str] = field(default_factory=set)
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    notes: dict[str, Checkpoint] = field(default_factory=dict)
    iterations: dict[str, Iteration] = field(default_factory=dict)
    refused: dict[str, list[Any]] = field(default_factory=dict)  # tries of what was going, by path
    inside: ContainerUsage = field(default_factory=ContainerUsage)

    @classmethod
    def of(cls, run: Run) -> EarlierAttempts:
        earlier = cls(set(run.actions.values_list("path", flat=True)))
        going = run.actions.filter(ended_at=None).values_list("path", "refused")
        earlier.refused = {path: refused for path, refused in going if refused}
        earlier.inside = ContainerUsage.of(run)
        for checkpoint in run.checkpoints.all():
            (earlier.notes if checkpoint.note else earlier.checkpoints)[checkpoint.path] = checkpoint
        known = run.iterations.only("loop", "number", "digest", "started_at")
        earlier.iterations = {iteration.place: iteration for iteration in known}
        return earlier

    def forget(self, place: str) -> None:
        """What an iteration had done does not count: its item is another one than it was."""
        for kept in (self.checkpoints, self.notes):
            for path in [path for path in kept if path.startswith(f"{place}/")]:
                del kept[path]
        self.refused = {path: tries for path, tries in self.refused.items() if not path.startswith(f"{place}/")}
        self.rows = {path for path in self.rows if not path.startswith(f"{place}/")}

    @property
    def hold_secrets(self) -> bool:
        return any(checkpoint.sealed for checkpoint in self.checkpoints.values())

    def recall(self, path: str) -> ActionEnd | None:
        """How the action ended, which is told once. Raises ActionError when that cannot be read."""
        stored = self.checkpoints.pop(path, None)
        if stored is None:
            return None
        try:
            return unpack_outcome(path, stored.text)
        except CheckpointError as error:
            raise ActionError("checkpoint", f"The run cannot go on: {error}", AGAIN) from None
        except KeyUnreadable:
            raise unreadable() from None

    def recall_note(self, path: str) -> Any:
        """What the action noted last; None when nothing. Raises ActionError when it cannot be read."""
        stored = self.notes.get(path)
        if stored is None:
            return None
        try:
            finished = unpack_outcome(path, stored.text)
        except KeyUnreadable:
            raise unreadable() from None
        return finished.output if isinstance(finished, ActionFinished) else None


def unreadable() -> ActionError:
    said = "What the run keeps to go on cannot be read with the encryption key of this server."
    return ActionError("key_unreadable", said, AGAIN)
