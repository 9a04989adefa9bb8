"""A page of the iterations that a search finds, in the order that the address asks for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Case, CharField, F, QuerySet, When
from django.utils import timezone

from flows.flowchart.states import StateView, reason_words
from flows.models import Iteration, Run, State
from flows.runs.iteration_detail import iteration_state
from flows.runs.iteration_search import IterationSearch, with_output
from flows.runs.time_axis import elapsed_words, milliseconds_since_epoch
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


def iteration_row(iteration: Any, run: Run, *, address: str, is_selected: bool) -> IterationRow:
    number, host = iteration.number + 1, iteration.host or iteration.connection
    goes = iteration.milliseconds is None and not run.ended
    gone = (timezone.now() - iteration.started_at).total_seconds() * 1_000
    return IterationRow(
        number=number,
        name=iteration.customer or iteration.label or f"Iteration {number:,}",
        state=iteration_state(iteration, ended=run.ended),
        duration=elapsed_words(gone) if goes else duration_ms(iteration.milliseconds),
        since=milliseconds_since_epoch(iteration.started_at) if goes else None,
        tokens=thousands(iteration.tokens),
        output=plain_text(iteration.output_text or "") if iteration.state != State.FAILED else "",
        host=host,
        via=iteration.connection if iteration.connection != host else "",
        error=reason_words(iteration.error, iteration.status) if iteration.error else "",
        address=address,
        is_selected=is_selected,
    )


class IterationWindow:
    """The iterations of one page. `rows` and `seen` of the address tell what a browser shows already."""

    def __init__(self, search: IterationSearch, params: Mapping[str, str]) -> None:
        self.search, self._params = search, params
        sort = params.get("sort", "")
        self.sort = sort if sort.removeprefix("-") in SORTS else "number"
        self.count = search.found.count()
        self.pages = max(1, -(-self.count // AT_ONCE))
        self.page = min(max(whole_number(params.get("page"), 9) or 1, 1), self.pages)
        self.iterations = self._read()

    def _read(self) -> list[Any]:
        """Those that a browser shows already stay where they are; others come behind them."""
        begin, shown = (self.page - 1) * AT_ONCE, self._numbers_on_page
        if not shown:
            return list(self._in_order[begin : begin + AT_ONCE])
        known = with_output(self.search.all, LONGEST_OUTPUT).filter(number__in=shown)
        stay = {iteration.number: iteration for iteration in known}
        found = [stay[number] for number in shown if number in stay]
        if len(found) < AT_ONCE:
            found += self._in_order.exclude(number__in=shown)[begin : begin + AT_ONCE - len(found)]
        return found

    @property
    def _in_order(self) -> QuerySet[Iteration]:
        descends = self.sort.startswith("-")
        order = []
        for field in SORTS[self.sort.removeprefix("-")][1]:
            by = F(field) if isinstance(field, str) else field
            order.append(by.desc(nulls_last=True) if descends else by.asc(nulls_last=True))
        return self.search.with_output(LONGEST_OUTPUT).order_by(*order, "number")

    @property
    def _numbers_on_page(self) -> list[int]:
        given = self._params.get("rows", "").split(".")[:AT_ONCE]
        return [number for number in (whole_number(one, 9) for one in given) if number is not None]

    @property
    def query(self) -> dict[str, str]:
        """What the stream is told, so that no row jumps."""
        return {"rows": ".".join(str(each.number) for each in self.iterations), "seen": str(self._known_count)}

    @property
    def _known_count(self) -> int:
        """How many there were when the page was opened, or that it has shown since."""
        before = whole_number(self._params.get("seen"), 9)
        return self.count if before is None else max(before, (self.page - 1) * AT_ONCE + len(self.iterations))

    @property
    def news(self) -> str:
        """ "12 new failures": what the filters find that the page was opened without."""
        count = self.count - self._known_count
        what = "failure" if self.search.filters.state == State.FAILED else "iteration"
        return f"{count:,} new {what}{'' if count == 1 else 's'}" if count > 0 and self._numbers_on_page else ""

    @property
    def range_words(self) -> str:
        """ "1 to 25 of 1,000"."""
        before = (self.page - 1) * AT_ONCE
        return f"{before + bool(self.iterations):,} to {before + len(self.iterations):,} of {self.count:,}"
