"""The sums of a period in words: calls, tokens, errors and waits, costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from flows.flowchart.states import SHORT
from flows.models.usage_search import GroupedUsage, UsagePeriod, UsageSums
from flows.pricing.models import ModelPrice
from flows.usage.words import costs_words
from foundryflow.templatetags.ui import duration_ms


@dataclass
class UsageFigures:
    usage: GroupedUsage
    period: UsagePeriod
    now: datetime

    @property
    def total(self) -> UsageSums:
        return self.usage.total

    @property
    def calls_hint(self) -> str:
        """257 a day · 1.9 s on average."""
        if not self.total.calls:
            return "none"
        days = max(1, min(self.period.days, (self.now - self.period.begin).days + 1))
        average = duration_ms(self.total.total_ms / self.total.calls)
        return f"{self.total.calls / days:,.0f} a day · {average} on average"

    @cached_property
    def errors_by_kind(self) -> list[str]:
        """31 key refused; the most first."""
        kinds = sorted(self.usage.errors.items(), key=lambda kind: -kind[1])
        return [f"{count:,} {SHORT.get(kind, kind.replace('_', ' '))}" for kind, count in kinds]

    @property
    def errors_hint(self) -> str:
        """31 key refused · 58 waits on 429, 14:20 in all."""
        parts = self.errors_by_kind[:1]
        if self.total.waited_ms:
            waits = f"{self.total.throttled:,} waits on 429" if self.total.throttled else "waits for limits"
            parts.append(f"{waits}, {duration_ms(self.total.waited_ms)} in all")
        elif self.total.throttled:
            parts.append(f"{self.total.throttled:,} × 429")
        return " · ".join(parts) or "none, and no wait"

    @property
    def cost(self) -> str:
        return costs_words(self.total.costs if self.total.calls else {"USD": Decimal(0)})

    @cached_property
    def priced_at(self) -> datetime | None:
        """When the price table was changed last."""
        return ModelPrice.objects.order_by("-changed_at").values_list("changed_at", flat=True).first()
