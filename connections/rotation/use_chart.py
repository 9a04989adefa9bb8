"""The chart of how often each of the two keys is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from connections.models import KeyUse
from connections.rotation.steps import Rotation


@dataclass(frozen=True)
class UseBar:
    """Calls of one minute with one key, in the coordinates of the chart."""

    x: int
    y: float
    height: float
    slot: int


@dataclass(frozen=True)
class UseChart:
    """Calls a minute of the last half hour; the keys stand on top of each other."""

    bars: list[UseBar]
    labels: list[tuple[int, datetime]]
    most: int
    peak: str


MINUTES, STEP, WIDTH, HEIGHT = 30, 28, 18, 72  # of the chart: minutes, pixels


def use_chart(rotation: Rotation) -> UseChart | None:
    """None without a call in that time."""
    first = rotation.now.replace(second=0, microsecond=0) - timedelta(minutes=MINUTES - 1)
    uses: dict[datetime, dict[int, int]] = {}
    found = KeyUse.objects.filter(slot__connection=rotation.connection, minute__gte=first).select_related("slot")
    for use in found:
        uses.setdefault(use.minute, {})[use.slot.number] = use.calls
    if not uses:
        return None
    most = max(sum(calls.values()) for calls in uses.values())
    bars, labels = [], []
    for place in range(MINUTES):
        minute, top = first + timedelta(minutes=place), float(HEIGHT)
        for number, calls in sorted(uses.get(minute, {}).items()):
            height = round(HEIGHT * calls / most, 1)
            top -= height
            bars.append(UseBar(place * STEP, round(top, 1), height, number))
        if place % 5 == 0:
            labels.append((place * STEP, minute))
    at = max(uses, key=lambda minute: sum(uses[minute].values()))
    return UseChart(bars, labels, most, f"at most {most} calls a minute, at {timezone.localtime(at):%H:%M}")
