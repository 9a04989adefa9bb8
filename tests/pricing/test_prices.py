"""What a call cost, as far as anybody knows."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.pricing.prices import Price, cost, money, price_of


def price(pattern, input="1", output="2", **others):
    return Price(pattern, Decimal(input), Decimal(output), **others)


TABLE = [
    price(pattern) for pattern in ("*", "gpt-*", "gpt-5*", "gpt-5-mini", "*-mini", "GPT-5-Nano", "PHI-*-Large", "prod")
]


@pytest.mark.parametrize(
    ("deployment", "model", "pattern"),
    [
        ("prod-1", "gpt-5-mini", "gpt-5-mini"),
        ("prod-1", "gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("prod-1", "GPT-5-MINI", "gpt-5-mini"),
        ("prod-1", "gpt-5-nano", "GPT-5-Nano"),
        ("prod-1", " gpt-5-nano-2025-08-07 ", "GPT-5-Nano"),
        ("prod-1", "phi-4-large", "PHI-*-Large"),
        ("prod-1", "gpt-5-mini-2025", "gpt-5*"),
        ("prod-1", "gpt-5.1", "gpt-5*"),
        ("prod-1", "gpt-4o-mini", "*-mini"),
        ("prod-1", "gpt-4o", "gpt-*"),
        ("prod-1", "llama", "*"),
        ("prod", "llama", "prod"),
        ("gpt-5-mini", "gpt-5.1", "gpt-5-mini"),
        ("gpt-5-mini", None, "gpt-5-mini"),
        ("gpt-5-mini", " ", "gpt-5-mini"),
    ],
)
def test_the_price_that_fits_best_is_taken(deployment, model, pattern):
    found = price_of(TABLE, deployment, model)
    assert found is not None
    assert found.pattern == pattern


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("a*c", "abc", True),
        ("a*c", "ac", True),
        ("a*c", "acd", False),
        ("a*a", "a", False),
        ("*b*", "abc", True),
        ("*b*c*", "acb", False),
        ("**", "a", True),
        ("a.c", "abc", False),
        ("a?c", "abc", False),
        ("[ab]", "a", False),
        ("gpt-5", "gpt-5-2025-08-07", True),
        ("gpt-5", "gpt-5-mini-2025-08-07", False),
        ("gpt-5", "gpt-5-2025-08-07-x", False),
        ("*" * 200 + "b", "a" * 10_000, False),
    ],
)
def test_only_the_star_stands_for_something(pattern, name, fits):
    assert (price_of([price(pattern)], name, None) is not None) is fits


@pytest.mark.parametrize(("deployment", "model"), [("other", "unheard-of"), (None, None), ("", "")])
def test_a_model_that_is_not_in_the_table_has_no_price(deployment, model):
    assert price_of([price("gpt-5")], deployment, model) is None
    assert price_of([], deployment, model) is None


def usage(prompt=None, completion=None, **others):
    return {"prompt_tokens": prompt, "completion_tokens": completion, **others}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (usage(1_000_000, 0), "2"),
        (usage(0, 1_000_000), "8"),
        (usage(100, 10), "0.00028"),
        (usage(100, 10, cached_tokens=0), "0.00028"),
        (usage(100, 10, cached_tokens=100), "0.00013"),
        (usage(100, 10, cached_tokens=500), "0.00013"),
        (usage(100, 10, reasoning_tokens=8, total_tokens=110), "0.00028"),
        (usage(100, total_tokens=110), "0.00028"),
        (usage(None, 10, total_tokens=110), "0.00028"),
        (usage(100, total_tokens=100), "0.0002"),
        (usage(100, 10, total_tokens=500), "0.00028"),
        (usage(None, 10, total_tokens=5), "0.00008"),
        (usage(100, total_tokens=50), "0.0002"),
        (usage(10, 10), "0.0001"),
    ],
)
def test_cached_tokens_are_part_of_what_went_in_and_reasoning_of_what_came_out(given, expected):
    assert cost(price("x", "2", "8", cached_input=Decimal("0.5")), given) == Decimal(expected)


def test_cached_tokens_cost_as_much_as_others_unless_a_price_says_so():
    assert cost(price("x", "2", "8"), usage(100, 10, cached_tokens=100)) == Decimal("0.00028")
    assert cost(price("x", "2", "8", cached_input=Decimal(0)), usage(100, 10, cached_tokens=100)) == Decimal("0.00008")


def test_what_is_written_to_a_cache_has_a_price_of_its_own():
    """Of 100 tokens that came 20 were read from the cache and 30 written to it."""
    given = usage(100, 10, cached_tokens=20, cache_write_tokens=30)
    known = price("x", "2", "8", cached_input=Decimal("0.2"), cache_write=Decimal("2.5"))
    assert cost(known, given) == Decimal("0.000259")
    assert cost(price("x", "2", "8", cached_input=Decimal("0.2")), given) == Decimal("0.000244")


@pytest.mark.parametrize(
    "given",
    [
        None,
        {},
        usage(100),
        usage(None, 10),
        usage(total_tokens=10),
        usage(0, 0, total_tokens=0),
        usage("100", 10),
        usage(True, 10),
        usage(-1, 10),
    ],
)
def test_without_the_counts_the_cost_is_unknown_and_not_nothing(given):
    assert cost(price("x"), given) is None


def test_what_was_not_written_to_a_cache_does_not_cost_as_if_it_were():
    assert cost(price("x", "2", "8", cache_write=Decimal(3)), usage(100, 10)) == Decimal("0.00028")


def test_what_is_written_to_a_cache_is_no_more_than_what_came_and_was_not_read_from_it():
    known = price("x", "2", "8", cached_input=Decimal(0), cache_write=Decimal(3))
    assert cost(known, usage(100, 10, cached_tokens=20, cache_write_tokens=500)) == Decimal("0.00032")


def test_a_price_is_in_dollars_unless_it_says_otherwise():
    assert price("x").currency == "USD"


def test_a_free_model_costs_nothing():
    assert cost(price("x", "0", "0"), usage(100, 10)) == 0


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.000421", "USD", "$0.00042"),
        ("0.000004", "USD", "$0.0000040"),
        ("0.0042", "USD", "$0.0042"),
        ("0.014", "EUR", "€0.014"),
        ("0.5", "USD", "$0.50"),
        ("0.999", "USD", "$1.00"),
        ("1.2", "EUR", "€1.20"),
        ("1204.5", "usd", "$1,204.50"),
        ("0.0042", "CHF", "0.0042 CHF"),
        ("0", "USD", "$0.00"),
        ("0.000000", "USD", "$0.00"),
        ("1", "GBP", "£1.00"),
        ("-0.004", "JPY", "¥-0.0040"),
        ("-12.346", "INR", "₹-12.35"),
    ],
)
def test_small_amounts_keep_two_figures(amount, currency, expected):
    assert money(Decimal(amount), currency) == expected


def test_an_unknown_cost_is_shown_as_unknown():
    assert money(None, "USD") == "unknown"


@given(st.decimals("0.000000001", "1000000", allow_nan=False, places=12))
def test_what_is_shown_is_within_a_twentieth_of_the_amount(amount):
    read = Decimal(money(amount, "USD").removeprefix("$").replace(",", ""))
    assert abs(read - amount) <= amount / 20
