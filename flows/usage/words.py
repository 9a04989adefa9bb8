"""Amounts, periods and moments of usage in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from flows.models.usage import Span
from flows.models.usage_search import UsagePeriod
from flows.pricing.prices import SYMBOLS, UNKNOWN, money


def amount_words(amount: Decimal, currency: str) -> str:
    """$ 4.14, 4.14 CHF."""
    text = money(amount, currency)
    symbol = SYMBOLS.get(currency.upper(), "")
    return f"{symbol} {text.removeprefix(symbol)}" if symbol else text


def costs_words(costs: Mapping[str, Decimal]) -> str:
    """$ 4.14 + € 0.20, the largest first."""
    ordered = sorted(costs.items(), key=lambda cost: (-cost[1], cost[0]))
    return " + ".join(amount_words(amount, currency) for currency, amount in ordered) or UNKNOWN


def day_words(at: datetime) -> str:
    return f"{at.day} {at:%B}"


def period_words(period: UsagePeriod, now: datetime) -> str:
    """1 to 27 November: what has passed of it."""
    first, last = period.begin, min(period.end - timedelta(days=1), max(period.begin, now))
    if first.date() == last.date():
        return f"{first.day} {first:%B %Y}"
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
    return (
        f"{first.day} to {day_words(last)}" if first.month == last.month else f"{day_words(first)} to {day_words(last)}"
    )


def part_words(at: datetime, step: Span) -> str:
    """Mon 2 November; Mon 2, 14:00; November 2026."""
    if step is Span.MONTH:
        return f"{at:%B %Y}"
    return f"{at:%a} {day_words(at)}" if step is Span.DAY else f"{at:%a} {at.day}, {at:%H:%M}"
