"""What stands in the way of a call, and when it is worth asking again: to the second and to the token."""

import pytest

from connections.foundry.values import Limits
from connections.limits.rules import DAY, MINUTE, SOON, CallUse, LimitReached, limit_reached

NOW = 10 * DAY + 1_000.0


def use(began=0.0, tokens=1, going=0.0):
    """Of a call that began so many seconds ago, and counts as going for so many more."""
    return CallUse("id", NOW - began, tokens, NOW + going)


@pytest.mark.parametrize(
    ("limits", "uses", "today", "wanted", "reached"),
    [
        (Limits(), [use()] * 1_000, 10**9, 10**9, None),
        (Limits(tokens_a_day=1_000), [], 999, 10**9, None),
        (
            Limits(tokens_a_day=1_000), [], 1_000, 1,
            LimitReached("1,000 of 1,000 tokens of the day are used", 11 * DAY, daily=True),
        ),
        (Limits(calls=1), [use(going=0.0)], 0, 1, None),
        (Limits(calls=2), [use(going=0.1)], 0, 1, None),
        (Limits(calls=1), [use(going=0.1)], 0, 1, LimitReached("1 of 1 calls are going", NOW + SOON, is_known=False)),
        (Limits(requests=1), [use(began=MINUTE)], 0, 1, None),
        (
            Limits(requests=1), [use(began=59)], 0, 1,
            LimitReached("1 requests a minute are used", NOW + 1),
        ),
        (
            Limits(requests=2), [use(began=10), use(began=40), use(began=30)], 0, 1,
            LimitReached("2 requests a minute are used", NOW + 30),
        ),
        (Limits(tokens=100), [use(tokens=60, began=5)], 0, 40, None),
        (
            Limits(tokens=100), [use(tokens=60, began=5)], 0, 41,
            LimitReached("100 tokens a minute are used", NOW + 55),
        ),
        (
            Limits(tokens=100), [use(tokens=50, began=20), use(tokens=50, began=10)], 0, 60,
            LimitReached("100 tokens a minute are used", NOW + 50),
        ),
        (Limits(tokens=100), [use(tokens=60, began=MINUTE)], 0, 100, None),
        (Limits(tokens=100), [], 0, 10**6, None),
        (
            Limits(tokens=100), [use(tokens=1, began=30)], 0, 10**6,
            LimitReached("100 tokens a minute are used", NOW + 30),
        ),
    ],
)  # fmt: skip
def test_what_stands_in_the_way(limits, uses, today, wanted, reached):
    assert limit_reached(limits, uses, today, wanted, NOW) == reached


def test_the_day_comes_before_calls_that_are_going_and_those_before_the_minute():
    limits = Limits(calls=1, requests=1, tokens=1, tokens_a_day=1)
    reasons = []
    for today, uses in ((1, [use(going=1)]), (0, [use(going=1)]), (0, [use()])):
        reasons.append(limit_reached(limits, uses, today, 1, NOW).reason)
    assert [reason.split(" are ")[0] for reason in reasons] == [
        "1 of 1 tokens of the day",
        "1 of 1 calls",
        "1 requests a minute",
    ]
