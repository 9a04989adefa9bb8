"""The steps of a run, a page at a time: by where a page begins, so that steps that come meanwhile do not move it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import urlencode

from django.db.models import Count, Max, Q, QuerySet

from flows.flowchart.states import StateView, state_view_of
from flows.models import ActionRun, LogEntry, Run, State
from foundryflow.http import whole_number

MOST_STEPS, MOST_LINES = 400, 400  # of one page
MOST_COUNTED = 50_000  # events of a run; in one that has more, steps are not counted
FEW = 20  # steps that need no filters
NEWEST = "newest"
LARGE = ("inputs", "output", "variables", "facts", "text")  # columns that the outline does not show
Row = TypeVar("Row", ActionRun, LogEntry)


@dataclass(frozen=True)
class Window(Generic[Row]):
    """Rows of one page in their order, and where the pages beside it end and begin."""

    rows: Sequence[Row]
    earlier: int | None = None  # number of the last row before
    later: int | None = None  # number of the first row behind

    @property
    def whole(self) -> bool:
        return self.earlier is None and self.later is None


def window_of(
    found: QuerySet[Row], number: str, given: Mapping[str, str], most: int, *, newest: bool, start: int | None = None
) -> Window[Row]:
    """The page that `from` or `until` of the address asks for, by the `number` of its rows; else the one from `start`,
    the newest one, or the first one."""
    begin, end = whole_number(given.get("from"), 9), whole_number(given.get("until"), 9)
    asks = given.get("until") == NEWEST
    if begin is None and end is None and not asks:
        begin, asks = start, newest and start is None

    def number_of(row: Row) -> int:
        return int(getattr(row, number))

    if asks or end is not None:
        before = found if asks else found.filter(**{f"{number}__lte": end})
        rows = list(before.order_by(f"-{number}")[: most + 1])
        if len(rows) > most:
            shown = rows[:most][::-1]
            later = None if asks else behind(found, number, number_of(shown[-1]))
            return Window(shown, earlier=number_of(shown[0]) - 1, later=later)
        begin = None  # so near to the beginning that this is the first page
    rows = list((found.filter(**{f"{number}__gte": begin}) if begin else found).order_by(number)[: most + 1])
    shown = rows[:most]
    first = number_of(shown[0]) if shown else begin or 0
    earlier = first - 1 if begin and found.filter(**{f"{number}__lt": first}).exists() else None
    return Window(shown, earlier, number_of(rows[most]) if len(rows) > most else None)


def behind(found: QuerySet[Row], number: str, last: int) -> int | None:
    following = found.filter(**{f"{number}__gt": last}).order_by(number).values_list(number, flat=True).first()
    return None if following is None else int(following)


@dataclass(frozen=True)
class StateFilter:
    """Steps in one state; an empty name stands for all."""

    name: str
    state_view_of: StateView | None
    count: int | None
    chosen: bool
    address: str


WARNING = "warning"
STATES = ("failed", WARNING, "waiting", "running", "succeeded", "cancelled", "skipped")


@dataclass
class Steps:
    """What the address asks for of the steps of a run: `state`, `step` (id of an action), `find`, `from`, `until`."""

    run: Run
    given: Mapping[str, str]
    path: str = ""  # of the action whose detail is open
    centred: bool = False  # the page is to show that action
    states: list[StateFilter] = field(init=False)
    window: Window[ActionRun] = field(init=False)

    def __post_init__(self) -> None:
        self.state = self.given.get("state", "") if self.given.get("state") in STATES else ""
        self.step = clean(self.given.get("step", ""))
        self.find = clean(self.given.get("find", ""))
        found = self._matching(self.run.actions.defer(*LARGE))
        start = self._start(found) if self.centred else None
        self.window = window_of(found, "order", self.given, MOST_STEPS, newest=not self.run.ended, start=start)
        self.states = self._states()

    @property
    def filtered(self) -> bool:
        return bool(self.state or self.step or self.find)

    @property
    def has_filters(self) -> bool:
        """Whether there is so much that one looks for something."""
        return self.filtered or not self.window.whole or len(self.window.rows) > FEW

    @property
    def actions(self) -> list[tuple[str, str]]:
        """Ids and titles of the actions that were reached."""
        if not self.has_filters:
            return []
        return list(self.run.actions.order_by("action_id").values_list("action_id").annotate(Max("title"))[:200])

    @property
    def keep(self) -> str:
        """Of an address, what keeps this page while something on it is chosen."""
        pinned = {} if self.window.whole or not self.window.rows else {"from": str(self.window.rows[0].order)}
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
        asked = {"state": self.state, "step": self.step, "find": self.find}
        return {name: value for name, value in asked.items() if value}

    def _matching(self, found: QuerySet[ActionRun]) -> QuerySet[ActionRun]:
        if self.state == WARNING:
            found = found.filter(state=State.SUCCEEDED).exclude(warning="")
        elif self.state == State.SUCCEEDED:
            found = found.filter(state=State.SUCCEEDED, warning="")
        elif self.state:
            found = found.filter(state=self.state)
        return self._named(found)

    def _named(self, found: QuerySet[ActionRun]) -> QuerySet[ActionRun]:
        if self.step:
            found = found.filter(action_id=self.step)
        if self.find:
            found = found.filter(Q(title__icontains=self.find) | Q(path__icontains=self.find))
        return found

    def _start(self, found: QuerySet[ActionRun]) -> int | None:
        """Where a page begins that shows the open action: the first page, or one that has it in its middle."""
        here = found.filter(path=self.path).values_list("order", flat=True).first()
        if here is None:
            return None
        until = found.filter(order__lte=here).order_by("-order").values_list("order", flat=True)[: MOST_STEPS + 1]
        before = list(until)
        return before[MOST_STEPS // 2] if len(before) > MOST_STEPS else 0

    def _states(self) -> list[StateFilter]:
        counts: dict[str, int] = {}
        counted = self.run.last_event <= MOST_COUNTED
        if not self.has_filters:
            return []
        if counted:
            found = self._named(self.run.actions.order_by()).values_list("state")
            for state, count, warnings in found.annotate(Count("pk"), warnings=Count("pk", filter=~Q(warning=""))):
                ended_well = state == State.SUCCEEDED
                counts[state] = count - warnings if ended_well else count
                if ended_well:
                    counts[WARNING] = warnings
        shown = [name for name in STATES if not counted or counts.get(name) or name == self.state]
        others = {name: value for name, value in self._filters().items() if name != "state"}
        return [
            StateFilter("", None, sum(counts.values()) if counted else None, not self.state, address_of(others)),
            *(
                StateFilter(
                    name, state_view_of(name), counts.get(name, 0) if counted else None, name == self.state,
                    address_of({**others, "state": name}),
                )
                for name in shown
            ),
        ]  # fmt: skip


def log_window(run: Run, given: Mapping[str, str]) -> Window[LogEntry]:
    found: QuerySet[LogEntry] = run.log.all()
    return window_of(found, "event", given, MOST_LINES, newest=not run.ended)


def follow(given: Mapping[str, str]) -> str:
    """Of the address of a page, what its stream needs in order to show the same."""
    names = ("state", "step", "find", "from", "until")
    return urlencode({name: given[name] for name in names if given.get(name)})


def address_of(given: Mapping[str, str]) -> str:
    return f"?{urlencode(given)}"


def clean(text: str) -> str:
    return text.strip()[:100].replace("\x00", "")
