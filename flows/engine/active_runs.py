"""The runs that a process executes at the moment, and which of them may start another action."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from flows.engine.journal import DatabaseJournal
from flows.models import Run


@dataclass
class ActiveRun:
    """A run that this process executes."""

    run: Run
    root: int  # the run that people started; for those of the flows it runs, too
    task: asyncio.Task[None]
    journal: DatabaseJournal

    @property
    def parent_path(self) -> str:
        """The path of the action of the parent that runs this flow, without its try."""
        return self.run.parent_path.rpartition("~")[0]


class ActiveRuns:
    """Runs by their number. Actions start in all of them, but not while the process ends or suspects are on trial."""

    def __init__(self) -> None:
        self.is_closing = False
        self.on_trial: set[int] | None = None  # while suspects go, or are to go: only these roots may start an action
        self.given_up: set[int] = set()  # runs that go back into the queue
        self._active: dict[int, ActiveRun] = {}

    def __len__(self) -> int:
        return len(self._active)

    def __iter__(self) -> Iterator[ActiveRun]:
        return iter(list(self._active.values()))

    def __contains__(self, run_id: int) -> bool:
        return run_id in self._active

    def get(self, run_id: int | None) -> ActiveRun | None:
        return self._active.get(run_id) if run_id is not None else None

    @property
    def takes_more(self) -> bool:
        """Whether a run that begins now may start its first action."""
        return not self.is_closing and self.on_trial is None

    def root_of(self, run: Run) -> int:
        above = self.get(run.parent_id)
        return above.root if above else run.pk

    def may_start(self, root: int) -> bool:
        """Whether runs below this one may start an action."""
        return not self.is_closing and (self.on_trial is None or root in self.on_trial)

    def add(self, active: ActiveRun) -> None:
        self._active[active.run.pk] = active

    def remove(self, run_id: int, task: asyncio.Task[None]) -> None:
        """Unless the run has begun anew meanwhile, in another task."""
        if (active := self._active.get(run_id)) and active.task is task:
            del self._active[run_id]

    def hold(self) -> None:
        """Lets no further action start."""
        for active in self:
            active.journal.gate.hold()

    def let_go(self) -> None:
        """Lets actions start again."""
        for active in self:
            active.journal.gate.let_go()

    def hand_over(self) -> None:
        """From now on nothing is recorded: the runs go on elsewhere."""
        for active in self:
            active.journal.hand_over()

    def is_quiet(self, root: int | None = None) -> bool:
        """Whether nothing is being executed, by this run and the flows it runs or by any."""
        units = [active for active in self._active.values() if root in (None, active.root)]
        inner: defaultdict[int | None, set[str]] = defaultdict(set)
        for active in units:
            inner[active.run.parent_id].add(active.parent_path)
        return all(active.journal.gate.is_quiet(inner[active.run.pk]) for active in units)

    def is_idle(self) -> bool:
        """Whether every run only waits for its time; one that has just begun is quiet, too, but not for long."""
        waiting = {active.root for active in self._active.values() if active.journal.gate.has_waiting}
        return self.is_quiet() and waiting >= {active.root for active in self._active.values()}
