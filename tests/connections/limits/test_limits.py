"""Limits of connections: what may begin, who waits, and what is booked."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from connections.forms import ConnectionForm
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.estimates import estimated_usage
from connections.foundry.values import (
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Embeddings,
    Limits,
    Message,
    Spilled,
    Target,
    Usage,
    Waiting,
    WhenReached,
)
from connections.ledger import DatabaseLedger
from connections.limits.client import LimitedClient
from connections.limits.rules import DAY, LEASE, MINUTE, CallUse, LimitReached, limit_reached
from connections.models import Connection
from tests.factories import make_connection


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class LocalLedger:
    """The twin of the database: counts what one process does."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._uses: dict[str, dict[str, CallUse]] = {}
        self._days: dict[tuple[str, float], int] = {}
        self._ids = count(1)

    async def begin(self, name: str, limits: Limits, wanted: int) -> str | LimitReached:
        now, uses = self._clock(), self._uses.setdefault(name, {})
        for use in list(uses.values()):
            if use.began < now - MINUTE and use.going_until < now:
                del uses[use.id]
        reason = limit_reached(limits, list(uses.values()), self._days.get((name, now // DAY), 0), wanted, now)
        if reason is not None:
            return reason
        id = str(next(self._ids))
        uses[id] = CallUse(id, now, wanted, now + LEASE)
        return id

    def _account_of(self, id: str) -> str:
        return next(account for account, uses in self._uses.items() if id in uses)

    async def renew(self, id: str) -> None:
        uses = self._uses[self._account_of(id)]
        uses[id] = CallUse(id, uses[id].began, uses[id].tokens, self._clock() + LEASE)

    async def end(self, id: str, tokens: int) -> None:
        name, now = self._account_of(id), self._clock()
        self._uses[name][id] = CallUse(id, self._uses[name][id].began, tokens, now)
        self._days[name, now // DAY] = self._days.get((name, now // DAY), 0) + tokens


@pytest.fixture(params=["local", "database"])
def ledger(request, transactional_db):
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


class Model:
    """A client that counts who is inside."""

    def __init__(self) -> None:
        self.inside = self.most = 0
        self.asked = []

    async def chat(self, target, request, renew=None):
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.asked.append((target.name, request.messages[0].content))
        try:
            await asyncio.sleep(0.005)
            yield Completion("ok", None, "stop", Usage(3, 4, 7), "m", None, 200, "")
        finally:
            self.inside -= 1

    async def embedding_events(self, target, request, renew=None):
        self.asked.append((target.name, request.inputs))
        yield Embeddings(((1.0,),), "m", Usage(6, 0, 6), None, 200, "")


def target(name="contoso", **limits):
    endpoint = None
    return Target(name, endpoint, None, limits=Limits(**limits), account=name)


def request(text="Why?"):
    return ChatRequest("m", (Message("user", text),), max_completion_tokens=10)


async def collected(client, wanted, text="Why?"):
    return [event async for event in client.chat(wanted, request(text))]


def client_of(model, ledger=None, others=None):
    async def connection(name):
        return others[name]

    return LimitedClient(model, ledger or LocalLedger(), connection, defaultdict(asyncio.Lock))


async def test_calls_begin_in_the_order_they_were_asked_for_and_none_is_lost():
    model = Model()
    client = client_of(model)
    tasks = [asyncio.create_task(collected(client, target(calls=1), str(number))) for number in range(6)]
    results = await asyncio.gather(*tasks)
    assert [text for _, text in model.asked] == [str(number) for number in range(6)]
    assert model.most == 1
    waits = [event for event in results[-1] if isinstance(event, Waiting)]
    assert {wait.until for wait in waits} == {None}  # nobody knows how long others take


async def test_a_call_that_waited_goes_with_the_key_of_the_moment():
    class KeyModel(Model):
        def chat(self, target, request, renew=None):
            keys.append(target.key)
            return super().chat(target, request)

    keys = []
    client = client_of(KeyModel(), others={"contoso": replace(target(), key="second", slot=2)})
    first = replace(target(calls=1), key="first", slot=1)
    await asyncio.gather(*[collected(client, first, str(number)) for number in range(3)])
    assert keys == ["first", "second", "second"]


async def test_cancelled_calls_give_their_places_back():
    model, chance = Model(), random.Random(7)  # noqa: S311 - a test
    client = client_of(model)
    tasks = [asyncio.create_task(collected(client, target(calls=2), str(number))) for number in range(30)]
    for task in tasks:
        if chance.random() < 0.5:
            await asyncio.sleep(chance.random() / 200)
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert model.inside == 0
    assert model.most <= 2
    assert isinstance((await asyncio.wait_for(collected(client, target(calls=2)), 5))[-1], Completion)


async def test_tokens_that_a_service_does_not_count_are_estimated_and_said_to_be():
    class Uncounting(Model):
        async def chat(self, target, request, renew=None):
            yield Completion("o" * 10, None, "stop", Usage(), "m", None, 200, "")

    for limits in ({}, {"tokens": 1_000}):
        (answer,) = await collected(client_of(Uncounting()), target(**limits), "a" * 16)
        assert answer.usage == Usage(4, 3, 7, estimated_tokens=7)
    (counted,) = await collected(client_of(Model()), target())
    assert counted.usage.estimated_tokens is None


async def test_a_connection_that_is_to_fail_says_which_limit():
    client = client_of(Model())
    limited = target(requests=1, when_reached=WhenReached.FAIL)
    await collected(client, limited)
    with pytest.raises(FoundryError) as failed:
        await collected(client, limited)
    assert failed.value.kind is ErrorKind.RATE_LIMIT
    assert "1 requests a minute" in failed.value.message


async def test_a_connection_spills_over_and_the_other_one_is_called():
    model = Model()
    spare = Target("spare", None, None)
    client = client_of(model, others={"spare": spare})
    limited = target(requests=1, when_reached=WhenReached.SPILL, spill_over_to="spare")
    await collected(client, limited)
    events = await collected(client, limited)
    assert [type(event) for event in events] == [Spilled, Completion]
    assert [name for name, _ in model.asked] == ["contoso", "spare"]


async def test_connections_that_spill_into_each_other_end_in_an_error():
    model, ledger = Model(), LocalLedger()
    a = target("a", requests=1, when_reached=WhenReached.SPILL, spill_over_to="b")
    b = target("b", requests=1, when_reached=WhenReached.SPILL, spill_over_to="a")
    client = client_of(model, ledger, {"a": a, "b": b})
    await collected(client, a)
    await collected(client, a)
    with pytest.raises(FoundryError, match="spill over into each other"):
        await collected(client, a)


def form(**data):
    base = {"name": "a", "endpoint": "https://a.openai.azure.com/openai/v1", "key": "k" * 20}
    return ConnectionForm({**base, **data})


@pytest.mark.django_db
def test_limits_are_typed_in_the_form_and_checked():
    other = make_connection("other")
    given_ = form(max_calls="3", requests_per_minute="60", when_reached="spill", spill_over_to="other")
    assert given_.is_valid(), given_.errors
    connection = Connection()
    given_.fill(connection)
    connection.save()
    limits = Connection.objects.get(name="a").target().limits
    assert limits == Limits(calls=3, requests=60, when_reached=WhenReached.SPILL, spill_over_to="other")
    assert other.target().limits is None
    for wrong in ({"max_calls": "0"}, {"spill_over_to": "none"}, {"when_reached": "spill"}, {"tokens_per_day": "x"}):
        assert not form(**wrong).is_valid()
    circle = ConnectionForm(
        {"name": "other", "endpoint": other.endpoint, "when_reached": "spill", "spill_over_to": "a"}, stored=other
    )
    assert "comes back to this connection" in str(circle.errors["spill_over_to"])


async def test_embeddings_are_held_by_the_same_limits():
    model = Model()
    client = client_of(model)
    limited = target(tokens=10, when_reached=WhenReached.FAIL)

    async def embed(texts):
        return [event async for event in client.embedding_events(limited, EmbeddingRequest("m", texts))]

    assert isinstance((await embed(["a", "b"]))[-1], Embeddings)
    with pytest.raises(FoundryError, match="The limit of the connection is reached"):
        await embed(["a" * 40])
    assert model.asked == [("contoso", ["a", "b"])]


@pytest.mark.parametrize(("inputs", "tokens"), [("a" * 40, 11), (["a" * 4, "b"], 3), ([5, 6, 7], 3)])
def test_what_embeddings_may_take_is_estimated(inputs, tokens):
    assert estimated_usage(EmbeddingRequest("m", inputs)) == Usage(tokens, 0, tokens)
