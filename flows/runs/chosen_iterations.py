"""Iterations of a run that somebody wants executed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.contrib.auth.models import User

from flows.models import Run
from flows.runs.iteration_search import IterationFilters, IterationSearch
from flows.runs.loops import find_loop
from foundryflow.http import whole_number


@dataclass(frozen=True)
class ChosenIterations:
    """Of one loop; `query` finds them again."""

    run: Run
    loop: str
    numbers: tuple[int, ...]  # counted from 0
    query: Mapping[str, str]

    @classmethod
    def of(cls, run: Run, params: Mapping[str, str]) -> ChosenIterations | None:
        """Those that failed and that the filters find, or the one `iteration`; None when there is nothing to retry."""
        filters = IterationFilters.of(params)
        loop = find_loop(run, filters.loop)
        if loop is None or not loop.can_retry:
            return None
        search, query = IterationSearch(run, loop, filters), {**filters.query, "loop": loop.loop}
        failed = search.failed
        if (number := whole_number(params.get("iteration"), 9)) is not None:
            search = IterationSearch(run, loop, IterationFilters())
            failed = search.failed.filter(number=number - 1)
            query = {"loop": loop.loop, "iteration": str(number)}
        numbers = tuple(failed.order_by("number").values_list("number", flat=True))
        return cls(run, loop.loop, numbers, query) if numbers else None

    @property
    def sentence(self) -> str:
        count = len(self.numbers)
        return f"Executes {count:,} iteration{'' if count == 1 else 's'} again that failed, and what follows the loop."

    def retry(self, *, by: User, inputs: Mapping[str, object] | None = None) -> Run:
        return Run.objects.retry_iterations(self.run, self.loop, self.numbers, by=by, via="run page", inputs=inputs)
