"""One iteration of a loop, beside the table: how it ended, and the action that tells most of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from flows.flowchart.states import StateView, state_view_of
from flows.models import ActionRun, Iteration, Run, State
from flows.runs.loops import LoopCounts


def iteration_state(iteration: Iteration, *, ended: bool) -> StateView:
    """One that still goes when its run has ended was stopped with it."""
    state = State.CANCELLED if iteration.state == State.RUNNING and ended else iteration.state
    view = state_view_of(state)
    return replace(view, word="Done") if state == State.SUCCEEDED else view


@dataclass(frozen=True)
class IterationDetail:
    """What is said of an iteration around the detail of its action, `record`."""

    iteration: Iteration
    record: ActionRun | None
    state: StateView
    loop: LoopCounts
    inner: Sequence[LoopCounts]  # long loops inside it
    back: str  # address of the table alone
    can_retry: bool

    @property
    def number(self) -> int:
        return self.iteration.number + 1

    @property
    def name(self) -> str:
        return self.iteration.customer or self.iteration.label or f"Iteration {self.number:,}"

    @property
    def place_words(self) -> str:
        """ "iteration 519 of 1,000"."""
        of = f" of {self.loop.total:,}" if self.loop.total else ""
        return f"iteration {self.number:,}{of}"

    @property
    def sentence(self) -> str:
        """How far a failure went."""
        if self.iteration.state != State.FAILED:
            return ""
        if self.iteration.caught:
            return "A Try inside the iteration caught it, so that the others went on."
        return "Nothing inside the iteration caught it, so that the loop ended with it."

    @property
    def steps(self) -> str:
        """Address of its steps."""
        return f"?{urlencode({'tab': 'steps', 'find': f'{self.iteration.place}/'})}"

    @property
    def loops(self) -> list[tuple[str, str]]:
        """Addresses and words of the long loops inside it."""
        return [
            (
                f"?{urlencode({'tab': 'iterations', 'loop': one.loop})}",
                f"{one.count:,} of {one.loop.rpartition('/')[2]}",
            )
            for one in self.inner
        ]


def iteration_detail(
    run: Run, iteration: Iteration, loop: LoopCounts, inner: Sequence[LoopCounts], back: str
) -> IterationDetail:
    can_retry = run.ended and loop.can_retry and iteration.state == State.FAILED
    state = iteration_state(iteration, ended=run.ended)
    return IterationDetail(iteration, telling_record(run, iteration), state, loop, inner, back, can_retry)


def telling_record(run: Run, iteration: Iteration) -> ActionRun | None:
    """The action that failed first, else the last call, else what gave something or was reached last."""
    if path := iteration.path or iteration.output_path:
        return run.actions.filter(path=path).first()
    inside = run.actions.filter(path__startswith=f"{iteration.place}/").exclude(state=State.SKIPPED)
    return inside.order_by("-order").first()
