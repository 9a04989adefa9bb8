"""Replays a run up to one action, to see its variables: the interpreter walks again with the recorded outcomes.

Nothing is executed. Containers decide again from the same values, as they do when a run goes on elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.actions.services import MemoryServices
from flows.interpreter.inputs import first_scope
from flows.interpreter.journal import ActionEnd, ActionFailed, Event
from flows.interpreter.known_secrets import KnownSecrets
from flows.interpreter.runner import Runner
from flows.language.document import Document
from flows.language.errors import ActionError, LoopLeft, RunFailed, Signal
from flows.language.nodes import Action
from flows.language.scope import Scope

PATIENCE = 10.0  # seconds; a run of tens of thousands of actions takes one or two


@dataclass(frozen=True)
class RecordedOutcomes:
    """What is known of a run, by path."""

    outcomes: Mapping[str, ActionEnd] = field(default_factory=dict)  # of leaves
    failures: Mapping[str, ActionError] = field(default_factory=dict)  # of containers that failed by themselves
    apart: Mapping[str, str] = field(default_factory=dict)  # loops that ran side by side -> the iteration of interest
    secrets: KnownSecrets = field(default_factory=KnownSecrets)

    def beside(self, path: str) -> bool:
        """Whether it is in an iteration that shares no variables with the one of interest."""
        return any(path.startswith(f"{loop}[") and not path.startswith(own) for loop, own in self.apart.items())

    # What a journal promises

    async def record(self, event: Event) -> None:
        """It is recorded already."""

    async def admit(self, path: str) -> None:
        """Nothing is executed."""

    def recall(self, path: str) -> ActionEnd | None:
        unknown = ActionError("unrecorded", f"How {path} ended is not known.")
        return self.outcomes.get(path) or ActionFailed(path, 0, unknown)

    def recall_note(self, path: str) -> Any:
        return None


class Replay(Runner):
    """Walks up to one action and waits there."""

    def __init__(self, past: RecordedOutcomes, path: str) -> None:
        super().__init__(past, MemoryServices())
        self._past, self._path = past, path
        self.scope: asyncio.Future[Scope] = asyncio.get_running_loop().create_future()

    async def _run(self, action: Action, scope: Scope, path: str) -> None:
        if path == self._path and not self.scope.done():
            self.scope.set_result(scope)
            await asyncio.Event().wait()
        if self._past.beside(path):
            raise LoopLeft(Signal.CONTINUE, path, action.id)
        try:
            await super()._run(action, scope, path)
        except RunFailed:
            # A timeout, say, that does not happen again.
            if path in self._past.failures:
                raise RunFailed(path, action.id, self._past.failures[path]) from None
            raise


async def scope_before(
    document: Document, inputs: Mapping[str, Any], past: RecordedOutcomes, path: str, patience: float = PATIENCE
) -> Scope | None:
    """The variables in front of the action at `path`; None when the walk does not lead there."""
    try:
        scope = first_scope(document, inputs)
    except ActionError:
        return None
    replay = Replay(past, path)
    walk = asyncio.ensure_future(replay.run_block(document.actions, scope, ""))
    either: list[asyncio.Future[Any]] = [walk, replay.scope]
    await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    walk.cancel()
    await asyncio.gather(walk, return_exceptions=True)
    return replay.scope.result() if replay.scope.done() else None
