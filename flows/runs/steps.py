"""Which steps of a run a page shows: those that the filters of its address find, and of them a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, QuerySet

from flows.flowchart.states import StateView, state_view_of
from flows.models import ActionRun, Run, State
from flows.runs.paging import NEWEST, PagePlace, RowWindow, place_of, window_of

MOST_STEPS = 100  # of one page
MOST_COUNTED = 50_000  # events of a run; in one that has more, steps are not counted
LONGEST_FILTER = 100  # characters
FEW = 20  # steps that need no filters
LARGE = ("inputs", "output", "variables", "facts", "text")  # columns that the outline does not show


@dataclass(frozen=True)
class StateFilter:
    """Steps in one state; an empty name stands for all."""

    name: str
    view: StateView | None
    count: int | None  # of steps; None where there are too many to count
    is_chosen: bool
    address: str


WARNING = "warning"
WARNED = ~Q(warning="") | Q(refused__isnull=False)
STATES = ("failed", WARNING, "waiting", "running", "succeeded", "cancelled", "skipped")


@dataclass
class StepsPage:
    """What the address asks for of the steps of a run: `state`, `step` (id of an action), `find`, `from`, `until`."""

    run: Run
    params: Mapping[str, str]
    path: str = ""  # of the action whose detail is open
    centred: bool = False  # the page is to show that action
    states: list[StateFilter] = field(init=False)
    window: RowWindow[ActionRun] = field(init=False)

    def __post_init__(self) -> None:
        state = self.params.get("state", "")
        self.state = state if state in STATES else ""
        self.step = cut(self.params.get("step", ""))
        self.find = cut(self.params.get("find", ""))
        found = self._matching(self.run.actions.defer(*LARGE))
        place = place_of(self.params, self._first_place(found))
        self.window = window_of(found, "order", place, MOST_STEPS)
        self.states = self._state_filters()

    @property
    def is_filtered(self) -> bool:
        return bool(self.state or self.step or self.find)

    @property
    def has_filters(self) -> bool:
        """Whether there is so much that one looks for something."""
        return self.is_filtered or not self.window.is_complete or len(self.window.rows) > FEW

    @property
    def actions(self) -> list[tuple[str, str]]:
        """Ids and titles of the actions that were reached."""
        if not self.has_filters:
            return []
        return list(self.run.actions.order_by("action_id").values_list("action_id").annotate(Max("title"))[:200])

    @property
    def address_begin(self) -> str:
        """Of an address, what keeps this page while something on it is chosen."""
        pinned = {} if self.window.is_complete or not self.window.rows else {"from": str(self.window.rows[0].order)}
        kept = {**self._filters(), **pinned}
        return f"?{urlencode(kept)}&" if kept else "?"

    @property
    def first(self) -> str:
        return self._page({"from": "0"})

    @property
    def earlier(self) -> str:
        return self._page({"until": str(self.window.earlier)}) if self.window.earlier is not None else ""

    @property
    def later(self) -> str:
        return self._page({"from": str(self.window.later)}) if self.window.later is not None else ""

    @property
    def newest(self) -> str:
        return self._page({"until": NEWEST})

    def _page(self, place: Mapping[str, str]) -> str:
        return address_of({**self._filters(), **place})

    def _filters(self) -> dict[str, str]:
        filters = {"state": self.state, "step": self.step, "find": self.find}
        return {name: value for name, value in filters.items() if value}

    def _matching(self, found: QuerySet[ActionRun]) -> QuerySet[ActionRun]:
        if self.state == WARNING:
            found = found.filter(WARNED, state=State.SUCCEEDED)
        elif self.state == State.SUCCEEDED:
            found = found.filter(~WARNED, state=State.SUCCEEDED)
        elif self.state:
            found = found.filter(state=self.state)
        return self._with_names(found)

    def _with_names(self, found: QuerySet[ActionRun]) -> QuerySet[ActionRun]:
        if self.step:
            found = found.filter(action_id=self.step)
        if self.find:
            found = found.filter(Q(title__icontains=self.find) | Q(path__icontains=self.find))
        return found

    def _first_place(self, found: QuerySet[ActionRun]) -> PagePlace:
        """Where a page begins that is asked for nothing.

        One that is `centred` shows the open action, in its middle where that is not on the first page.
        """
        at = found.filter(path=self.path).values_list("order", flat=True).first() if self.centred else None
        if at is None:
            return PagePlace(newest=not self.run.ended)
        until = found.filter(order__lte=at).order_by("-order").values_list("order", flat=True)[: MOST_STEPS + 1]
        before = list(until)
        return PagePlace(begin=before[MOST_STEPS // 2] if len(before) > MOST_STEPS else 0)

    def _state_filters(self) -> list[StateFilter]:
        if not self.has_filters:
            return []
        counts = self._counts() if self.run.last_event <= MOST_COUNTED else None
        names = [name for name in STATES if counts is None or counts.get(name) or name == self.state]
        total = sum(counts.values()) if counts is not None else None
        return [self._state_filter("", total)] + [
            self._state_filter(name, counts.get(name, 0) if counts is not None else None) for name in names
        ]

    def _state_filter(self, name: str, count: int | None) -> StateFilter:
        others = {key: value for key, value in self._filters().items() if key != "state"}
        address = address_of({**others, "state": name} if name else others)
        return StateFilter(name, state_view_of(name) if name else None, count, name == self.state, address)

    def _counts(self) -> dict[str, int]:
        """How many steps are in each state, with the other filters."""
        counts: dict[str, int] = {}
        found = self._with_names(self.run.actions.order_by()).values_list("state")
        for state, count, warnings in found.annotate(Count("pk"), warnings=Count("pk", filter=WARNED)):
            if state == State.SUCCEEDED:
                counts[WARNING] = warnings
                count -= warnings
            counts[state] = count
        return counts


# Of the address of a page, what its stream needs in order to show the same.
PARAMS = ("state", "step", "find", "from", "until")


def address_of(params: Mapping[str, str]) -> str:
    return f"?{urlencode(params or {'tab': 'steps'})}"


def cut(text: str) -> str:
    """A filter as it is looked for."""
    return text.strip()[:LONGEST_FILTER]
