"""What calls of models have used, by hour, day and month: kept by the transaction that records the end of each.

All by UTC. Rows stay when their flow or its runs are deleted: what was spent was spent.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from django.db import connection, models, transaction

from flows.models.flow import Flow
from flows.models.raw_sql import fetch_all, table

HOUR = timedelta(hours=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COST_DECIMALS = 10  # exact: prices have four for a million tokens
COUNTERS = (
    "calls", "prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "estimated_tokens",
    "throttled", "waited_ms", "total_ms", "cost",
)  # fmt: skip
MOST_KNOWN = 50_000  # series that a process remembers
MOST_ROWS = 2_000  # of one statement


class Span(models.IntegerChoices):
    """How long a row of figures is."""

    HOUR = 1
    DAY = 2
    MONTH = 3


class SeriesKey(NamedTuple):
    """What calls are counted by. A flow may be gone; a text that is empty is unknown."""

    flow: int
    connection: str  # its name, or the host of one that was made at run time
    customer: str
    deployment: str
    error: str  # the kind of it; empty for calls that were answered
    currency: str  # of the cost; empty where no price is known

    @property
    def number(self) -> int:
        """The same in every process, so that nobody has to look it up."""
        return number_of(self)


@lru_cache(MOST_KNOWN)
def number_of(key: SeriesKey) -> int:
    digest = blake2b(json.dumps(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


class UsageSeries(models.Model):
    """A SeriesKey under its number."""

    id = models.BigIntegerField(primary_key=True)
    flow = models.BigIntegerField()
    connection = models.CharField(max_length=255, blank=True)
    customer = models.CharField(max_length=200, blank=True)
    deployment = models.CharField(max_length=200, blank=True)
    error = models.CharField(max_length=40, blank=True)
    currency = models.CharField(max_length=3, blank=True)

    def __str__(self) -> str:
        return f"{self.customer or 'no customer'}, {self.deployment} at {self.connection}"


class UsageFigures(models.Model):
    """What the calls of one series have used within one span of time.

    Several rows add up: on PostgreSQL each connection counts in its own, so that none waits for another.
    """

    span = models.PositiveSmallIntegerField(choices=Span)
    begins = models.IntegerField()  # hours since 1970
    series = models.ForeignKey(UsageSeries, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    slot = models.IntegerField()  # process of the connection that counted; 0 on SQLite
    calls = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()  # of those
    completion_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()  # of those
    estimated_tokens = models.BigIntegerField(default=0, db_default=0)  # of both kinds: no service counted them
    throttled = models.BigIntegerField()  # answers of status 429
    waited_ms = models.BigIntegerField()  # for limits, and until another try
    total_ms = models.BigIntegerField()
    cost = models.BigIntegerField()  # with COST_DECIMALS

    class Meta:
        indexes = [models.Index(fields=["series", "span", "begins"], name="usage_of_series")]
        constraints = [models.UniqueConstraint(fields=["span", "begins", "series", "slot"], name="one_usage_a_span")]

    def __str__(self) -> str:
        return f"{self.calls} calls of series {self.series_id}"


Usage = dict[tuple[SeriesKey, int], list[int]]  # by series and hour since 1970, in the order of COUNTERS
SERIES, FIGURES = table(UsageSeries), table(UsageFigures)
OF_FLOWS = f"SELECT known.id FROM {SERIES} known JOIN {table(Flow)} flow ON flow.id = known.flow"
COLUMNS = ", ".join(("span", "begins", "series_id", "slot", *COUNTERS))
ADDED_UP = ", ".join(f"{name} = {FIGURES}.{name} + excluded.{name}" for name in COUNTERS)
SUMS = ", ".join(f"SUM({name})" for name in COUNTERS)
known_series: set[int] = set()  # that are stored for certain


def forget_series(**_: Any) -> None:
    """After every migrate and flush."""
    known_series.clear()


def hour_of(at: datetime) -> int:
    """Hours since 1970."""
    return (at - EPOCH) // HOUR


def moment_of(hour: int) -> datetime:
    return EPOCH + hour * HOUR


def first_of_month(at: datetime, months: int = 0) -> datetime:
    """The beginning of the month of that moment, or of one so many months later."""
    number = at.year * 12 + at.month - 1 + months
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def beginnings(hour: int) -> dict[Span, int]:
    """Where the row of each span begins in which this hour counts."""
    month = first_of_month(moment_of(hour))
    return {Span.HOUR: hour, Span.DAY: hour - hour % 24, Span.MONTH: hour_of(month)}


def add_usage(usage: Usage, spans: Iterable[Span] = Span) -> None:
    """In the transaction that is open."""
    store_series({key for key, _ in usage})
    rows: dict[tuple[int, int, int], list[int]] = defaultdict(lambda: [0] * len(COUNTERS))
    for (key, hour), counts in usage.items():
        series = key.number
        begins = beginnings(hour)
        for span in spans:
            row = rows[int(span), begins[span], series]
            rows[int(span), begins[span], series] = [before + more for before, more in zip(row, counts, strict=True)]
    slot = "pg_backend_pid()" if connection.vendor == "postgresql" else "0"
    values = f"(%s, %s, %s, {slot}, {', '.join(['%s'] * len(COUNTERS))})"
    ordered = sorted(rows.items())
    with connection.cursor() as cursor:
        for some in (ordered[at : at + MOST_ROWS] for at in range(0, len(ordered), MOST_ROWS)):
            cursor.execute(
                f"INSERT INTO {FIGURES} ({COLUMNS}) VALUES {', '.join([values] * len(some))}"
                f" ON CONFLICT (span, begins, series_id, slot) DO UPDATE SET {ADDED_UP}",
                [value for key, counts in some for value in (*key, *counts)],
            )


def store_series(keys: Iterable[SeriesKey]) -> None:
    """Those that this process has not seen stored yet."""
    fresh = {key.number: key for key in keys if key.number not in known_series}
    if not fresh:
        return
    UsageSeries.objects.bulk_create(
        [UsageSeries(id=number, **key._asdict()) for number, key in sorted(fresh.items())], ignore_conflicts=True
    )
    if len(known_series) > MOST_KNOWN:
        known_series.clear()
    transaction.on_commit(lambda: known_series.update(fresh))


# Counting anew


def delete_hours(since: int) -> None:
    """Those from `since` on, but not of flows that are gone. Whoever records the end of a call waits from now on."""
    if connection.vendor == "postgresql":
        execute(f"LOCK TABLE {FIGURES} IN SHARE ROW EXCLUSIVE MODE")
    execute(f"DELETE FROM {FIGURES} WHERE span = %s AND begins >= %s AND series_id IN ({OF_FLOWS})", [Span.HOUR, since])


def sum_hours() -> None:
    """Counts days and months anew from the hours."""
    execute(f"DELETE FROM {FIGURES} WHERE span <> %s", [Span.HOUR])
    ((first, last),) = fetch_all(f"SELECT MIN(begins), MAX(begins) FROM {FIGURES}")
    if first is None:
        return
    sum_up = f"INSERT INTO {FIGURES} ({COLUMNS}) SELECT %s, {{begins}}, series_id, 0, {SUMS} FROM {FIGURES}"
    execute(f"{sum_up.format(begins='begins - MOD(begins, 24)')} WHERE span = %s GROUP BY 2, 3", [Span.DAY, Span.HOUR])
    month, end = first_of_month(moment_of(first)), moment_of(last)
    while month <= end:
        begins, following = hour_of(month), hour_of(first_of_month(month, 1))
        inside = f"{sum_up.format(begins='%s')} WHERE span = %s AND begins >= %s AND begins < %s GROUP BY series_id"
        execute(inside, [Span.MONTH, begins, Span.DAY, begins, following])
        month = first_of_month(month, 1)


def kept_hours(since: int) -> Usage:
    """What is kept of the hours from `since` on, without flows that are gone and without what came to nothing."""
    rows = fetch_all(
        f"SELECT series.flow, connection, customer, deployment, error, currency, begins, {SUMS} FROM {FIGURES}"
        f" JOIN {SERIES} series ON series.id = series_id"
        f" WHERE span = %s AND begins >= %s AND series_id IN ({OF_FLOWS}) GROUP BY 1, 2, 3, 4, 5, 6, 7",
        [Span.HOUR, since],
    )
    return {(SeriesKey(*row[:6]), row[6]): list(map(int, row[7:])) for row in rows if any(row[7:])}


def execute(statement: str, values: Sequence[Any] = ()) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
