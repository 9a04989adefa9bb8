"""Counts the calls of models that actions have made, from what is recorded of their end."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save

from flows.actions.registry import model_call_types
from flows.models import ActionRun, State
from flows.models.record import TAKEN_OVER
from flows.models.usage import (
    COST_DECIMALS,
    HOUR,
    SeriesKey,
    Span,
    Usage,
    add_usage,
    delete_hours,
    hour_of,
    kept_hours,
    sum_hours,
)
from flows.pricing.models import ModelPrice
from flows.pricing.prices import Price, cost, price_of
from flows.pricing.table import known_prices
from foundryflow import retention

FRESH = 1.0  # seconds that prices are not read again
RECOUNTED = 5_000  # records that are counted together
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class CountedCall:
    """One chat completion that has ended, as its record says it. `facts` gets its cost."""

    flow: int
    customer: str | None  # of the run; that of a connection goes before it
    at: datetime
    facts: dict[str, Any]
    usage: Mapping[str, Any] | None
    error: Mapping[str, Any] | None

    @property
    def connection(self) -> str:
        """Its name; empty for one that has none."""
        return str(self.facts.get("connection") or "")

    @property
    def deployment(self) -> str:
        return deployment_of(self.facts)

    @property
    def key(self) -> SeriesKey:
        facts, error = self.facts, self.error or {}
        return SeriesKey(
            self.flow,
            (self.connection or str(facts.get("host") or ""))[:255],
            str(facts.get("customer") or self.customer or "")[:200],
            self.deployment[:200],
            str(error.get("kind") or "unknown")[:40] if self.error else "",
            str(facts.get("currency") or ""),
        )

    @property
    def counts(self) -> list[int]:
        """In the order of COUNTERS."""
        facts, usage = self.facts, self.usage or {}
        refused = bool(self.error and self.error.get("status") == TOO_MANY_REQUESTS)
        return [
            1,
            rounded_number(usage.get("prompt_tokens")),
            rounded_number(usage.get("cached_tokens")),
            rounded_number(usage.get("completion_tokens")),
            rounded_number(usage.get("reasoning_tokens")),
            rounded_number(usage.get("estimated_tokens")),
            rounded_number(facts.get("throttled")) + refused,
            rounded_number(facts.get("waited_ms")),
            rounded_number(facts.get("total_ms")),
            int(Decimal(facts.get("cost") or 0).scaleb(COST_DECIMALS)),
        ]


def deployment_of(facts: Mapping[str, Any]) -> str:
    """The deployment that an action has called; empty when it has called none."""
    return str(facts.get("deployment") or facts.get("model_requested") or "")


def rounded_number(value: Any) -> int:
    return round(value) if isinstance(value, int | float) else 0


class RecentPrices:
    """The price table as it was a moment ago; another process that changes it is believed after `FRESH` seconds."""

    def __init__(self) -> None:
        self._read_at = 0.0
        self._prices: list[Price] = []
        self._found: dict[tuple[str, str], Price | None] = {}

    def refresh(self) -> None:
        if time.monotonic() - self._read_at > FRESH:
            self._prices, self._read_at = known_prices(), time.monotonic()
            self._found.clear()

    def find(self, deployment: str, model: str) -> Price | None:
        if (deployment, model) not in self._found:
            self._found[deployment, model] = price_of(self._prices, deployment, model)
        return self._found[deployment, model]

    def clear(self, **_: Any) -> None:
        self._read_at = 0.0


prices = RecentPrices()
for changed in (post_save, post_delete):
    changed.connect(prices.clear, sender=ModelPrice)


def note_costs(calls: Iterable[CountedCall]) -> None:
    """Writes into the facts of each call what it costs by the price table of this moment."""
    for call in calls:
        prices.refresh()
        price = prices.find(call.deployment, str(call.facts.get("model") or ""))
        if price is not None:
            amount = cost(price, call.usage) or Decimal(0)
            call.facts.update(cost=f"{amount.normalize():f}", currency=price.currency)


def usage_of(calls: Iterable[CountedCall]) -> Usage:
    usage: Usage = {}
    for call in calls:
        place = call.key, hour_of(call.at)
        counts = call.counts
        usage[place] = [a + b for a, b in zip(usage[place], counts, strict=True)] if place in usage else counts
    return usage


def count_calls(calls: Sequence[CountedCall]) -> None:
    """In the transaction that records their end."""
    if calls:
        add_usage(usage_of(calls))


# Counting anew


def first_recorded_hour() -> int:
    """From which on no record has been deleted because of its age."""
    moment = retention.RUNS.erased_before()
    return hour_of(moment + HOUR) if moment else 0


def recorded_calls(since: int) -> Iterator[CountedCall]:
    found = ActionRun.objects.filter(
        type__in=model_call_types(), state__in=(State.SUCCEEDED, State.FAILED), ended_at__isnull=False
    ).exclude(reason__startswith=TAKEN_OVER)
    fields = "run__flow_id", "run__customer", "ended_at", "facts", "usage", "error"
    for flow, customer, at, facts, usage, error in found.order_by().values_list(*fields).iterator(RECOUNTED):
        if deployment_of(facts) and hour_of(at) >= since:
            yield CountedCall(flow, customer, at, facts, usage or facts.get("usage"), error)


@transaction.atomic
def recount_usage() -> None:
    """Counts anew from the records. Whoever ends a call meanwhile waits, and adds to what was found."""
    since, some = first_recorded_hour(), list[CountedCall]()
    delete_hours(since)
    for call in recorded_calls(since):
        some.append(call)
        if len(some) == RECOUNTED:
            add_usage(usage_of(some), [Span.HOUR])
            some.clear()
    add_usage(usage_of(some), [Span.HOUR])
    sum_hours()


@transaction.atomic
def usage_differences() -> int:
    """How many rows of hours are not what the records say."""
    since = first_recorded_hour()
    kept, recorded = kept_hours(since), usage_of(recorded_calls(since))
    return sum(kept.get(place) != recorded.get(place) for place in kept | recorded)
