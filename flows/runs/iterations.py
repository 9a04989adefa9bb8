"""The tab of the iterations of a run: those of one loop that the filters of the address find, a page of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import urlencode

from django.urls import reverse

from flows.flowchart.states import StateView, reason_words, state_view_of
from flows.models import ActionRun, Run, State
from flows.runs.iteration_detail import IterationDetail, iteration_detail
from flows.runs.iteration_rows import SORTS, IterationWindow, iteration_row
from flows.runs.iteration_search import OTHERS, IterationFilters, IterationSearch
from flows.runs.loops import LoopCounts, loops_inside
from foundryflow.http import whole_number

NUMERIC = ("number", "duration", "tokens")
USUAL = {("sort", "number"), ("page", "1")}


@dataclass(frozen=True)
class Toggle:
    """A filter that is one press away."""

    label: str
    count: int
    address: str
    is_chosen: bool
    view: StateView | None = None


@dataclass(frozen=True)
class Heading:
    """A column, and what sorts the table by it."""

    name: str
    label: str
    address: str
    direction: str  # as aria-sort says it; empty: not sorted by it
    is_number: bool


class IterationsPage:
    """What an address shows of a loop: IterationFilters, `sort`, `page` and `iteration`, the open one."""

    def __init__(self, run: Run, loops: Sequence[LoopCounts], loop: LoopCounts, params: Mapping[str, str]) -> None:
        self.run, self.loops, self.loop = run, loops, loop
        self.search = IterationSearch(run, loop, IterationFilters.of(params))
        self.window = IterationWindow(self.search, params)
        self.opened = whole_number(params.get("iteration"), 9)
        self.rows = [
            iteration_row(
                iteration,
                run,
                address=self.address(iteration=str(iteration.number + 1)),
                is_selected=iteration.number + 1 == self.opened,
            )
            for iteration in self.window.iterations
        ]

    # Addresses

    def address(self, **changes: str) -> str:
        """Of this page with changes; an empty value takes something away."""
        kept = {**self.search.filters.query, "sort": self.window.sort, "page": str(self.window.page)}
        query = {name: value for name, value in {**kept, **changes}.items() if value}
        query = {name: value for name, value in query.items() if (name, value) not in USUAL}
        return f"?{urlencode({'tab': 'iterations', **query})}"

    @property
    def first_page(self) -> str:
        return self.address(page="")

    @property
    def earlier(self) -> str:
        return self.address(page=str(self.window.page - 1)) if self.window.page > 1 else ""

    @property
    def later(self) -> str:
        return self.address(page=str(self.window.page + 1)) if self.window.page < self.window.pages else ""

    # Filters

    @cached_property
    def toggles(self) -> list[Toggle]:
        """All and Done."""
        return [
            self._toggle("All", self.loop.reached),
            self._toggle("Done", self.loop.done, State.SUCCEEDED),
        ]

    @cached_property
    def failures(self) -> list[Toggle]:
        """Failed, and its reasons."""
        if not self.loop.failed:
            return []
        reasons = [self._reason(kind, count) for kind, count in self.search.reasons]
        return [self._toggle("Failed", self.loop.failed, State.FAILED), *reasons]

    def _toggle(self, label: str, count: int, state: str = "") -> Toggle:
        filters = self.search.filters
        chosen = filters.state == state and not filters.reason
        address = self.address(state=state, reason="", page="")
        return Toggle(label, count, address, chosen, state_view_of(state) if state else None)

    def _reason(self, kind: str, count: int) -> Toggle:
        label = "Others" if kind == OTHERS else reason_words(kind)
        address = self.address(state=State.FAILED, reason=kind, page="")
        return Toggle(label, count, address, self.search.filters.reason == kind)

    @property
    def remainder(self) -> str:
        """What is neither done nor failed, in words: "10 running, 690 to come"."""
        between = self.loop.reached - self.loop.done - self.loop.failed
        beyond = self.loop.count - self.loop.reached
        going, coming = ("stopped", "not reached") if self.run.ended else ("running", "to come")
        return ", ".join(f"{count:,} {word}" for count, word in ((between, going), (beyond, coming)) if count)

    @cached_property
    def headings(self) -> list[Heading]:
        labels = {name: label for name, (label, _) in SORTS.items()}
        labels["name"] = "Customer" if self.loop.has_customers else "Item"
        return [self._heading(name, label) for name, label in labels.items() if name not in self.left_out]

    @cached_property
    def left_out(self) -> set[str]:
        """Columns that would be empty."""
        state = self.search.filters.state
        empty = {
            "output": state == State.FAILED,
            "connection": not self.loop.has_hosts,
            "error": not self.loop.failed or state == State.SUCCEEDED,
        }
        return {name for name, is_empty in empty.items() if is_empty}

    def _heading(self, name: str, label: str) -> Heading:
        direction = {name: "ascending", f"-{name}": "descending"}.get(self.window.sort, "")
        address = self.address(sort=f"-{name}" if direction == "ascending" else name, page="")
        return Heading(name, label, address, direction, name in NUMERIC)

    @property
    def search_fields(self) -> list[tuple[str, str]]:
        """What a search sends with its words: the rest of the address."""
        filters = {name: value for name, value in self.search.filters.query.items() if name != "find"}
        return [("tab", "iterations"), *filters.items(), ("sort", self.window.sort)]

    @property
    def without_find(self) -> str:
        return self.address(find="", page="")

    @property
    def file_address(self) -> str:
        """Address of what the filters find as CSV."""
        return f"{reverse('runs:iterations', args=[self.run.pk])}?{urlencode(self.search.filters.query)}"

    # Of the loop

    @cached_property
    def record(self) -> ActionRun | None:
        """Of the loop itself."""
        return self.run.actions.only("title", "path").filter(path=self.loop.loop).first()

    @property
    def title(self) -> str:
        return self.record.title if self.record else self.loop.loop

    @property
    def other_loops(self) -> list[LoopCounts]:
        """Loops beside this one, where it is not nested."""
        return [one for one in self.loops if one.loop != self.loop.loop and one.is_outer]

    @property
    def crumbs(self) -> list[tuple[str, str]]:
        """Words and addresses of the iterations that a nested loop stands in."""
        found, at = [], self.loop.loop.find("]/")
        while at >= 0:
            place = self.loop.loop[: at + 1]
            loop, _, number = place.removesuffix("]").rpartition("[")
            address = f"?{urlencode({'tab': 'iterations', 'loop': loop, 'iteration': int(number) + 1})}"
            found.append((f"{loop.rpartition('/')[2]} {int(number) + 1:,}", address))
            at = self.loop.loop.find("]/", at + 2)
        return found

    # Going again

    @cached_property
    def retry_count(self) -> int:
        """How many of what is shown can go again."""
        filters = self.search.filters
        if not self.loop.can_retry or not self.loop.failed or filters.state == State.SUCCEEDED:
            return 0
        if filters.find:
            return self.search.failed.count()
        if filters.reason:
            return dict(self.search.reasons).get(filters.reason, 0)
        return self.loop.failed

    # The open one

    @cached_property
    def detail(self) -> IterationDetail | None:
        """Of the open iteration, else of the first row."""
        if self.opened is not None:
            iteration = self.search.all.filter(number=self.opened - 1).first()
        else:
            iteration = next(iter(self.window.iterations), None)
        if iteration is None:
            return None
        inner = loops_inside(self.run, iteration.place)
        return iteration_detail(self.run, iteration, self.loop, inner, self.address())
