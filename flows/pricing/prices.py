"""What a call cost, by a table of prices that people keep. What is not in the table is unknown, and never nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

A_MILLION = 1_000_000
DATE = re.compile(r"-\d{4}-\d{2}-\d{2}")
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Price:
    """For a million tokens each. In the pattern, `*` stands for anything."""

    pattern: str
    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None  # as input
    cache_write: Decimal | None = None  # as input
    currency: str = "USD"


def price_of(prices: Iterable[Price], deployment: str | None, model: str | None) -> Price | None:
    """The price of the model that an answer names, else of its deployment; a whole name counts more than a pattern."""
    known = sorted(prices, key=lambda price: len(price.pattern), reverse=True)
    names = [name.strip().lower() for name in (model, deployment) if name and name.strip()]
    return next(
        (
            price
            for fits in (is_exact, is_dated_version, matches_pattern)
            for name in names
            for price in known
            if fits(price, name)
        ),
        None,
    )


def is_exact(price: Price, name: str) -> bool:
    return price.pattern.lower() == name


def is_dated_version(price: Price, name: str) -> bool:
    """The pattern with the date of a version behind it."""
    pattern = price.pattern.lower()
    return name.startswith(pattern) and DATE.fullmatch(name, len(pattern)) is not None


def matches_pattern(price: Price, name: str) -> bool:
    first, *rest = price.pattern.lower().split("*")
    if not rest or not name.startswith(first):
        return False
    at = len(first)
    for part in rest[:-1]:  # the earliest place of each part leaves most room for the next
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return name.endswith(rest[-1]) and at + len(rest[-1]) <= len(name)


def cost(price: Price, usage: Mapping[str, Any] | None) -> Decimal | None:
    """None when the usage does not say how much went in and how much came out."""
    prompt, completion, total, cached, written = (
        token_count(usage or {}, name)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens")
    )
    if prompt is None and completion is not None and total is not None:
        prompt = max(total - completion, 0)
    if completion is None and prompt is not None and total is not None:
        completion = max(total - prompt, 0)
    if prompt is None or completion is None or prompt + completion == 0:
        return None
    cached = min(cached or 0, prompt)
    written = min(written or 0, prompt - cached)
    cached_price = price.input if price.cached_input is None else price.cached_input
    write_price = price.input if price.cache_write is None else price.cache_write
    fresh = prompt - cached - written
    spent = fresh * price.input + cached * cached_price + written * write_price + completion * price.output
    return spent / A_MILLION


def token_count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def money(amount: Decimal | None, currency: str) -> str:
    """$1,204.50, €0.00042: cents, and of less than one at least two figures."""
    if amount is None:
        return UNKNOWN
    places = 2 if amount == 0 else max(2, 1 - amount.adjusted())
    number = f"{amount:,.{places}f}"
    symbol = SYMBOLS.get(currency.upper())
    return f"{symbol}{number}" if symbol else f"{number} {currency}"
