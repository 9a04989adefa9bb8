"""The chart of tokens above the list of runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from flows.models.run_counts import hour_number, tokens_by_hour

HOURS = 24
HEIGHT, TALLEST, BAR_STEP = 80, 76, 30  # px


@dataclass(frozen=True)
class HourBars:
    """The tokens of one hour as two rectangles, completion above prompt."""

    at: datetime
    prompt: int
    completion: int
    x: int
    y_in: float
    h_in: float
    y_out: float
    h_out: float


def usage_chart() -> dict[str, Any]:
    """Tokens of runs that were started in this hour or the 23 before it, as rectangles in a field of 720 x 80."""
    since = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    tokens = tokens_by_hour(since)
    rows = [tokens.get(hour_number(since) + number, (0, 0)) for number in range(HOURS)]
    most = max([prompt + completion for prompt, completion in rows] + [1])
    hours = []
    for number, (prompt, completion) in enumerate(rows):
        h_in, h_out = (round(count / most * TALLEST, 1) for count in (prompt, completion))
        at, x = since + timedelta(hours=number), number * BAR_STEP + 2
        hours.append(HourBars(at, prompt, completion, x, HEIGHT - h_in, h_in, HEIGHT - h_in - h_out, h_out))
    in_all, out_all = (sum(counts) for counts in zip(*rows, strict=True))
    return {"hours": hours, "prompt": in_all, "completion": out_all, "total": in_all + out_all}
