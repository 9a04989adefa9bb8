"""The loops of a run, and how their iterations stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Max, Q, QuerySet

from flows.flowchart.states import StateView, state_view_of
from flows.models import Iteration, Run, State
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
    has_hosts: bool

    @property
    def count(self) -> int:
        """Of all that there are, those that were not reached included."""
        return max(self.reached, self.total or 0)

    @property
    def is_long(self) -> bool:
        """Whether it is told by its iterations first, and not step by step."""
        return self.count > FEW_ITERATIONS

    @property
    def is_outer(self) -> bool:
        """Whether it stands in no other loop."""
        return "[" not in self.loop

    @property
    def can_retry(self) -> bool:
        """Whether some can go again without the others: not where each decides whether there is a next one."""
        return self.total is not None and self.is_outer

    @property
    def verdict(self) -> StateView:
        """ "40 of 1,000 failed"."""
        words = f"{self.failed:,} of {self.count:,} failed"
        look = state_view_of("warning" if self.done else "failed")
        return replace(look, name="succeeded", word=words, words=words)


def loops_of(run: Run) -> list[LoopCounts]:
    """Those that stand in no other loop, and long ones wherever they stand: outer ones first, and of those the long
    ones, the ones with failures, the largest."""
    is_long = Q(reached__gt=FEW_ITERATIONS) | Q(most__gt=FEW_ITERATIONS)
    found = count_iterations(run.iterations.all(), ~Q(loop__contains="[") | is_long)
    return sorted(found, key=lambda one: (one.loop.count("["), not one.is_long, -one.failed, -one.count, one.loop))


def loops_inside(run: Run, place: str) -> list[LoopCounts]:
    """Those that stand in this iteration, and in no loop inside it."""
    inside = run.iterations.filter(loop__startswith=f"{place}/")
    return [one for one in count_iterations(inside) if "[" not in one.loop.removeprefix(place)]


def find_loop(run: Run, path: str, loops: Sequence[LoopCounts] | None = None) -> LoopCounts | None:
    """The loop at this path, else the first that matters; None when the run has none."""
    loops = loops_of(run) if loops is None else loops
    known = next((one for one in loops if one.loop == path), None)
    if known is None and "[" in path:
        known = next(iter(count_iterations(run.iterations.filter(loop=path))), None)
    return known or (loops[0] if loops else None)


def count_iterations(iterations: QuerySet[Iteration], which: Q | None = None) -> list[LoopCounts]:
    """How each loop of these iterations stands; `which` says of the counts which loops are wanted."""
    counts = (
        iterations.order_by()
        .values_list("loop")
        .annotate(
            reached=Count("pk"),
            most=Max("total"),
            failed=Count("pk", filter=Q(state=State.FAILED)),
            done=Count("pk", filter=Q(state=State.SUCCEEDED)),
            named=Max("customer"),
            called=Max("host"),
        )
    )
    found = counts.filter(which) if which else counts
    return [
        LoopCounts(loop, reached, total, failed, done, bool(customer), bool(host))
        for loop, reached, total, failed, done, customer, host in found[:MOST_LOOPS]
    ]
