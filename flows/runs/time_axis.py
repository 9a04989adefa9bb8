"""When the steps of a run went: bars on one axis, and how long something that still goes has gone.

Of a run that goes the page moves both by itself (static/js/runs/clock.js), with the same rules as here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

SHORTEST_BAR = 0.7  # % of the axis
SHORTEST_AXIS = 0.001  # seconds
MOST_PARTS = 4  # of the axis, between its marks
MOST_MARKS = 8  # where no step is long enough
NEAR_END = 92  # %: a mark behind it ends there
STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30,
         60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400)  # fmt: skip


@dataclass(frozen=True, slots=True)
class TimeSpan:
    """From `began` to `ended`, milliseconds since the run began; None: it goes on."""

    began: int
    ended: int | None

    @property
    def attribute(self) -> str:
        """As the page is told."""
        return f"{self.began} {'' if self.ended is None else self.ended}".strip()


@dataclass(frozen=True, slots=True)
class TimeBar:
    """In % of the axis."""

    span: TimeSpan
    x: str
    width: str
    kind: str


class TimeAxis:
    """From the start of a run to its end, or to now."""

    def __init__(self, start: datetime, end: datetime | None) -> None:
        self.start, self.now = start, end or timezone.now()
        self.seconds = max((self.now - start).total_seconds(), SHORTEST_AXIS)

    def span(self, began: datetime, ended: datetime | None) -> TimeSpan:
        return TimeSpan(self._since_start(began), None if ended is None else self._since_start(ended))

    def bar(self, span: TimeSpan, kind: str) -> TimeBar:
        whole = self.seconds * 1_000
        x = max(0.0, min(span.began / whole, 1.0)) * 100
        ended = whole if span.ended is None else span.ended
        width = max(SHORTEST_BAR, min((ended - span.began) / whole * 100, 100 - x))
        return TimeBar(span, percent(min(x, 100 - SHORTEST_BAR)), percent(width), kind)

    @property
    def marks(self) -> Sequence[tuple[str, str, str]]:
        """Where they stand, what they say, and which of their ends is there (as text-anchor says it)."""
        step = next((step for step in STEPS if self.seconds / step <= MOST_PARTS), STEPS[-1])
        count = int(self.seconds / step)
        marks = []
        for at in range(min(count, MOST_MARKS) + 1):
            x = at * step / self.seconds * 100
            anchor = "start" if at == 0 else "end" if x > NEAR_END else "middle"
            marks.append((percent(x), mark_words(at * step, is_unit=at in (0, count)), anchor))
        return marks

    def _since_start(self, moment: datetime) -> int:
        return round((moment - self.start).total_seconds() * 1_000)


def percent(number: float) -> str:
    return f"{number:.2f}%"


def mark_words(seconds: float, *, is_unit: bool) -> str:
    """ "0 s", "5", "10 s"; "1:30" above a minute."""
    if seconds >= 60:
        return minutes_words(int(seconds))
    return f"{seconds:g} s" if is_unit else f"{seconds:g}"


def elapsed_words(milliseconds: float) -> str:
    """How long something has gone that still goes: "12 s", "1:32"."""
    seconds = max(0, int(milliseconds // 1_000))
    return f"{seconds} s" if seconds < 60 else minutes_words(seconds)


def minutes_words(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


def milliseconds_since_epoch(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1_000)
