"""What runs have cost, by the price table of the moment of each call."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import DecimalField, QuerySet, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from flows.models import ActionRun, Run
from flows.models.usage import COST_DECIMALS
from flows.pricing.prices import money

MOST_RUNS = 1_000  # that are added up: one, and what it has started
AMOUNT = Cast(KeyTextTransform("cost", "facts"), DecimalField(max_digits=24, decimal_places=COST_DECIMALS))


def cost_words(run: Run) -> str:
    """$4.14, €0.20 + $4.14; with the runs that it has started. Empty where no price is known."""
    calls = ActionRun.objects.filter(run__in=runs_below(run)).exclude(facts__cost=None)
    return " + ".join(money(amount, currency) for currency, amount in sorted(sums_of(calls).items()))


def sums_of(calls: QuerySet[ActionRun]) -> Mapping[str, Decimal]:
    """By currency."""
    currencies = calls.order_by().values_list(KeyTextTransform("currency", "facts"))
    sums = currencies.annotate(amount=Sum(AMOUNT))
    return {currency or "": round_amount(amount) for currency, amount in sums if amount}


def round_amount(amount: Decimal) -> Decimal:
    """SQLite adds up what is no decimal."""
    return round(Decimal(amount), COST_DECIMALS).normalize()


def runs_below(run: Run) -> list[int]:
    """The run, and all that it has started."""
    found, level = [run.pk], [run.pk]
    if run.subflow_prompt_tokens is None:
        return found
    while level and len(found) < MOST_RUNS:
        level = list(Run.objects.filter(parent__in=level).order_by().values_list("pk", flat=True)[:MOST_RUNS])
        found += level
    return found[:MOST_RUNS]
