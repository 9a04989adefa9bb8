"""Reads the prices that people have typed, for whoever counts costs."""

from __future__ import annotations

from flows.pricing.models import ModelPrice
from flows.pricing.prices import Price


def known_prices() -> list[Price]:
    names = ("pattern", "input", "cached_input", "cache_write", "output", "currency")
    return [Price(**row) for row in ModelPrice.objects.values(*names)]
