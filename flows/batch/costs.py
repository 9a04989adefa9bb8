"""What the calls of a batch cost, as far as somebody has said what their models cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from flows.pricing.prices import UNKNOWN, Price, cost, money, price_of


@dataclass(frozen=True)
class CallTokens:
    """Tokens of all calls to one deployment that were answered by one model."""

    deployment: str
    model: str
    tokens: Mapping[str, int]


@dataclass(frozen=True)
class BatchCost:
    known: Mapping[str, Decimal] = field(default_factory=dict)  # by currency
    unknown: bool = False  # of some calls nobody knows

    def __str__(self) -> str:
        amounts = [money(amount, currency) for currency, amount in self.known.items()]
        return " + ".join([*amounts, *([UNKNOWN] if self.unknown else [])])


def cost_of(prices: Sequence[Price], all_calls: Iterable[CallTokens]) -> BatchCost:
    known: dict[str, Decimal] = {}
    unknown = False
    for calls in all_calls:
        price = price_of(prices, calls.deployment, calls.model)
        amount = cost(price, calls.tokens) if price else None
        if price is None or amount is None:
            unknown = True
        else:
            known[price.currency] = known.get(price.currency, Decimal(0)) + amount
    return BatchCost(known, unknown)
