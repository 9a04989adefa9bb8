"""The count of what connections and customers spend of their budgets, shared by every process.

A call reserves an estimate before it begins and books what it used when it ends, each in a transaction that holds the
rows of its accounts; calls that a process counts at the same time share the statements. An account is made from the
usage that is recorded, so a new budget knows what was spent before.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from django.db.models import Sum
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from connections.foundry.estimates import estimated_usage
from connections.foundry.values import ModelAnswer, ModelRequest, Usage, WhenReached
from connections.limits.budgets import DAY, WARN_AT, BudgetReached, Reservation, has_room, period_at
from connections.limits.rules import LEASE, SOON
from flows.engine.budget_webhook import announce
from flows.engine.call_counts import prices
from flows.engine.writer import Job, SharedCall
from flows.models import Budget, BudgetAccount, BudgetReservation, UsageFigures
from flows.models.budget import BudgetSubject
from flows.models.usage import COST_DECIMALS, Span, hour_of
from flows.pricing.prices import cost, money

FRESH = 1.0  # seconds that budgets are not read again
MOST_UNITS = 2**60  # more than any budget has
KEPT_FOR, MOST_DELETED = timedelta(days=70), 100  # of accounts
RunJob = Callable[[Job], Awaitable[Any]]  # executes a job in a transaction
log = logging.getLogger(__name__)


class RecentBudgets:
    """Who has budgets, as it was a moment ago; another process that changes one is believed after `FRESH` seconds."""

    def __init__(self) -> None:
        self._read_at = 0.0
        self._subjects: set[tuple[str, str]] = set()

    @property
    def is_fresh(self) -> bool:
        return self._read_at > 0 and time.monotonic() - self._read_at < FRESH

    def refresh(self) -> None:
        if not self.is_fresh:
            self._subjects = set(Budget.objects.order_by().values_list("subject", "name"))
            self._read_at = time.monotonic()

    def has_any(self, connection: str, customer: str) -> bool:
        subjects: set[tuple[str, str]] = {(BudgetSubject.CONNECTION, connection)}
        if customer:
            subjects |= {(BudgetSubject.CUSTOMER, customer), (BudgetSubject.EVERY_CUSTOMER, "")}
        return not self._subjects.isdisjoint(subjects)

    def clear(self, **_: Any) -> None:
        self._read_at = 0.0


recent = RecentBudgets()
for changed in (post_save, post_delete):
    changed.connect(recent.clear, sender=Budget)


@dataclass(frozen=True, slots=True)
class BeginningCall:
    """One that may begin if its budgets have room."""

    connection: str
    customer: str
    request: ModelRequest
    at: float  # seconds since the epoch

    def account_of(self, budget: Budget) -> AccountKey:
        name = self.customer if budget.of_customer else self.connection
        return budget.pk, name, period_at(budget.period, self.at)[0].date()


@dataclass(frozen=True, slots=True)
class EndedCall:
    """One that has used what its answer says; without an answer, what was set aside for it, or nothing."""

    reservation: Reservation
    request: ModelRequest
    answer: ModelAnswer | None
    is_used: bool = True

    def use_of(self, account: BudgetAccount) -> int:
        if not self.is_used:
            return 0
        if self.answer is None or self.answer.usage == Usage():
            return self.reservation.amounts[account.pk]
        return units_of(account.budget, self.answer.usage, self.request.model, self.answer.model)


BudgetsBySubject = dict[tuple[str, str], list[Budget]]  # by subject and name
AccountKey = tuple[int, str, date]  # budget, name, beginning of the period
Warnings = list[dict[str, Any]]  # what the webhook is told of each


class DatabaseBudgets:
    def __init__(self, do: RunJob, clock: Callable[[], float] = time.time) -> None:
        self._do, self._clock = do, clock

    async def has_budget(self, connection: str, customer: str) -> bool:
        if not recent.is_fresh:
            await self._do(recent.refresh)
        return recent.has_any(connection, customer)

    async def begin(self, connection: str, customer: str, request: ModelRequest) -> Reservation | BudgetReached:
        # As long as usage keeps them.
        call = BeginningCall(connection[:255], customer[:200], request, self._clock())
        answer = await self._count(call)
        if answer is None:
            raise RuntimeError("A call that begins is answered.")
        return answer

    async def renew(self, reservation: Reservation) -> None:
        until = self._clock() + LEASE
        await self._do(lambda: BudgetReservation.objects.filter(call=reservation.id).update(going_until=until))

    async def end(self, reservation: Reservation, request: ModelRequest, answer: ModelAnswer | None) -> None:
        await self._count(EndedCall(reservation, request, answer))

    async def give_back(self, reservation: Reservation, request: ModelRequest) -> None:
        await self._count(EndedCall(reservation, request, None, is_used=False))

    async def _count(self, call: BeginningCall | EndedCall) -> Reservation | BudgetReached | None:
        answer: Reservation | BudgetReached | None
        try:
            answer, warnings = await self._do(SharedCall(count_calls, call))
        except IntegrityError:  # somebody has deleted a budget in the same moment
            answer, warnings = await self._do(SharedCall(count_calls, call))
        for warning in warnings:
            log.warning("Budget warning: %s", warning["sentence"])
            announce(warning)
        return answer


def count_calls(
    calls: Sequence[BeginningCall | EndedCall],
) -> list[tuple[Reservation | BudgetReached | None, Warnings]]:
    """Of each call: what is set aside for it, or why nothing, or None for one that has ended; and what to warn of."""
    beginning = [call for call in calls if isinstance(call, BeginningCall)]
    ended = [call for call in calls if isinstance(call, EndedCall)]
    known = budgets_by_subject(
        {call.connection for call in beginning}, {call.customer for call in beginning if call.customer}
    )
    held_by = {id(call): holding_budgets(known, call.connection, call.customer) for call in beginning}
    keys = {call.account_of(budget) for call in beginning for budget in held_by[id(call)]}
    ids = find_accounts(keys, {budget.pk: budget for budgets in held_by.values() for budget in budgets})
    accounts = lock_accounts({*ids.values(), *(pk for call in ended for pk in call.reservation.amounts)})
    booked = list(book_calls(ended, accounts))
    reserved, made = reserved_amounts(accounts, beginning), list[BudgetReservation]()
    answers: dict[int, Reservation | BudgetReached] = {}
    for wish in beginning:
        own = [ids.get(wish.account_of(budget)) for budget in held_by[id(wish)]]
        answer = answers[id(wish)] = reserve(wish, [accounts[pk] for pk in own if pk in accounts], reserved)
        if isinstance(answer, Reservation):
            until = wish.at + LEASE
            made += [
                BudgetReservation(account_id=pk, call=answer.id, amount=amount, going_until=until)
                for pk, amount in answer.amounts.items()
            ]
    BudgetReservation.objects.bulk_create(made)
    warned = warn(accounts.values())
    changed = {account.pk: account for account in [*booked, *warned]}
    BudgetAccount.objects.bulk_update(changed.values(), ["used", "warned_at"])
    warnings = [warning_of(account) for account in warned]
    return [(answers.get(id(call)), [] if at else warnings) for at, call in enumerate(calls)]


def book_calls(calls: Sequence[EndedCall], accounts: Mapping[int, BudgetAccount]) -> Iterator[BudgetAccount]:
    """Takes back what was set aside, also where the lease had ended, and books what was used."""
    BudgetReservation.objects.filter(call__in=[call.reservation.id for call in calls]).delete()
    for call in calls:
        for account in (accounts[pk] for pk in call.reservation.amounts if pk in accounts):
            account.used = min(account.used + call.use_of(account), MOST_UNITS)
            yield account


def budgets_by_subject(connections: Iterable[str], customers: Iterable[str]) -> BudgetsBySubject:
    """Those that may hold calls of these connections for these customers."""
    found: BudgetsBySubject = {}
    for budget in Budget.objects.of(connections, customers).select_related("spill_over_to").order_by("pk"):
        found.setdefault((budget.subject, budget.name), []).append(budget)
    return found


def holding_budgets(known: BudgetsBySubject, connection: str, customer: str) -> list[Budget]:
    """Those that hold a call: a customer's own goes before that of every customer, for the same period."""
    own = known.get((BudgetSubject.CUSTOMER, customer), []) if customer else []
    common = known.get((BudgetSubject.EVERY_CUSTOMER, ""), []) if customer else []
    replaced = {budget.period for budget in own}
    of_connection = known.get((BudgetSubject.CONNECTION, connection), [])
    return [*of_connection, *own, *(budget for budget in common if budget.period not in replaced)]


def find_accounts(keys: set[AccountKey], budgets: Mapping[int, Budget]) -> dict[AccountKey, int]:
    """The ids of accounts; those that there are not yet are made, of what the records say was spent."""
    ordered_keys = sorted(keys)
    if not ordered_keys:
        return {}
    budget_ids, names, begins = (set(column) for column in zip(*ordered_keys, strict=True))
    rows = BudgetAccount.objects.filter(budget__in=budget_ids, name__in=names, begins__in=begins)
    known = {tuple(key): pk for pk, *key in rows.values_list("pk", "budget_id", "name", "begins")}
    missing = [key for key in ordered_keys if key not in known]
    if missing:
        delete_old_accounts(min(key[2] for key in missing))
        made = [unstored_account(budgets[budget], name, at) for budget, name, at in missing]
        BudgetAccount.objects.bulk_create(made, ignore_conflicts=True)
        known = {tuple(key): pk for pk, *key in rows.values_list("pk", "budget_id", "name", "begins")}
    return {key: known[key] for key in ordered_keys if key in known}


def delete_old_accounts(day: date) -> None:
    """Some of those that are over for long."""
    old = BudgetAccount.objects.filter(begins__lt=day - KEPT_FOR).order_by("pk")
    BudgetAccount.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:MOST_DELETED])).delete()


def lock_accounts(ids: set[int]) -> dict[int, BudgetAccount]:
    """With their budgets; nobody else counts in them until the transaction ends. In one order for all processes, so
    that none waits for another in a circle."""
    if not ids:
        return {}
    accounts = list(BudgetAccount.objects.select_for_update().filter(pk__in=ids).order_by("pk"))
    budgets = Budget.objects.select_related("spill_over_to").in_bulk({account.budget_id for account in accounts})
    for account in accounts:
        account.budget = budgets[account.budget_id]
    return {account.pk: account for account in accounts}


def reserved_amounts(accounts: Iterable[int], calls: Sequence[BeginningCall]) -> defaultdict[int, int]:
    """By account. What died gives back what was set aside for it: its lease has ended."""
    found: defaultdict[int, int] = defaultdict(int)
    if calls:
        kept = BudgetReservation.objects.filter(account__in=list(accounts))
        kept.filter(going_until__lt=max(call.at for call in calls)).delete()
        found.update(kept.values_list("account").annotate(Sum("amount")))
    return found


def reserve(
    call: BeginningCall, accounts: Sequence[BudgetAccount], reserved: defaultdict[int, int]
) -> Reservation | BudgetReached:
    """Of each account, or of none."""
    estimate = estimated_usage(call.request)
    amounts = {account.pk: units_of(account.budget, estimate, call.request.model, None) for account in accounts}
    refusals = [
        refusal(account, call.at)
        for account in accounts
        if not has_room(account.budget.limit, account.used, int(reserved[account.pk]), amounts[account.pk])
    ]
    if refusals:
        return max(refusals, key=strictness)
    for pk, amount in amounts.items():
        reserved[pk] += amount
    return Reservation(str(uuid.uuid4()), amounts)


def unstored_account(budget: Budget, name: str, begins: date) -> BudgetAccount:
    """With what the records say was spent since the period began."""
    used = recorded_uses(budget.subject, budget.period, begins, [name])
    return BudgetAccount(budget=budget, name=name, begins=begins, used=used[name, budget.currency])


def recorded_uses(subject: str, period: str, begins: date, names: Iterable[str]) -> defaultdict[tuple[str, str], int]:
    """What was spent in the days or months from then on, by name and currency; without a currency, the tokens."""
    name = "series__connection" if subject == BudgetSubject.CONNECTION else "series__customer"
    span = Span.DAY if period == DAY else Span.MONTH
    since = hour_of(datetime.combine(begins, datetime.min.time(), UTC))
    figures = UsageFigures.objects.filter(**{f"{name}__in": list(names)}, span=span, begins__gte=since)
    sums = figures.values_list(name, "series__currency").annotate(
        Sum("prompt_tokens"), Sum("completion_tokens"), Sum("cost")
    )
    used: defaultdict[tuple[str, str], int] = defaultdict(int)
    for spender, currency, prompt, completion, money_spent in sums:
        used[spender, ""] += int(prompt + completion)
        if currency:
            used[spender, currency] += int(money_spent)
    return used


def units_of(budget: Budget, usage: Usage, deployment: str, model: str | None) -> int:
    """What a call takes of a budget; nothing where its price is unknown or in another currency."""
    if not budget.currency:
        return min(usage.prompt_tokens + usage.completion_tokens or usage.total_tokens, MOST_UNITS)
    prices.refresh()
    price = prices.find(deployment, model or "")
    if price is None or price.currency != budget.currency:
        return 0
    counts = {name: getattr(usage, name) for name in usage.__slots__}
    return min(int((cost(price, counts) or Decimal(0)).scaleb(COST_DECIMALS)), MOST_UNITS)


def refusal(account: BudgetAccount, now: float) -> BudgetReached:
    budget = account.budget
    if account.used < budget.limit:
        reason = f"{budget.period_word} budget nearly spent: calls of {account.name} that are going may use the rest"
        return BudgetReached(reason, now + SOON)
    reason = f"{budget.period_word} budget spent: {used_words(account)} of {subject_words(account)}"
    return BudgetReached(
        reason,
        period_at(budget.period, now)[1].timestamp(),
        True,
        WhenReached(budget.when_spent),
        budget.spill_over_to.name if budget.spill_over_to else "",
        budget.of_customer,
        {"budget": facts_of(account)},
    )


def strictness(reached: BudgetReached) -> tuple[bool, bool, float]:
    """Which of several budgets decides: one that is spent before one that is not yet, failing before waiting."""
    return reached.is_spent, reached.when_spent is not WhenReached.WAIT, reached.until


def warn(accounts: Iterable[BudgetAccount]) -> list[BudgetAccount]:
    """Marks those that have passed the mark since somebody looked last, and gives them."""
    passed = [each for each in accounts if each.warned_at is None and each.used >= WARN_AT * each.budget.limit]
    for account in passed:
        account.warned_at = timezone.now()
    return passed


# In words


def facts_of(account: BudgetAccount) -> dict[str, Any]:
    """What the record of a call that failed, and the webhook, are told; amounts as texts, since money is exact."""
    budget = account.budget
    return {
        "of": "customer" if budget.of_customer else "connection",
        "name": account.name,
        "period": budget.period,
        "begins": account.begins.isoformat(),
        "measure": "cost" if budget.currency else "tokens",
        "currency": budget.currency,
        "used": f"{budget.amount_of(account.used).normalize():f}",
        "limit": f"{budget.amount.normalize():f}",
        "afterwards": budget.afterwards,
    }


def warning_of(account: BudgetAccount) -> dict[str, Any]:
    percent, budget = percent_used(account), account.budget
    sentence = (
        f"{budget.period_word} budget of {subject_words(account)} is spent to {percent} %: {used_words(account)}."
    )
    return {**facts_of(account), "percent": percent, "sentence": sentence}


def percent_used(account: BudgetAccount) -> int:
    return account.used * 100 // max(1, account.budget.limit)


def amount_words(budget: Budget, amount: Decimal) -> str:
    return money(amount, budget.currency) if budget.currency else f"{amount:,.0f}"


def used_words(account: BudgetAccount) -> str:
    """1,400,000 of 1,400,000 tokens; $4.14 of $5.00."""
    budget = account.budget
    used, limit = (amount_words(budget, amount) for amount in (budget.amount_of(account.used), budget.amount))
    return f"{used} of {limit}{'' if budget.currency else ' tokens'}"


def subject_words(account: BudgetAccount) -> str:
    return f"{'customer' if account.budget.of_customer else 'connection'} {account.name}"
