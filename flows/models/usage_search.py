"""Answers what was used: sums of `usage.py` by time and by what calls are counted by, within filters.

A period is put together of the longest rows that fit into it, so that a year reads no more than a week.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User

from flows.models.flow import Flow, Room
from flows.models.raw_sql import fetch_all, placeholders
from flows.models.usage import (
    COST_DECIMALS,
    COUNTERS,
    FIGURES,
    HOUR,
    SERIES,
    SUMS,
    Span,
    first_of_month,
    hour_of,
    moment_of,
)

DAY = timedelta(days=1)
LONGEST = 366  # days of a period
DATE = r"(20[0-9][0-9])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
MOST_HOURS, MOST_DAYS = 7, 92  # days of a period that is shown by hours, or by days
PERIODS = {
    "today": "Today",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
    "month": "This month",
    "last-month": "Last month",
}
GROUPS = ("customer", "connection", "deployment", "flow")
MOST_CHOICES = 100  # of a filter
MOST_OF_MONTH = 20_000  # rows that the list of connections adds up
PRIVATE, DELETED = "Private sessions", "Deleted flows"
FAILED_SERIES = f"SELECT id FROM {SERIES} WHERE error <> ''"
ERRORS = f"SUM(CASE WHEN series_id IN ({FAILED_SERIES}) THEN calls ELSE 0 END)"


@dataclass(frozen=True)
class UsagePeriod:
    """Whole days by UTC, at least one. `end` is the first moment behind it."""

    name: str  # of PERIODS, or custom
    begin: datetime
    end: datetime
    now: datetime

    @classmethod
    def of(cls, given: Mapping[str, str], now: datetime) -> UsagePeriod:
        """What `period`, or `from` and `to`, ask for: this month when that cannot be understood."""
        today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        first, last = parse_date(given.get("from", "")), parse_date(given.get("to", ""))
        if first or last:
            last = last or max(first or today, today)
            first = max(first or last, last - (LONGEST - 1) * DAY)
            return cls("custom", min(first, last), last + DAY, now)
        match given.get("period"):
            case "today":
                return cls("today", today, today + DAY, now)
            case "7d":
                return cls("7d", today - 6 * DAY, today + DAY, now)
            case "30d":
                return cls("30d", today - 29 * DAY, today + DAY, now)
            case "last-month":
                return cls("last-month", first_of_month(today, -1), first_of_month(today), now)
        return cls("month", first_of_month(today), first_of_month(today, 1), now)

    @property
    def days(self) -> int:
        return (self.end - self.begin).days

    @property
    def is_month(self) -> bool:
        return self.begin == first_of_month(self.begin) and self.end == first_of_month(self.begin, 1)

    def step(self, name: str = "") -> Span:
        """How long the parts are in which it is shown: hours only of few days, months of many."""
        if self.days > MOST_DAYS:
            return Span.MONTH
        hourly = name == "hours" or (self.days == 1 and name != "days")
        return Span.HOUR if hourly and self.days <= MOST_HOURS else Span.DAY

    def parts(self, step: Span) -> Iterator[datetime]:
        """Where each part begins. That of a month may lie before the period."""
        at = first_of_month(self.begin) if step is Span.MONTH else self.begin
        while at < self.end:
            yield at
            at = first_of_month(at, 1) if step is Span.MONTH else at + (DAY if step is Span.DAY else timedelta(hours=1))

    def pieces(self, longest: Span = Span.MONTH) -> Iterator[tuple[Span, int, int]]:
        """The rows it is put together of: their span, and the hours between which they begin."""
        begin, end = hour_of(self.begin), hour_of(self.end)
        if longest is not Span.MONTH:
            yield longest, begin, end
            return
        if self.end > self.now:  # what is behind now has not been used yet: the month that runs is whole
            end = hour_of(first_of_month(self.end - HOUR, 1))
        first = first_of_month(self.begin) if self.begin.day == 1 else first_of_month(self.begin, 1)
        whole, behind = hour_of(first), hour_of(first_of_month(moment_of(end)))
        if whole >= behind:
            yield Span.DAY, begin, end
            return
        for span, one, two in ((Span.DAY, begin, whole), (Span.MONTH, whole, behind), (Span.DAY, behind, end)):
            if one < two:
                yield span, one, two


def parse_date(text: str) -> datetime | None:
    """None when that is no date of this century. A day that its month has not is its last one."""
    found = re.fullmatch(DATE, text)
    if found is None:
        return None
    year, month, day = map(int, found.groups())
    return datetime(year, month, min(day, monthrange(year, month)[1]), tzinfo=UTC)


@dataclass
class UsageSums:
    """Counts of calls; `costs` by currency."""

    calls: int = 0  # these nine in the order of COUNTERS
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    estimated_tokens: int = 0
    throttled: int = 0
    waited_ms: int = 0
    total_ms: int = 0
    errors: int = 0
    unpriced: int = 0  # calls that were answered and whose price nobody knows
    costs: dict[str, Decimal] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def add(self, other: UsageSums) -> None:
        self.calls += other.calls
        self.prompt_tokens += other.prompt_tokens
        self.cached_tokens += other.cached_tokens
        self.completion_tokens += other.completion_tokens
        self.reasoning_tokens += other.reasoning_tokens
        self.estimated_tokens += other.estimated_tokens
        self.throttled += other.throttled
        self.waited_ms += other.waited_ms
        self.total_ms += other.total_ms
        self.errors += other.errors
        self.unpriced += other.unpriced
        for currency, amount in other.costs.items():
            self.costs[currency] = self.costs.get(currency, Decimal(0)) + amount

    @classmethod
    def of(cls, counts: Any, error: str, currency: str) -> UsageSums:
        """Of calls that ended alike; `counts` in the order of COUNTERS."""
        made = cls(*counts[:-1])
        made.errors = made.calls if error else 0
        made.unpriced = 0 if error or currency else made.calls
        if currency:
            made.costs[currency] = Decimal(counts[-1]).scaleb(-COST_DECIMALS)
        return made


@dataclass
class UsageRow:
    """A line of the table. `value` is what the filter takes; None where there is nothing to filter by."""

    name: str
    value: str | None
    sums: UsageSums = field(default_factory=UsageSums)
    where: str = ""  # the room of a flow


@dataclass(frozen=True)
class GroupedUsage:
    """A row for each value of a group, their sum, and how often calls failed by kind of error."""

    rows: list[UsageRow]
    total: UsageSums
    errors: dict[str, int]


@dataclass(frozen=True)
class UsageFilters:
    """Empty: any."""

    connection: str = ""
    customer: str = ""
    deployment: str = ""
    flow: str = ""  # its slug

    @classmethod
    def of(cls, given: Mapping[str, str]) -> UsageFilters:
        return cls(**{name: given.get(name, "").replace("\x00", "")[:255] for name in GROUPS})


class UsageSearch:
    """The usage of a period within filters, as the person may see it.

    All calls count for everybody, as on a bill; but the names of flows that somebody may not see are not told. With
    `flow_ids`, only the calls of these flows count.
    """

    def __init__(
        self,
        user: User | None,
        period: UsagePeriod,
        filters: UsageFilters,
        flow_ids: Collection[int] | None = None,
    ) -> None:
        self.user, self.period, self.filters, self.flow_ids = user, period, filters, flow_ids
        self._series, self._values = self._series_condition()

    def _series_condition(self) -> tuple[str, list[Any]]:
        """SQL of the condition that the filters make, with its values."""
        by_column: dict[str, Any] = {
            name: getattr(self.filters, name) for name in GROUPS if getattr(self.filters, name)
        }
        if "flow" in by_column:
            flow = (
                Flow.objects.visible_to(self.user).filter(slug=by_column["flow"]).values_list("pk", flat=True).first()
            )
            by_column["flow"] = flow or 0
        conditions, values = [f"{name} = %s" for name in by_column], list(by_column.values())
        if self.flow_ids is not None:
            ids = list(self.flow_ids) or [0]  # of no flow
            conditions.append(f"flow IN {placeholders(ids)}")
            values += ids
        if not conditions:
            return "", []
        return f" AND series_id IN (SELECT id FROM {SERIES} WHERE {' AND '.join(conditions)})", values

    def group_by(self, group: str) -> GroupedUsage:
        counted: dict[tuple[Any, str, str], list[int]] = {}
        for span, begin, end in self.period.pieces():
            inside = (
                f"SELECT series_id, {', '.join(f'SUM({name}) AS {name}' for name in COUNTERS)} FROM {FIGURES}"
                f" WHERE span = %s AND begins >= %s AND begins < %s{self._series} GROUP BY series_id"
            )
            for *key, counts in fetch_counts(
                f"SELECT series.{group}, error, currency, {SUMS} FROM ({inside}) used"
                f" JOIN {SERIES} series ON series.id = series_id GROUP BY 1, 2, 3",
                [span, begin, end, *self._values],
            ):
                add_counts(counted, tuple(key), counts)
        found: dict[Any, UsageSums] = {}
        endings: dict[tuple[str, str], list[int]] = {}
        for (value, error, currency), counts in counted.items():
            found.setdefault(value, UsageSums()).add(UsageSums.of(counts, error, currency))
            add_counts(endings, (error, currency), counts)
        total, errors = UsageSums(), dict[str, int]()
        for (error, currency), counts in endings.items():
            total.add(UsageSums.of(counts, error, currency))
            if error:
                errors[error] = errors.get(error, 0) + counts[0]
        if group == "flow":
            return GroupedUsage(self._flow_rows(found), total, errors)
        return GroupedUsage([UsageRow(value, value or None, sums) for value, sums in found.items()], total, errors)

    def _flow_rows(self, found: Mapping[int, UsageSums]) -> list[UsageRow]:
        """Flows that are gone are one row, and so are those that the person may not see."""
        names = self._flows(found)
        known = set(Flow.objects.filter(pk__in=found.keys() - names.keys()).values_list("pk", flat=True))
        rows: dict[str | None, UsageRow] = {}
        for flow, sums in found.items():
            name, slug, room = names.get(flow, (PRIVATE if flow in known else DELETED, None, ""))
            row = rows.setdefault(slug or name, UsageRow(name, slug, where="" if room == Room.DESIGNER else room))
            row.sums.add(sums)
        return list(rows.values())

    def _flows(self, ids: Any) -> dict[int, tuple[str, str, str]]:
        """Name, slug and room of those of the flows that the person may see."""
        seen = Flow.objects.visible_to(self.user).filter(pk__in=list(ids)).order_by()
        return {pk: (name, slug, room) for pk, name, slug, room in seen.values_list("pk", "name", "slug", "room")}

    def parts(self, step: Span) -> list[tuple[datetime, UsageSums]]:
        """The sums of each part of the period, also of those without calls."""
        found = {at: UsageSums() for at in self.period.parts(step)}
        currencies = [name for (name,) in fetch_all(f"SELECT DISTINCT currency FROM {SERIES} WHERE currency <> ''")]
        for span, begin, end in self.period.pieces(step):
            for begins, errors, counts in fetch_counts(
                f"SELECT begins, {ERRORS}, {SUMS} FROM {FIGURES}"
                f" WHERE span = %s AND begins >= %s AND begins < %s{self._series} GROUP BY begins",
                [span, begin, end, *self._values],
            ):
                at = moment_of(begins)
                sums = UsageSums.of(counts, "", currencies[0] if len(currencies) == 1 else "")
                sums.errors, sums.unpriced = int(errors), 0
                found[first_of_month(at) if step is Span.MONTH else at].add(sums)
        if len(currencies) > 1:
            self._add_costs(found, step)
        return list(found.items())

    def _add_costs(self, found: dict[datetime, UsageSums], step: Span) -> None:
        for span, begin, end in self.period.pieces(step):
            for begins, currency, cost in fetch_all(
                f"SELECT begins, currency, SUM(cost) FROM {FIGURES} JOIN {SERIES} series ON series.id = series_id"
                f" WHERE currency <> '' AND span = %s AND begins >= %s AND begins < %s{self._series} GROUP BY 1, 2",
                [span, begin, end, *self._values],
            ):
                at = moment_of(begins)
                costs = UsageSums(costs={currency: Decimal(int(cost)).scaleb(-COST_DECIMALS)})
                found[first_of_month(at) if step is Span.MONTH else at].add(costs)

    def lines(self, step: Span, most: int) -> list[tuple[datetime, dict[str, str], str, UsageSums]]:
        """Everything there is, by time: when, by what it is counted (flows by name), currency and sums; at most so
        many of them, and one more to tell that there are more."""
        span = min(step, Span.DAY)
        rows = fetch_counts(
            f"SELECT begins, connection, customer, deployment, series.flow, error, currency, {SUMS} FROM {FIGURES}"
            f" JOIN {SERIES} series ON series.id = series_id"
            f" WHERE span = %s AND begins >= %s AND begins < %s{self._series}"
            f" GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7 LIMIT %s",
            [span, hour_of(self.period.begin), hour_of(self.period.end), *self._values, most + 1],
        )
        found = list(rows)
        names = self._flows({row[4] for row in found})
        return [
            (
                moment_of(begins),
                {
                    "connection": connection,
                    "customer": customer,
                    "deployment": deployment,
                    "flow": names[flow][0] if flow in names else "",
                    "error": error,
                },
                currency,
                UsageSums.of(counts, error, currency),
            )
            for begins, connection, customer, deployment, flow, error, currency, counts in found
        ]


def calls_of_month(at: datetime) -> list[tuple[str, str, str, int, int]]:
    """Of the month of that moment, the most calls first: connection, deployment, error, calls and tokens."""
    rows = fetch_all(
        f"SELECT connection, deployment, error, SUM(calls), SUM(prompt_tokens + completion_tokens) FROM {FIGURES}"
        f" JOIN {SERIES} series ON series.id = series_id"
        " WHERE span = %s AND begins = %s GROUP BY 1, 2, 3 ORDER BY 4 DESC LIMIT %s",
        [Span.MONTH, hour_of(first_of_month(at.astimezone(UTC))), MOST_OF_MONTH],
    )
    return [
        (connection, deployment, error, int(calls), int(tokens))
        for connection, deployment, error, calls, tokens in rows
    ]


def fetch_counts(statement: str, values: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Rows whose last columns are COUNTERS, these as one list of whole numbers at the end of each."""
    for row in fetch_all(statement, values):
        yield *row[: -len(COUNTERS)], list(map(int, row[-len(COUNTERS) :]))


def add_counts(counted: dict[Any, list[int]], key: Any, counts: list[int]) -> None:
    before = counted.get(key)
    counted[key] = counts if before is None else [a + b for a, b in zip(before, counts, strict=True)]


def filter_choices(user: User | None, name: str) -> list[tuple[str, str]]:
    """Values that a filter may take, with what they are called; at most MOST_CHOICES."""
    if name == "flow":
        used = [flow for (flow,) in fetch_all(f"SELECT DISTINCT flow FROM {SERIES}")]
        flows = Flow.objects.visible_to(user).filter(pk__in=used[:10_000]).order_by("name")
        return list(flows.values_list("slug", "name")[:MOST_CHOICES])
    found = fetch_all(
        f"SELECT DISTINCT {name} FROM {SERIES} WHERE {name} <> '' ORDER BY {name} LIMIT %s", [MOST_CHOICES]
    )
    return [(value, value) for (value,) in found]


def by_cost(row: UsageRow) -> tuple[bool, Decimal, int, str]:
    """A key to sort rows: the dearest first, those without a name last."""
    return not row.value, -sum(row.sums.costs.values(), Decimal(0)), -row.sums.tokens, row.name
