"""The prices that people have typed, as the reckoning of costs takes them."""

from __future__ import annotations

from flows.pricing.models import ModelPrice
from flows.pricing.prices import Price


def prices_known() -> list[Price]:
    names = ("pattern", "input", "cached_input", "output", "currency")
    return [Price(**row) for row in ModelPrice.objects.values(*names)]
