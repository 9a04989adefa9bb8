"""What an answer cost, where somebody has said what its model costs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from flows.playground.models import Answer
from flows.pricing.prices import Price, cost, money, price_of

Prices = Sequence[Price]


def cost_of(answer: Answer, prices: Prices) -> tuple[Decimal, str] | None:
    """Amount and currency; None where the price or the count of tokens is unknown."""
    price = price_of(prices, str(answer.setup.get("model") or ""), str(answer.facts.get("model") or ""))
    amount = cost(price, answer.usage) if price else None
    return (amount, price.currency) if price is not None and amount is not None else None


def cost_label(answer: Answer, prices: Prices) -> str:
    """Empty where it is unknown."""
    found = cost_of(answer, prices)
    return money(*found) if found else ""
