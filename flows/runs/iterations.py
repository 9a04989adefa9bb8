"""The tab of the iterations of a run: those of one loop that the filters of the address find, a page of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.db.models import Case, CharField, F, QuerySet, When
from django.urls import reverse
from django.utils import timezone

from flows.flowchart.states import StateView, reason_words, state_view_of
from flows.models import ActionRun, Iteration, Run, State
from flows.runs.iteration_detail import IterationDetail, iteration_detail, iteration_state
from flows.runs.iteration_search import OTHERS, IterationFilters, IterationSearch, with_output
from flows.runs.loops import LoopCounts, loops_inside
from flows.runs.time_axis import elapsed, milliseconds_since_epoch
from foundryflow.http import whole_number
from foundryflow.templatetags.ui import duration_ms, thousands

AT_ONCE = 25  # rows of one page
NAME = Case(When(customer="", then=F("label")), default=F("customer"), output_field=CharField())
SORTS: dict[str, tuple[str, Sequence[Any]]] = {
    "number": ("No.", ["number"]),
    "name": ("Customer", [NAME]),
    "state": ("State", ["state"]),
    "duration": ("Duration", ["milliseconds"]),
    "tokens": ("Tokens", ["tokens"]),
    "output": ("Output", [F("output_text")]),
    "connection": ("Connection", ["host", "connection"]),
    "error": ("Error", ["error", "status"]),
}
LONGEST_OUTPUT = 200  # characters that a row shows
NUMERIC = ("number", "duration", "tokens")


def plain_text(json_text: str) -> str:
    """Of a text in JSON, which may be cut, the text."""
    if json_text[:1] != '"':
        return json_text
    try:
        return str(json.loads(json_text))
    except ValueError:
        return json_text[1:]


@dataclass(frozen=True, slots=True)
class IterationRow:
    """One iteration as the table shows it: text already."""

    number: int  # counted from 1
    name: str
    state: StateView
    duration: str
    since: int | None  # it goes since then, in milliseconds since the epoch
    tokens: str
    output: str
    host: str
    via: str  # name of the connection, where it is another one than the host
    error: str
    address: str
    is_selected: bool


@dataclass(frozen=True)
class Toggle:
    """A filter that is one press away."""

    words: str
    count: int
    address: str
    is_chosen: bool
    view: StateView | None = None


@dataclass(frozen=True)
class Heading:
    """A column, and what sorts the table by it."""

    name: str
    words: str
    address: str
    direction: str  # as aria-sort says it; empty: not sorted by it
    is_number: bool


class IterationsPage:
    """What an address shows of a loop: IterationFilters, `sort`, `page` and `iteration`, the open one."""

    def __init__(self, run: Run, loops: Sequence[LoopCounts], loop: LoopCounts, params: Mapping[str, str]) -> None:
        self.run, self.loops, self.loop, self._params = run, loops, loop, params
        self.search = IterationSearch(run, loop, IterationFilters.of(params))
        sort = params.get("sort", "")
        self.sort = sort if sort.removeprefix("-") in SORTS else "number"
        self.opened = whole_number(params.get("iteration"), 9)
        self.count = self.search.found.count()
        self.pages = max(1, -(-self.count // AT_ONCE))
        self.page = min(max(whole_number(params.get("page"), 9) or 1, 1), self.pages)
        self.found = self._window()
        self.rows = [self._row(iteration) for iteration in self.found]

    # Rows

    @property
    def _sorted(self) -> QuerySet[Iteration]:
        descends = self.sort.startswith("-")
        order = []
        for field in SORTS[self.sort.removeprefix("-")][1]:
            by = F(field) if isinstance(field, str) else field
            order.append(by.desc(nulls_last=True) if descends else by.asc(nulls_last=True))
        return self.search.with_output(LONGEST_OUTPUT).order_by(*order, "number")

    def _window(self) -> list[Any]:
        """The rows of the page. Those that a browser shows already stay where they are; others come behind them."""
        begin, shown = (self.page - 1) * AT_ONCE, self._shown
        if not shown:
            return list(self._sorted[begin : begin + AT_ONCE])
        known = with_output(self.search.all, LONGEST_OUTPUT).filter(number__in=shown)
        stay = {iteration.number: iteration for iteration in known}
        rows = [stay[number] for number in shown if number in stay]
        if len(rows) < AT_ONCE:
            rows += self._sorted.exclude(number__in=shown)[begin : begin + AT_ONCE - len(rows)]
        return rows

    @property
    def _shown(self) -> list[int]:
        given = self._params.get("rows", "").split(".")[:AT_ONCE]
        return [number for number in (whole_number(one, 9) for one in given) if number is not None]

    @property
    def shown_query(self) -> dict[str, str]:
        """What the stream is told, so that no row jumps."""
        return {"rows": ".".join(str(iteration.number) for iteration in self.found), "seen": str(self.seen)}

    @property
    def seen(self) -> int:
        """How many there were when the page was opened, or that it has shown since."""
        before = whole_number(self._params.get("seen"), 9)
        return self.count if before is None else max(before, (self.page - 1) * AT_ONCE + len(self.found))

    @property
    def fresh(self) -> str:
        """ "12 new failures": what the filters find that the page was opened without."""
        count = self.count - self.seen
        what = "failure" if self.search.filters.state == State.FAILED else "iteration"
        return f"{count:,} new {what}{'' if count == 1 else 's'}" if count > 0 and self._shown else ""

    def _row(self, iteration: Any) -> IterationRow:
        number, host = iteration.number + 1, iteration.host or iteration.connection
        return IterationRow(
            number=number,
            name=iteration.customer or iteration.label or f"Iteration {number:,}",
            state=self._state(iteration),
            duration=self._duration(iteration),
            since=milliseconds_since_epoch(iteration.started_at) if self._goes(iteration) else None,
            tokens=thousands(iteration.tokens),
            output=plain_text(iteration.output_text or "") if iteration.state != State.FAILED else "",
            host=host,
            via=iteration.connection if iteration.connection != host else "",
            error=reason_words(iteration.error, iteration.status) if iteration.error else "",
            address=self.address(iteration=str(number)),
            is_selected=number == self.opened,
        )

    def _state(self, iteration: Iteration) -> StateView:
        return iteration_state(iteration, ended=self.run.ended)

    def _goes(self, iteration: Iteration) -> bool:
        return iteration.milliseconds is None and not self.run.ended

    def _duration(self, iteration: Iteration) -> str:
        if self._goes(iteration):
            return elapsed((timezone.now() - iteration.started_at).total_seconds() * 1_000)
        return duration_ms(iteration.milliseconds)

    # Addresses

    def address(self, **changes: str) -> str:
        """Of this page with changes; an empty value takes something away."""
        kept = {**self.search.filters.query, "sort": self.sort, "page": str(self.page)}
        query = {name: value for name, value in {**kept, **changes}.items() if value}
        query = {name: value for name, value in query.items() if (name, value) not in USUAL}
        return f"?{urlencode({'tab': 'iterations', **query})}"

    @property
    def here(self) -> str:
        return self.address(page="")

    @property
    def earlier(self) -> str:
        return self.address(page=str(self.page - 1)) if self.page > 1 else ""

    @property
    def later(self) -> str:
        return self.address(page=str(self.page + 1)) if self.page < self.pages else ""

    @property
    def back(self) -> str:
        return self.address()

    @property
    def first_number(self) -> int:
        return (self.page - 1) * AT_ONCE + bool(self.rows)

    @property
    def last_number(self) -> int:
        return (self.page - 1) * AT_ONCE + len(self.rows)

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

    def _toggle(self, words: str, count: int, state: str = "") -> Toggle:
        filters = self.search.filters
        chosen = filters.state == state and not filters.reason
        address = self.address(state=state, reason="", page="")
        return Toggle(words, count, address, chosen, state_view_of(state) if state else None)

    def _reason(self, kind: str, count: int) -> Toggle:
        words = "Others" if kind == OTHERS else reason_words(kind)
        address = self.address(state=State.FAILED, reason=kind, page="")
        return Toggle(words, count, address, self.search.filters.reason == kind)

    @property
    def rest(self) -> str:
        """What is neither done nor failed, in words: "10 running, 690 to come"."""
        between = self.loop.reached - self.loop.done - self.loop.failed
        beyond = self.loop.count - self.loop.reached
        going, coming = ("stopped", "not reached") if self.run.ended else ("running", "to come")
        return ", ".join(f"{count:,} {word}" for count, word in ((between, going), (beyond, coming)) if count)

    @cached_property
    def headings(self) -> list[Heading]:
        words = {name: words for name, (words, _) in SORTS.items()}
        words["name"] = "Customer" if self.loop.has_customers else "Item"
        return [self._heading(name, label) for name, label in words.items() if name not in self.left_out]

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

    def _heading(self, name: str, words: str) -> Heading:
        direction = {name: "ascending", f"-{name}": "descending"}.get(self.sort, "")
        address = self.address(sort=f"-{name}" if direction == "ascending" else name, page="")
        return Heading(name, words, address, direction, name in NUMERIC)

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a search keeps of the address."""
        filters = {name: value for name, value in self.search.filters.query.items() if name != "find"}
        return [("tab", "iterations"), *filters.items(), ("sort", self.sort)]

    @property
    def without_find(self) -> str:
        return self.address(find="", page="")

    @property
    def file(self) -> str:
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
    def others(self) -> list[LoopCounts]:
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
    def retried(self) -> int:
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
            iteration = self.found[0] if self.found else None
        if iteration is None:
            return None
        inner = loops_inside(self.run, iteration.place)
        return iteration_detail(self.run, iteration, self.loop, inner, self.back)


USUAL = {("sort", "number"), ("page", "1")}
