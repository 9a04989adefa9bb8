"""The page of usage, as its address says: period, filters, what the table groups by, what the chart shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import reverse

from flows.models.usage import Span
from flows.models.usage_search import (
    GROUPS,
    MOST_CHOICES,
    MOST_HOURS,
    PERIODS,
    GroupedUsage,
    UsageFilters,
    UsagePeriod,
    UsageRow,
    UsageSearch,
    UsageSums,
    by_cost,
    filter_choices,
)
from flows.usage.budgets import BudgetUse, uses_within, worst_uses
from flows.usage.chart import UsageChart, measure_of
from flows.usage.figures import UsageFigures
from flows.usage.words import costs_words, part_words, period_words
from foundryflow.filter_menus import Address, FilterChoice, FilterMenu

MEASURES = {"tokens": "Tokens", "calls": "Calls", "cost": "Cost"}
STEPS = {"hours": Span.HOUR, "days": Span.DAY}
STATE = ("period", "from", "to", *GROUPS, "group", "measure", "step", "view")  # names in the address
MOST_ROWS = 200  # of the table; the rest is one row
NOBODY = {"customer": "No customer", "connection": "No connection", "deployment": "No deployment", "flow": ""}


@dataclass(frozen=True)
class TableRow:
    """A line of the table, with where its name and its errors lead."""

    name: str
    sums: UsageSums
    link: str = ""
    errors_link: str = ""
    where: str = ""
    budget: BudgetUse | None = None  # the one that is spent most

    @property
    def cost(self) -> str:
        return costs_words(self.sums.costs)


class UsagePage:
    def __init__(self, user: User, params: Mapping[str, str], now: datetime) -> None:
        self.user, self.params, self.now = user, params, now
        self.address = Address(params, STATE)
        self.period, self.filters = UsagePeriod.of(params, now), UsageFilters.of(params)
        self.search = UsageSearch(user, self.period, self.filters)
        self.group = params.get("group") if params.get("group") in GROUPS else "customer"
        self.step = self.period.step(params.get("step", ""))
        self.measure = params["measure"] if params.get("measure") in MEASURES else "tokens"
        self.is_table = params.get("view") == "table"

    def query(self, **changes: str | None) -> str:
        """The address of this page with other values; without those that are None."""
        return self.address.query(**changes)

    @property
    def as_chart(self) -> str:
        return self.query(view=None)

    @property
    def as_table(self) -> str:
        return self.query(view="table")

    # Filters

    @property
    def period_label(self) -> str:
        if self.period.is_month:
            return f"{self.period.begin:%B %Y}"
        return PERIODS.get(self.period.name) or self.period_sentence

    @property
    def period_sentence(self) -> str:
        return period_words(self.period, self.now)

    @property
    def periods(self) -> list[FilterChoice]:
        at = {"from": None, "to": None}
        return [
            FilterChoice(label, self.query(**at, period=name), self.period.name == name)
            for name, label in PERIODS.items()
        ]

    @property
    def last_day(self) -> datetime:
        return self.period.end - timedelta(days=1)

    @cached_property
    def menus(self) -> list[FilterMenu]:
        return [self.menu(name) for name in ("connection", "customer", "deployment", "flow")]

    def menu(self, name: str) -> FilterMenu:
        value = getattr(self.filters, name)
        found = filter_choices(self.user, name)
        choices = [FilterChoice(label, self.query(**{name: each}), each == value) for each, label in found]
        label = dict(found).get(value, value)
        asks_for = name if len(found) >= MOST_CHOICES else ""
        return FilterMenu(
            name.capitalize(), label, choices, self.query(**{name: None}), self.address.kept(name), asks_for
        )

    @property
    def period_menu(self) -> FilterMenu:
        days = f"{self.period.begin:%Y-%m-%d}", f"{self.last_day:%Y-%m-%d}"
        kept = self.address.kept("period", "from", "to")
        return FilterMenu(self.period_label, "", self.periods, "", kept, days=days, icon="calendar")

    @property
    def set_filters(self) -> int:
        return sum(bool(menu.label) for menu in self.menus)

    @property
    def without_filters(self) -> str:
        return self.query(**dict.fromkeys(GROUPS))

    # Figures and chart

    @cached_property
    def usage(self) -> GroupedUsage:
        return self.search.group_by(str(self.group))

    @property
    def figures(self) -> UsageFigures:
        return UsageFigures(self.usage, self.period, self.now)

    @cached_property
    def chart(self) -> UsageChart:
        costs = self.usage.total.costs
        currency = max(costs, key=lambda name: costs[name], default="USD")
        parts = self.search.parts(self.step)
        return UsageChart(parts, self.step, measure_of(self.measure, currency), currency, self.now)

    @property
    def measures(self) -> list[FilterChoice]:
        return [FilterChoice(label, self.query(measure=name), name == self.measure) for name, label in MEASURES.items()]

    @property
    def steps(self) -> list[FilterChoice]:
        """Hours have a link where the period is short enough for them."""
        if self.step is Span.MONTH:
            return []
        return [
            FilterChoice(
                name.capitalize(),
                self.query(step=name) if span is Span.DAY or self.period.days <= MOST_HOURS else "",
                span is self.step,
            )
            for name, span in STEPS.items()
        ]

    @property
    def part_rows(self) -> list[TableRow]:
        """What the chart shows as a table, without the parts that had no calls."""
        return [TableRow(part_words(at, self.step), sums) for at, sums in self.chart.parts if sums.calls]

    # Budgets

    @cached_property
    def budgets(self) -> list[BudgetUse]:
        """Those that fit the filters; only beside figures of the time in which they run."""
        return uses_within(self.filters, self.now) if self.period.begin <= self.now < self.period.end else []

    @property
    def budgets_link(self) -> str:
        """The page of budgets, on which one for whoever is filtered by can be added."""
        named = {name: getattr(self.filters, name) for name in ("customer", "connection")}
        query = urlencode({name: value for name, value in named.items() if value})
        return f"{reverse('usage:budgets')}{'?' if query else ''}{query}"

    @cached_property
    def row_budgets(self) -> dict[str, BudgetUse] | None:
        """By name; None where the table has no column for them."""
        return worst_uses(str(self.group), [row.value or "" for row in self.rows_by_cost[:MOST_ROWS]], self.now)

    # Table

    @property
    def groups(self) -> list[FilterChoice]:
        return [FilterChoice(name.capitalize(), self.query(group=name), name == self.group) for name in GROUPS]

    @cached_property
    def rows_by_cost(self) -> list[UsageRow]:
        """The dearest first, those without a name last."""
        return sorted(self.usage.rows, key=by_cost)

    @cached_property
    def rows(self) -> list[TableRow]:
        """More than MOST_ROWS are one row."""
        rows_by_cost = self.rows_by_cost
        rows = [self.table_row(row) for row in rows_by_cost[:MOST_ROWS]]
        if len(rows_by_cost) > MOST_ROWS:
            others = UsageSums()
            for row in rows_by_cost[MOST_ROWS:]:
                others.add(row.sums)
            rows.append(TableRow(f"{len(rows_by_cost) - MOST_ROWS:,} others", others))
        return rows

    @property
    def foot(self) -> TableRow:
        rows = len(self.usage.rows)
        return TableRow(f"{rows:,} row{'s' if rows != 1 else ''}", self.usage.total)

    def table_row(self, row: UsageRow) -> TableRow:
        link = self.query(**{str(self.group): row.value}) if row.value else ""
        budget = (self.row_budgets or {}).get(row.value or "")
        name = row.name or NOBODY[str(self.group)]
        return TableRow(name, row.sums, link, self.errors_link(row.value), row.where, budget)

    def errors_link(self, value: str | None) -> str:
        """Failed runs, as near as the list of runs can name them, those of sessions and batches among them."""
        filters = {"customer": self.filters.customer, "flow": self.filters.flow}
        if self.group in filters and value:
            filters[str(self.group)] = value
        query = urlencode(
            {"state": "failed", "via": "all", **{name: chosen for name, chosen in filters.items() if chosen}}
        )
        return f"{reverse('runs:list')}?{query}"
