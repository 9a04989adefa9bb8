"""Usage as lines of a CSV file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from flows.models.usage_search import UsagePeriod, UsageSums
from foundryflow.spreadsheets import harmless

MOST_LINES = 100_000
COLUMNS = (
    "Time (UTC)", "Connection", "Customer", "Deployment", "Flow", "Error", "Calls", "Tokens in", "Of these cached",
    "Tokens out", "Of these reasoning", "Of all estimated", "429s", "Waited (s)", "Cost", "Currency",
)  # fmt: skip


def file_name(period: UsagePeriod) -> str:
    return f"usage-{period.begin:%Y-%m-%d}-to-{period.end - timedelta(days=1):%Y-%m-%d}.csv"


def lines_of(lines: Iterable[tuple[datetime, dict[str, str], str, UsageSums]]) -> Iterator[list[Any]]:
    for at, counted_by, currency, sums in lines:
        yield [
            f"{at:%Y-%m-%d %H:%M}",
            *(harmless(counted_by[name]) for name in ("connection", "customer", "deployment", "flow", "error")),
            sums.calls,
            sums.prompt_tokens,
            sums.cached_tokens,
            sums.completion_tokens,
            sums.reasoning_tokens,
            sums.estimated_tokens,
            sums.throttled,
            f"{sums.waited_ms / 1000:.1f}",
            f"{sums.costs[currency].normalize():f}" if currency else "",
            currency,
        ]
