"""What connections and customers may spend in a day or a month, and what they have spent of it."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from django.db import models

from connections.foundry.values import WhenReached
from connections.limits.budgets import DAY, MONTH
from connections.models import Connection
from flows.models.usage import COST_DECIMALS

LAST_WORDS = {
    WhenReached.WAIT: "calls wait",
    WhenReached.FAIL: "calls fail",
    WhenReached.SPILL: "calls go to",
}


class BudgetSubject(models.TextChoices):
    """Who has a budget."""

    CONNECTION = "connection", "Connection"
    CUSTOMER = "customer", "Customer"
    EVERY_CUSTOMER = "every customer", "Every customer without one"


class BudgetQuerySet(models.QuerySet["Budget"]):
    def of(self, connections: Iterable[str], customers: Iterable[str]) -> BudgetQuerySet:
        """Those that may hold calls of these connections for these customers."""
        connection, customer = BudgetSubject.CONNECTION, BudgetSubject.CUSTOMER
        condition = models.Q(subject=connection, name__in=list(connections))
        if customers := list(customers):
            condition |= models.Q(subject=customer, name__in=customers) | models.Q(subject=BudgetSubject.EVERY_CUSTOMER)
        return self.filter(condition)


class Budget(models.Model):
    """Tokens, or money by the price table, that a connection or a customer may spend in each day or month, by UTC."""

    subject = models.CharField(max_length=20, choices=BudgetSubject)
    name = models.CharField(max_length=255, blank=True)  # of the connection or customer, as usage is counted by
    currency = models.CharField(max_length=3, blank=True)  # of money; empty: tokens
    period = models.CharField(max_length=10, choices=[(DAY, "A day"), (MONTH, "A month")], default=MONTH)
    amount = models.DecimalField(max_digits=18, decimal_places=4)
    when_spent = models.CharField(
        max_length=10,
        choices=[
            (WhenReached.WAIT.value, "Calls wait until the period ends"),
            (WhenReached.FAIL.value, "Calls fail"),
            (WhenReached.SPILL.value, "Calls go to another connection"),
        ],
        default=WhenReached.WAIT.value,
    )
    spill_over_to = models.ForeignKey(Connection, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    changed_at = models.DateTimeField(auto_now=True)

    objects = BudgetQuerySet.as_manager()

    class Meta:
        ordering = ["subject", "name", "period", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "name", "currency", "period"], name="one_budget_a_kind")
        ]

    def __str__(self) -> str:
        return f"{self.period_word.lower()} budget of {self.name or 'every customer'}"

    @property
    def period_word(self) -> str:
        return "Daily" if self.period == DAY else "Monthly"

    @property
    def of_customer(self) -> bool:
        return self.subject != BudgetSubject.CONNECTION

    @property
    def limit(self) -> int:
        """In the units that accounts are kept in: tokens, or parts of money with COST_DECIMALS."""
        return int(self.amount.scaleb(COST_DECIMALS) if self.currency else self.amount)

    def amount_of(self, units: int) -> Decimal:
        return Decimal(units).scaleb(-COST_DECIMALS) if self.currency else Decimal(units)

    @property
    def afterwards(self) -> str:
        """What happens to calls once it is spent."""
        words = LAST_WORDS[WhenReached(self.when_spent)]
        if self.when_spent != WhenReached.SPILL:
            return words
        return f"{words} {self.spill_over_to.name}" if self.spill_over_to else LAST_WORDS[WhenReached.WAIT]


class BudgetAccount(models.Model):
    """What was spent of a budget in one period by one connection or customer."""

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="accounts")
    name = models.CharField(max_length=255)  # of the connection or customer
    begins = models.DateField()
    used = models.BigIntegerField()  # in the units of Budget.limit
    warned_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["budget", "name", "begins"], name="one_account_a_period")]

    def __str__(self) -> str:
        return f"{self.name} from {self.begins}"


class BudgetReservation(models.Model):
    """What was set aside for a call that is going; it counts as long as somebody renews it."""

    account = models.ForeignKey(BudgetAccount, on_delete=models.CASCADE, related_name="reservations")
    call = models.UUIDField(db_index=True)
    amount = models.BigIntegerField()
    going_until = models.FloatField()  # seconds since the epoch

    def __str__(self) -> str:
        return f"{self.amount} of {self.account_id}"
