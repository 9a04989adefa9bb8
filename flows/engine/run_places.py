"""The places that a process has for runs: what whoever claims some for it has to know."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from flows.engine.active_runs import ActiveRuns
from flows.engine.writer import DatabaseWriter
from flows.models import Run


def claim_silently(runs: list[int]) -> None:
    """Nobody has to know of it."""


@dataclass
class RunPlaces:
    worker: UUID
    writer: DatabaseWriter
    active: ActiveRuns
    count: int
    begin: Callable[[Sequence[Run]], None]
    on_claimed: Callable[[list[int]], None] = claim_silently  # in the transaction of the claim

    @property
    def free(self) -> int:
        return max(0, self.count - len(self.active))
