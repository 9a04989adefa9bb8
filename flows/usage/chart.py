"""The chart of usage: bars as rectangles, worked out here so that the page needs neither script nor style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from flows.models.usage import Span
from flows.models.usage_search import UsageSums
from flows.usage.words import amount_words, part_words
from foundryflow.chart_scale import short_number, tick_of

TOP, BOTTOM, FOOT = 6, 122, 142  # px: of the field, and of the labels under it
SCALE = 56  # px at the right
WIDTHS = {"wide": 1334, "middle": 940, "narrow": 600, "small": 336}  # px; each is shown where it fits
LINES = 4
STEP_WORDS = {Span.HOUR: "an hour", Span.DAY: "a day", Span.MONTH: "a month"}
Parts = Sequence[tuple[datetime, UsageSums]]


@dataclass(frozen=True)
class Measure:
    """What the bars stand for: segments from below, each with its words and its style."""

    title: str
    segments: tuple[tuple[str, str, Callable[[UsageSums], float]], ...]
    words: Callable[[float, str], str]


def count_words(number: float, currency: str) -> str:
    return f"{number:,.0f}"


def cost_words(number: float, currency: str) -> str:
    return amount_words(Decimal(str(round(number, 10))), currency)


def cost_in(currency: str) -> Callable[[UsageSums], float]:
    return lambda sums: float(sums.costs.get(currency, 0))


def measure_of(name: str, currency: str) -> Measure:
    if name == "calls":
        answered = ("Answered", "in", lambda sums: sums.calls - sums.errors)
        return Measure("Calls", (answered, ("Errors", "bad", lambda sums: sums.errors)), count_words)
    if name == "cost":
        return Measure("Cost", (("Cost", "out", cost_in(currency)),), cost_words)
    return Measure(
        "Tokens",
        (
            ("In", "in", lambda sums: sums.prompt_tokens - min(sums.cached_tokens, sums.prompt_tokens)),
            ("In, cached", "cached", lambda sums: min(sums.cached_tokens, sums.prompt_tokens)),
            ("Out", "out", lambda sums: sums.completion_tokens),
        ),
        count_words,
    )


@dataclass(frozen=True)
class Rectangle:
    style: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Label:
    x: float
    text: str


@dataclass(frozen=True)
class UsageBar:
    title: str
    x: float  # of the room it has
    width: float
    rectangles: list[Rectangle]


@dataclass(frozen=True)
class Drawing:
    """The chart in one width."""

    size: str
    width: int
    bars: list[UsageBar]
    labels: list[Label]

    @property
    def field(self) -> int:
        """Where the bars end."""
        return self.width - SCALE

    @property
    def scale(self) -> int:
        """Where the words of the scale begin."""
        return self.field + 10


@dataclass(frozen=True)
class UsageChart:
    """Bars of the parts of a period."""

    parts: Parts
    step: Span
    measure: Measure
    currency: str
    now: datetime
    height: int = FOOT

    @property
    def title(self) -> str:
        return f"{self.measure.title} {STEP_WORDS[self.step]}"

    @property
    def legend(self) -> list[tuple[str, str]]:
        return [(words, style) for words, style, _ in self.measure.segments]

    @property
    def peak(self) -> float:
        return max((self.height_of(sums) for _, sums in self.parts), default=0)

    def height_of(self, sums: UsageSums) -> float:
        return sum(count(sums) for _, _, count in self.measure.segments)

    @property
    def tick(self) -> float:
        """What one line of the grid stands for; of what is counted at least one."""
        tick = tick_of(self.peak, LINES)
        return tick if self.measure.title == "Cost" else max(1, tick)

    @property
    def grid(self) -> list[tuple[float, str]]:
        """Where the lines are, from below, with what is written at them."""
        space = (BOTTOM - TOP) / LINES
        return [(BOTTOM + 0.5 - line * space, self.scale_words(line * self.tick)) for line in range(LINES + 1)]

    def scale_words(self, value: float) -> str:
        if self.measure.title == "Cost":
            return "0" if not value else cost_words(value, self.currency)
        return short_number(value)

    @property
    def sentence(self) -> str:
        """What somebody hears who does not see it."""
        busy = [(at, self.height_of(sums)) for at, sums in self.parts if self.height_of(sums)]
        if not busy:
            return f"{self.title}: none."
        at, most = max(busy, key=lambda part: part[1])
        quiet = sum(1 for at, sums in self.parts if at <= self.now and not self.height_of(sums))
        words = f"{self.title}: most on {part_words(at, self.step)} with {self.measure.words(most, self.currency)}"
        return f"{words}; none in {quiet} of {len(self.parts)}." if quiet else f"{words}."

    @property
    def drawings(self) -> list[Drawing]:
        return [self.draw(size, width) for size, width in WIDTHS.items()]

    def draw(self, size: str, width: int) -> Drawing:
        room = (width - SCALE) / max(1, len(self.parts))
        bars = [self.bar(at, sums, number * room, room) for number, (at, sums) in enumerate(self.parts)]
        return Drawing(size, width, bars, list(self.labels(room, width - SCALE)))

    def bar(self, at: datetime, sums: UsageSums, x: float, room: float) -> UsageBar:
        width, scale, top = max(1.0, room * 0.6), (BOTTOM - TOP) / (self.tick * LINES), float(BOTTOM)
        rectangles, said, left = [], [], round(x + (room - width) / 2, 1)
        for words, style, count in self.measure.segments:
            value = count(sums)
            height = value * scale
            said.append(f"{words} {self.measure.words(value, self.currency)}")
            if height > 0:
                shown = max(0.5, height - 1)  # segments are 1 px apart
                place = round(top - shown, 1)
                rectangles.append(Rectangle(style, left, place, round(width, 1), round(shown, 1)))
            top -= height
        return UsageBar(f"{part_words(at, self.step)}: {', '.join(said)}", round(x, 1), round(room, 1), rectangles)

    def labels(self, room: float, width: float) -> list[Label]:
        """Each Monday, each third hour or each midnight, or each month, as long as there is room between them."""
        found, free = [], -100.0
        for number, (at, _) in enumerate(self.parts):
            text = self.label_of(at)
            x = min(max((number + 0.5) * room, 24), width - 24)
            if text and x - free >= 60:
                found.append(Label(round(x, 1), text))
                free = x
        return found

    def label_of(self, at: datetime) -> str:
        if self.step is Span.MONTH:
            return f"{at:%b}"
        if self.step is Span.HOUR:
            if at.hour == 0:
                return f"{at:%a} {at.day}"
            return f"{at:%H}:00" if at.hour % 3 == 0 and len(self.parts) <= 48 else ""
        if at <= self.now < at + timedelta(days=1):
            return f"{at:%a} {at.day}, so far"
        return f"{at:%a} {at.day}" if at.weekday() == 0 or len(self.parts) <= 10 else ""
