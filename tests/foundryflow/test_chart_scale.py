"""Grid lines of charts stand at round numbers, and all of them reach above the peak."""

from __future__ import annotations

import pytest

from foundryflow.chart_scale import short_number, tick_of


@pytest.mark.parametrize(
    ("peak", "tick"),
    [
        (0, 0.25),
        (4, 1),
        (5, 2),
        (9, 2.5),
        (17, 5),
        (40, 10),
        (41, 20),
        (41_000, 20_000),
        (8_000_000, 2_000_000),
        (0.03, 0.01),
    ],
)
def test_a_line_stands_for_a_round_number(peak, tick):
    assert tick_of(peak, 4) == pytest.approx(tick)
    assert tick * 4 >= peak


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (0.5, "0.5"), (999, "999"), (1_000, "1 k"), (80_000, "80 k"), (2_500_000, "2.5 M"), (3e9, "3 G")],
)
def test_a_number_is_short(number, text):
    assert short_number(number) == text
