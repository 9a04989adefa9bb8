"""The loops of a run that have many iterations, and how those stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Max, Q

from flows.flowchart.states import StateView, state_view_of
from flows.models import Run, State
from flows.models.iteration import FEW_ITERATIONS

MOST_LOOPS = 100


@dataclass(frozen=True)
class LoopCounts:
    """How the iterations of one loop stand."""

    loop: str
    reached: int
    total: int | None
    failed: int
    done: int
    has_customers: bool

    @property
    def count(self) -> int:
        """Of all that there are, those that were not reached included."""
        return max(self.reached, self.total or 0)

    @property
    def can_retry(self) -> bool:
        """Whether some can go again without the others: not where each decides whether there is a next one."""
        return self.total is not None and "[" not in self.loop

    @property
    def verdict(self) -> StateView:
        """ "40 of 1,000 failed"."""
        words = f"{self.failed:,} of {self.count:,} failed"
        look = state_view_of("warning" if self.done else "failed")
        return replace(look, name="succeeded", word=words, words=words)


def long_loops(run: Run) -> list[LoopCounts]:
    """Loops with many iterations: outer ones first, and of those the ones with failures."""
    counted = run.iterations.order_by().values_list("loop")
    found = counted.annotate(
        reached=Count("pk"),
        most=Max("total"),
        failed=Count("pk", filter=Q(state=State.FAILED)),
        done=Count("pk", filter=Q(state=State.SUCCEEDED)),
        named=Max("customer"),
    ).filter(Q(reached__gt=FEW_ITERATIONS) | Q(most__gt=FEW_ITERATIONS))
    loops = [
        LoopCounts(loop, reached, total, failed, done, bool(customer))
        for loop, reached, total, failed, done, customer in found[:MOST_LOOPS]
    ]
    return sorted(loops, key=lambda one: (one.loop.count("["), -one.failed, -one.count, one.loop))


def find_loop(run: Run, path: str, loops: Sequence[LoopCounts] | None = None) -> LoopCounts | None:
    """The loop at this path, else the first that matters; None when the run has no long one."""
    loops = long_loops(run) if loops is None else loops
    return next((one for one in loops if one.loop == path), loops[0] if loops else None)
