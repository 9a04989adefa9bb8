"""The scale beside a chart: round numbers, in a few characters."""

from __future__ import annotations

import math

ROUND = (1, 2, 2.5, 5, 10)
UNITS = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


def tick_of(peak: float, lines: int) -> float:
    """What one line of the grid stands for: a round number, so that all of them reach above the peak."""
    wanted = (peak or 1) / lines
    size = 10.0 ** math.floor(math.log10(wanted))
    return next(number * size for number in ROUND if number * size >= wanted * 0.999999)


def short_number(number: float) -> str:
    """80 k, 2.5 M."""
    size, unit = next(((size, f" {unit}") for size, unit in UNITS if number >= size), (1, ""))
    return f"{number / size:g}{unit}"
