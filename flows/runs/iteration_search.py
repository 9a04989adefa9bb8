"""The iterations of one loop that the filters of an address find, with what they gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Left, NullIf

from flows.models import ActionRun, Iteration, Run, State
from flows.runs.loops import LoopCounts

MOST_REASONS = 5  # that have a toggle of their own
LONGEST_FILTER = 100  # characters
LONGEST_SEARCHED = 10_000  # characters of an output
OTHERS = "others"  # as a reason: all that have no toggle
# By its path, which is the call where no more is known.
OUTPUT = ActionRun.objects.filter(
    run=OuterRef("run"), path=Coalesce(NullIf(OuterRef("output_path"), Value("")), OuterRef("path"))
).values(shown=Coalesce(KeyTextTransform("text", "output"), Cast("output", TextField())))[:1]


@dataclass(frozen=True)
class IterationFilters:
    """What an address asks for; empty: all."""

    loop: str = ""
    state: str = ""  # succeeded or failed
    reason: str = ""  # kind of an error, or OTHERS
    find: str = ""  # in the name of a customer or host

    @classmethod
    def of(cls, params: Mapping[str, str]) -> IterationFilters:
        state = params.get("state", "")
        state = state if state in (State.SUCCEEDED, State.FAILED) else ""
        reason = params.get("reason", "")[:LONGEST_FILTER] if state == State.FAILED else ""
        return cls(params.get("loop", ""), state, reason, params.get("find", "").strip()[:LONGEST_FILTER])

    @property
    def query(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


class IterationSearch:
    """The iterations of one loop of a run, within filters."""

    def __init__(self, run: Run, loop: LoopCounts, filters: IterationFilters) -> None:
        self.run, self.loop = run, loop
        self.filters = replace(filters, loop=loop.loop)
        self.all = run.iterations.filter(loop=loop.loop)

    @cached_property
    def reasons(self) -> list[tuple[str, int]]:
        """Kinds of errors and how many have failed with each, the most frequent first; the last may be OTHERS."""
        failed = self.all.filter(state=State.FAILED).order_by().values_list("error")
        counts = [(kind, count) for kind, count in failed.annotate(count=Count("pk")).order_by("-count", "error")]
        if len(counts) <= MOST_REASONS:
            return counts
        return [*counts[:MOST_REASONS], (OTHERS, sum(count for _, count in counts[MOST_REASONS:]))]

    @property
    def found(self) -> QuerySet[Iteration]:
        found, filters = self.all, self.filters
        if filters.state:
            found = found.filter(state=filters.state)
        if filters.reason == OTHERS:
            found = found.exclude(error__in=[kind for kind, _ in self.reasons])
        elif filters.reason:
            found = found.filter(error=filters.reason)
        if filters.find:
            found = with_output(found, LONGEST_SEARCHED)
            inside = {f"{name}__icontains": filters.find for name in ("customer", "label", "host", "output_text")}
            found = found.filter(Q(**inside, _connector=Q.OR))
        return found

    def with_output(self, longest: int) -> QuerySet[Iteration]:
        """What was found, each with the beginning of its output as `output_text`."""
        return with_output(self.found, longest)

    @property
    def failed(self) -> QuerySet[Iteration]:
        """Those of them that can be retried."""
        return self.found.filter(state=State.FAILED)


def with_output(found: QuerySet[Iteration], longest: int) -> QuerySet[Iteration]:
    return found.annotate(output_text=Left(Subquery(OUTPUT), longest))
