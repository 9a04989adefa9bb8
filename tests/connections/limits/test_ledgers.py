"""Whoever counts the calls of a connection, in one process or in the database, says the same."""

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.values import Limits
from connections.ledger import DatabaseLedger
from connections.limits.rules import DAY, CallUse, LimitReached, limit_reached
from tests.connections.limits.local_ledger import LocalLedger
from tests.factories import make_connection


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["local", pytest.param("database", marks=pytest.mark.django_db(transaction=True))])
def ledger(request):
    clock = Clock()
    if request.param == "local":
        made = LocalLedger(clock)
    else:
        make_connection("contoso")
        made = DatabaseLedger(lambda job: sync_to_async(transaction.atomic(job))(), clock)
    made.clock = clock
    return made


async def test_only_so_many_calls_go_at_the_same_time(ledger):
    limits = Limits(calls=2)
    first, second = [await ledger.begin("contoso", limits, 1) for _ in range(2)]
    assert isinstance(await ledger.begin("contoso", limits, 1), LimitReached)
    await ledger.end(first, 1)
    third = await ledger.begin("contoso", limits, 1)
    assert isinstance(third, str)
    assert len({first, second, third}) == 3


async def test_a_place_that_nobody_renews_becomes_free(ledger):
    limits = Limits(calls=1)
    kept = await ledger.begin("contoso", limits, 1)
    ledger.clock.now += 20
    await ledger.renew(kept)
    ledger.clock.now += 20
    assert isinstance(await ledger.begin("contoso", limits, 1), LimitReached)
    ledger.clock.now += 20
    assert isinstance(await ledger.begin("contoso", limits, 1), str)


async def test_requests_of_the_last_minute_count_and_say_when_there_is_room(ledger):
    limits = Limits(requests=2)
    for _ in range(2):
        await ledger.end(await ledger.begin("contoso", limits, 1), 1)
        ledger.clock.now += 10
    refused = await ledger.begin("contoso", limits, 1)
    assert refused.until - ledger.clock.now == pytest.approx(40)
    ledger.clock.now = refused.until
    assert isinstance(await ledger.begin("contoso", limits, 1), str)


async def test_tokens_are_reserved_and_then_counted_as_used(ledger):
    limits = Limits(tokens=100)
    first = await ledger.begin("contoso", limits, 90)
    assert isinstance(await ledger.begin("contoso", limits, 20), LimitReached)
    await ledger.end(first, 10)
    assert isinstance(await ledger.begin("contoso", limits, 90), str)


async def test_the_budget_of_a_day_lasts_until_midnight_utc(ledger):
    limits = Limits(tokens_a_day=50)
    await ledger.end(await ledger.begin("contoso", limits, 1), 60)
    refused = await ledger.begin("contoso", limits, 1)
    assert refused.daily
    assert refused.until % DAY == 0
    ledger.clock.now = refused.until
    assert isinstance(await ledger.begin("contoso", limits, 1), str)


@given(st.lists(st.tuples(st.floats(0, 200), st.integers(0, 60)), max_size=40), st.integers(1, 5), st.integers(1, 100))
def test_no_minute_holds_more_than_its_limit(wishes, requests, tokens):
    limits, uses, now = Limits(requests=requests, tokens=tokens), [], 0.0
    for number, (pause, wanted) in enumerate(wishes):
        now += pause / 10
        refused = limit_reached(limits, uses, 0, wanted, now)
        if refused is None:
            uses.append(CallUse(str(number), now, wanted, now))
            minute = [use for use in uses if use.began > now - 60]
            assert len(minute) <= requests
            assert sum(min(use.tokens, tokens) for use in minute) <= tokens or len(minute) == 1
        else:
            assert refused.until > now
