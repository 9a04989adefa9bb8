"""Budgets as pages show them: how much is spent, when the rest will be, and what happens then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.urls import reverse

from connections.limits.budgets import DAY, WARN_AT, period_at
from connections.models import Connection
from flows.engine.budgets import (
    amount_words,
    budgets_by_subject,
    holding_budgets,
    percent_used,
    recorded_uses,
    subject_words,
    used_words,
)
from flows.models import Budget, BudgetAccount
from flows.models.budget import BudgetSubject
from flows.models.usage_search import UsageFilters, filter_choices
from flows.usage.budget_form import BudgetForm

PACE_DAYS = 7
Place = tuple[int, str]  # budget and name


@dataclass(frozen=True)
class BudgetUse:
    """What is spent of a budget in the period that runs. `pace`: units a second in the last days, where it is known."""

    account: BudgetAccount
    now: datetime
    pace: float = 0.0

    @property
    def budget(self) -> Budget:
        return self.account.budget

    @property
    def percent(self) -> int:
        return percent_used(self.account)

    @property
    def width(self) -> int:
        return min(100, self.percent)

    @property
    def look(self) -> str:
        if self.percent >= 100:
            return "bad"
        return "warn" if self.percent >= WARN_AT * 100 else "ok"

    @property
    def icon(self) -> str:
        return {"bad": "circle-x", "warn": "triangle-alert", "ok": ""}[self.look]

    @property
    def title(self) -> str:
        kind = "daily budget" if self.budget.period == DAY else "budget"
        return f"{self.percent} % of the {kind} of {self.account.name}"

    @property
    def used_amount(self) -> str:
        return amount_words(self.budget, self.budget.amount_of(self.account.used))

    @property
    def limit(self) -> str:
        return f"{amount_words(self.budget, self.budget.amount)}{'' if self.budget.currency else ' tokens'}"

    @property
    def words(self) -> str:
        return f"{used_words(self.account)} of {subject_words(self.account)}"

    @property
    def end(self) -> datetime:
        return period_at(self.budget.period, self.now.timestamp())[1]

    @property
    def warning_words(self) -> str:
        """80 % passed Wed 25."""
        at = self.account.warned_at
        return f"80 % passed {self._moment(at)}" if at and self.percent >= WARN_AT * 100 else ""

    @property
    def forecast(self) -> str:
        """At this pace spent Mon 30, then calls wait."""
        afterwards = self.budget.afterwards
        if self.percent >= 100:
            return f"{afterwards} until {self._moment(self.end)}"
        if not self.pace:
            return f"once it is spent, {afterwards}"
        seconds = (self.budget.limit - self.account.used) / self.pace
        if seconds >= (self.end - self.now).total_seconds():
            return f"at this pace it lasts to the end of the {self.budget.period}"
        return f"at this pace spent {self._moment(self.now + timedelta(seconds=seconds))}, then {afterwards}"

    def _moment(self, at: datetime) -> str:
        """Of a day the hour, of a month the day, by UTC."""
        at = at.astimezone(self.now.tzinfo)
        return f"at {at:%H:%M}" if self.budget.period == DAY else f"{at:%a} {at.day}"


def budget_uses(places: Iterable[tuple[Budget, str]], now: datetime) -> dict[Place, BudgetUse]:
    """By budget and the name of whoever spends it. Nothing is stored: what has no account is read from the records."""
    places = list(places)
    begins = {period: period_at(period, now.timestamp())[0].date() for period in {each.period for each, _ in places}}
    stored = BudgetAccount.objects.filter(
        budget__in={budget.pk for budget, _ in places},
        name__in={name for _, name in places},
        begins__in=begins.values(),
    )
    known = {(account.budget_id, account.name, account.begins): account for account in stored}
    missing = [(each, name) for each, name in places if (each.pk, name, begins[each.period]) not in known]
    recorded = {
        (of_customer, period): recorded_uses(
            BudgetSubject.CUSTOMER if of_customer else BudgetSubject.CONNECTION,
            period,
            begins[period],
            {name for each, name in missing if (each.of_customer, each.period) == (of_customer, period)},
        )
        for of_customer, period in {(each.of_customer, each.period) for each, _ in missing}
    }
    found = {}
    for budget, name in places:
        account = known.get((budget.pk, name, begins[budget.period]))
        if account is None:
            used = recorded[budget.of_customer, budget.period][name, budget.currency]
            account = BudgetAccount(budget=budget, name=name, begins=begins[budget.period], used=used)
        account.budget = budget
        found[budget.pk, name] = BudgetUse(account, now)
    return found


def uses_within(filters: UsageFilters, now: datetime) -> list[BudgetUse]:
    """Of the budgets that are about just what the filters leave: one connection, or one customer."""
    connection, customer = filters.connection, filters.customer
    if bool(connection) == bool(customer) or filters.deployment or filters.flow:
        return []
    known = budgets_by_subject([connection], [customer] if customer else [])
    own = holding_budgets(known, connection, customer)
    uses = budget_uses([(budget, customer or connection) for budget in own], now)
    return [BudgetUse(use.account, now, pace_of(use.account, now)) for use in uses.values()]


def pace_of(account: BudgetAccount, now: datetime) -> float:
    """Units a second in the last days."""
    today = period_at(DAY, now.timestamp())[0]
    since = today - timedelta(days=PACE_DAYS - 1)
    used = recorded_uses(account.budget.subject, DAY, since.date(), [account.name])
    return used[account.name, account.budget.currency] / max(1.0, (now - since).total_seconds())


def worst_uses(group: str, names: Sequence[str], now: datetime) -> dict[str, BudgetUse] | None:
    """Of each connection or customer the budget that is spent most; None where nobody has a budget."""
    if group not in ("connection", "customer") or not Budget.objects.exists():
        return None
    of_customer = group == "customer"
    known = budgets_by_subject([] if of_customer else names, names if of_customer else [])
    places = [
        (budget, name)
        for name in names
        if name
        for budget in holding_budgets(known, "" if of_customer else name, name if of_customer else "")
    ]
    worst: dict[str, BudgetUse] = {}
    for (_, name), use in budget_uses(places, now).items():
        if name not in worst or use.percent > worst[name].percent:
            worst[name] = use
    return worst


@dataclass(frozen=True)
class BudgetRow:
    """A line of the list. That of every customer has as many uses as there are customers: the highest is shown."""

    budget: Budget
    use: BudgetUse | None

    @property
    def name(self) -> str:
        return self.budget.name or "Every other customer"

    @property
    def link(self) -> str:
        """Where usage shows it; none of every customer."""
        field = "customer" if self.budget.of_customer else "connection"
        return f"{reverse('usage:show')}?{field}={self.budget.name}" if self.budget.name else ""

    @property
    def limit(self) -> str:
        words = amount_words(self.budget, self.budget.amount)
        return f"{words}{'' if self.budget.currency else ' tokens'} a {self.budget.period}"


@dataclass(frozen=True)
class BudgetTable:
    """All budgets, and the form that adds another one or changes one of them."""

    rows: list[BudgetRow]
    form: BudgetForm
    edited: Budget | None = None

    @property
    def address(self) -> str:
        return reverse("usage:budget", args=[self.edited.pk]) if self.edited else reverse("usage:budget_new")

    @property
    def names(self) -> list[str]:
        """Who may be meant, for the field of the name."""
        used = [*filter_choices(None, "connection"), *filter_choices(None, "customer")]
        return sorted({*Connection.objects.foundry().values_list("name", flat=True), *(name for name, _ in used)})

    @classmethod
    def to_add(
        cls, now: datetime, form: BudgetForm | None = None, initial: Mapping[str, str] | None = None
    ) -> BudgetTable:
        return cls(budget_rows(now), form or BudgetForm(initial=dict(initial or {}), focus=bool(initial)))

    @classmethod
    def to_change(cls, now: datetime, edited: Budget, form: BudgetForm | None = None) -> BudgetTable:
        """With the form that changes one budget."""
        form = form or BudgetForm(instance=edited, prefix=f"budget-{edited.pk}", focus=True)
        return cls(budget_rows(now), form, edited)


def budget_rows(now: datetime) -> list[BudgetRow]:
    budgets = list(Budget.objects.select_related("spill_over_to"))
    uses = budget_uses([(budget, budget.name) for budget in budgets if budget.name], now)
    return [BudgetRow(each, uses.get((each.pk, each.name)) or highest_use(each, now)) for each in budgets]


def highest_use(budget: Budget, now: datetime) -> BudgetUse | None:
    begins: date = period_at(budget.period, now.timestamp())[0].date()
    account = budget.accounts.filter(begins=begins).order_by("-used").select_related("budget").first()
    return BudgetUse(account, now) if account else None
