"""The chart of tokens above the list of runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from flows.models.run_counts import hour_number, tokens_by_hour
from foundryflow.chart_scale import short_number, tick_of

HOURS = 24
TOP, BOTTOM, FOOT = 6, 90, 108  # px: of the field, and of the labels under it
SCALE = 52  # px at the right
WIDTHS = {"wide": 1010, "middle": 820, "narrow": 600, "small": 320}  # px; each is shown where it fits
LINES = 2  # of the grid above the axis
LABELLED = {"wide": 4, "middle": 4, "narrow": 4, "small": 6}  # hours from one label to the next


@dataclass(frozen=True)
class HourOfTokens:
    at: datetime
    prompt: int
    completion: int

    @property
    def title(self) -> str:
        return f"{self.at:%H:%M}: {self.prompt:,} in, {self.completion:,} out"


@dataclass(frozen=True)
class HourBars:
    """The tokens of one hour as two rectangles, completion above prompt, in the room that an hour has."""

    hour: HourOfTokens
    room: float
    width: float
    x: float
    y_in: float
    h_in: float
    y_out: float
    h_out: float


@dataclass(frozen=True)
class HourChart:
    """The chart in one width."""

    size: str
    width: int
    bars: list[HourBars]
    grid: list[tuple[float, str]]
    labels: list[tuple[float, str]]

    @property
    def field(self) -> int:
        return self.width - SCALE


def usage_chart() -> dict[str, Any]:
    """Tokens of runs that were started in this hour or the 23 before it, by the hour."""
    since = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    tokens = tokens_by_hour(since)
    hours = [
        HourOfTokens(
            timezone.localtime(since + timedelta(hours=number)), *tokens.get(hour_number(since) + number, (0, 0))
        )
        for number in range(HOURS)
    ]
    prompt, completion = sum(hour.prompt for hour in hours), sum(hour.completion for hour in hours)
    return {
        "hours": hours,
        "prompt": prompt,
        "completion": completion,
        "total": prompt + completion,
        "charts": [draw(hours, size) for size in WIDTHS],
        "height": FOOT,
        "sentence": sentence_of(hours),
    }


def draw(hours: Sequence[HourOfTokens], size: str) -> HourChart:
    width, tick = WIDTHS[size], max(1, tick_of(max(hour.prompt + hour.completion for hour in hours), LINES))
    room = (width - SCALE) / HOURS
    return HourChart(
        size,
        width,
        [bars_of(hour, at * room, room, (BOTTOM - TOP) / (tick * LINES)) for at, hour in enumerate(hours)],
        [(BOTTOM + 0.5 - line * (BOTTOM - TOP) / LINES, short_number(line * tick)) for line in range(LINES + 1)],
        [
            (round((at + 0.5) * room, 1), f"{hour.at:%H:%M}")
            for at, hour in enumerate(hours)
            if hour.at.hour % LABELLED[size] == 0 and 0 < at < HOURS - 1
        ],
    )


def bars_of(hour: HourOfTokens, x: float, room: float, scale: float) -> HourBars:
    """A gap of 1 px between the two."""
    h_in, h_out = (round(count * scale, 1) for count in (hour.prompt, hour.completion))
    width = round(room * 0.65, 1)
    y_in = round(BOTTOM - h_in, 1)
    y_out = round(y_in - h_out - (1 if h_in and h_out else 0), 1)
    return HourBars(hour, round(room, 1), width, round(x + (room - width) / 2, 1), y_in, h_in, y_out, h_out)


def sentence_of(hours: Sequence[HourOfTokens]) -> str:
    """What somebody hears who does not see the chart."""
    most = max(hours, key=lambda hour: hour.prompt + hour.completion)
    if not most.prompt + most.completion:
        return "Tokens by the hour: none in the last 24 hours."
    return f"Tokens by the hour: most at {most.at:%H:%M} with {most.prompt + most.completion:,}."
