"""Calls wait for limits and budgets, fail or go elsewhere; what they used is booked. Nobody waits for real."""

import asyncio
import random
from collections import defaultdict
from dataclasses import replace

import pytest

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    EmbeddingRequest,
    Embeddings,
    Limits,
    Message,
    Spilled,
    Target,
    TextDelta,
    Usage,
    Waited,
    Waiting,
    WhenReached,
)
from connections.limits.budgets import BudgetReached, Reservation
from connections.limits.client import LimitedClient, Spender
from connections.limits.rules import LimitReached
from tests.connections.jumping_time import now, run
from tests.connections.limits.local_ledger import LocalLedger

ANSWER = Completion("ok", None, "stop", Usage(3, 4, 7), "m", None, 200, "")
VECTORS = Embeddings(((1.0,),), "m", Usage(6, 0, 6), None, 200, "")
REFUSED = FoundryError(ErrorKind.SERVER, "500")
SILENCE = None
STOPPED = 95.0  # seconds; a call is stopped then, if it has not ended


class Model:
    """A client that says something each second, remembers who asked, and counts who is inside."""

    def __init__(self, *said):
        self.said, self.asked, self.inside, self.most = said or (ANSWER,), [], 0, 0

    async def chat(self, target, request, renew=None):
        self.asked.append((target.name, request.messages[0].content, target.key))
        self.renew = renew
        self.inside += 1
        self.most = max(self.most, self.inside)
        try:
            for event in self.said:
                await asyncio.sleep(1 if event else 2 * STOPPED)
                if isinstance(event, FoundryError):
                    raise event
                yield event
        finally:
            self.inside -= 1

    async def embedding_events(self, target, request, renew=None):
        self.asked.append((target.name, request.inputs, target.key))
        self.renew = renew
        yield VECTORS


class Ledger:
    """Answers with what it is told in turn, at last with an id, and notes what is booked."""

    def __init__(self, *answers):
        self.answers, self.booked = [*answers, "id"], []

    async def begin(self, account, limits, wanted):
        return self.answers.pop(0)

    async def renew(self, id):
        self.booked.append("renew")

    async def end(self, id, tokens):
        self.booked.append((id, tokens))


class Budgets:
    """The same of budgets, that hold connections with such a beginning."""

    def __init__(self, *answers, held="c"):
        self.answers, self.held, self.asked, self.booked = [*answers], held, [], []

    async def has_budget(self, connection, customer):
        self.asked.append((connection, customer))
        return connection.startswith(self.held)

    async def begin(self, connection, customer, request):
        return self.answers.pop(0) if self.answers else Reservation(f"{connection} {customer}", {})

    async def renew(self, reservation):
        self.booked.append("renew")

    async def end(self, reservation, request, answer):
        self.booked.append((reservation.id, answer))

    async def give_back(self, reservation, request):
        self.booked.append((reservation.id, "given back"))


UNHELD = Spender(Budgets(held="nothing"))


def client_of(model, ledger=None, others=None, spender=UNHELD):
    async def connection(name):
        return others[name]

    return LimitedClient(model, ledger or LocalLedger(now), connection, defaultdict(asyncio.Lock), spender, now)


def target(name="contoso", **limits):
    return Target(name, None, None, limits=Limits(**limits), account=name)


def request(text="Why?"):
    return ChatRequest("m", (Message("user", text),), max_completion_tokens=10)


async def collect(client, wanted, asked=None, events=None):
    events = [] if events is None else events
    async for event in client.chat(wanted, asked or request()):
        events.append(event)
    return events


def outcome_of(*wanted, **parts):
    """The events of calls one after the other, and the error that the last one ended with."""

    async def call():
        client, events = client_of(**parts), []
        try:
            for each in wanted:
                await asyncio.wait_for(collect(client, each, events=events), STOPPED)
        except (FoundryError, TimeoutError) as error:
            events.append(error)
        await asyncio.sleep(STOPPED)  # nothing goes on behind a call
        return events

    return run(call())


def test_calls_begin_in_the_order_they_were_asked_for_and_none_is_lost():
    model = Model()

    async def both():
        client = client_of(model)
        return await asyncio.gather(*(collect(client, target(calls=1), request(str(number))) for number in range(6)))

    results = run(both())
    assert [text for _, text, _ in model.asked] == [str(number) for number in range(6)]
    assert model.most == 1
    assert results[0] == [ANSWER]
    assert results[1][0] == Waiting("Limit of contoso: 1 of 1 calls are going", None, 0)
    others, *waits, waited, answer = results[-1]
    assert others == Waiting("Limit of contoso: others wait before it", None, 0)
    assert {wait.until for wait in waits} == {None}  # nobody knows how long others take
    assert (type(waited), answer) == (Waited, ANSWER)
    assert waited.seconds == pytest.approx(5, abs=0.5 * 5)


@pytest.mark.parametrize(("slot", "second"), [(1, "second"), (None, "first")])
def test_a_call_that_waited_goes_with_the_key_of_the_moment(slot, second):
    model, stored = Model(), replace(target(requests=1), key="second", slot=2)
    wanted = replace(target(calls=1), key="first", slot=slot)

    async def three():
        client = client_of(model, others={"contoso": stored})
        await asyncio.gather(*(collect(client, wanted, request(str(number))) for number in range(3)))
        return await model.renew(wanted)

    renewed = run(three())
    assert [key for *_, key in model.asked] == ["first", second, second]
    assert (renewed.key, renewed.limits) == (second, Limits(calls=1))


def test_cancelled_calls_give_their_places_back():
    model, chance = Model(), random.Random(7)  # noqa: S311 - a test

    async def cancel_half():
        client = client_of(model)
        tasks = [asyncio.create_task(collect(client, target(calls=2), request(str(number)))) for number in range(30)]
        for task in tasks:
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random())
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (model.inside, model.most) == (0, 2)
        return await collect(client, target(calls=2))

    assert run(cancel_half())[-1] == ANSWER


@pytest.mark.parametrize("limits", [{}, {"tokens": 1_000}])
def test_tokens_that_a_service_does_not_count_are_estimated_and_said_to_be(limits):
    uncounted = replace(ANSWER, text="o" * 10, usage=Usage())
    ledger = Ledger()
    (answer,) = run(collect(client_of(Model(uncounted), ledger), target(**limits), request("a" * 16)))
    assert answer.usage == Usage(4, 3, 7, estimated_tokens=7)
    assert ledger.booked == ([("id", 7)] if limits else [])
    (counted,) = run(collect(client_of(Model()), target()))
    assert counted.usage.estimated_tokens is None


SECOND = 1_000_001.0  # when the second call is asked for


def test_a_call_looks_again_until_there_is_room():
    waiting = Waiting("Limit of contoso: 1 requests a minute are used", SECOND + 59, 0)
    wanted = target(requests=1, spill_over_to="spare")
    assert outcome_of(wanted, wanted, model=Model()) == [ANSWER, *[waiting] * 12, Waited(59.0), ANSWER]


FAIL, SPILL, WAIT = WhenReached.FAIL, WhenReached.SPILL, WhenReached.WAIT
LATER = LimitReached("no", SECOND + 1)


@pytest.mark.parametrize(
    ("reached", "limits", "events"),
    [
        (LATER, {}, [Waiting("Limit of contoso: no", SECOND + 1, 0), Waited(2.0), ANSWER]),
        (replace(LATER, is_known=False), {}, [Waiting("Limit of contoso: no", None, 0), Waited(2.0), ANSWER]),
        (replace(LATER, until=0.0), {}, [Waiting("Limit of contoso: no", 0.0, 0), Waited(0.05), ANSWER]),
        (LATER, {"when_reached": SPILL}, [Waiting("Limit of contoso: no", SECOND + 1, 0), Waited(2.0), ANSWER]),
        (LATER, {"spill_over_to": "a"}, [Waiting("Limit of contoso: no", SECOND + 1, 0), Waited(2.0), ANSWER]),
        (LATER, {"when_reached": SPILL, "spill_over_to": "a"}, [Spilled(target("a"), "contoso: no"), ANSWER]),
    ],
)
def test_a_limit_that_is_reached_is_waited_for_or_the_other_connection_is_called(reached, limits, events):
    found = outcome_of(target(calls=1, **limits), model=Model(), ledger=Ledger(reached), others={"a": target("a")})
    assert [
        replace(each, seconds=round(each.seconds, 2)) if isinstance(each, Waited) else each for each in found
    ] == events


@pytest.mark.parametrize(("daily", "kind"), [(False, ErrorKind.RATE_LIMIT), (True, ErrorKind.QUOTA)])
def test_a_connection_that_is_to_fail_says_which_limit(daily, kind):
    ledger = Ledger(LimitReached("1 requests a minute are used", SECOND, daily))
    (error,) = outcome_of(target(calls=1, when_reached=FAIL), model=Model(), ledger=ledger)
    assert (error.kind, error.hint) == (kind, "Raise it on the page of the connection, or let calls wait.")
    assert error.message == "The limit of the connection is reached: 1 requests a minute are used."


def test_connections_that_spill_into_each_other_end_in_an_error():
    a, b = (target(name, calls=1, when_reached=SPILL, spill_over_to=other) for name, other in ("ab", "ba"))
    model, ledger = Model(), Ledger(*[LATER] * 5)
    *spills, error = outcome_of(a, model=model, ledger=ledger, others={"a": a, "b": b})
    assert [spill.target.name for spill in spills] == ["b", "a", "b", "a", "b"]
    assert (error.kind, error.message) == (ErrorKind.QUOTA, "b: the connections spill over into each other.")
    assert (model.asked, ledger.answers) == ([], ["id"])


LONG = (TextDelta("a"),) * 24  # seconds


@pytest.mark.parametrize(
    ("said", "booked"),
    [
        ((ANSWER,), [("id", 7)]),
        ((*LONG, ANSWER), ["renew", "renew", ("id", 7)]),
        ((TextDelta("a"), REFUSED), [("id", 0)]),
        ((TextDelta("a"), SILENCE), [*["renew"] * 9, ("id", 11)]),  # what it would take was estimated
    ],
)
def test_the_tokens_of_a_call_are_booked_at_its_end(said, booked):
    ledger = Ledger()
    outcome_of(target(calls=1), model=Model(*said), ledger=ledger)
    assert ledger.booked == booked


def test_embeddings_are_held_by_the_same_limits():
    model, limited = Model(), target(tokens=10, when_reached=FAIL)

    async def embed(client, texts):
        return [event async for event in client.embedding_events(limited, EmbeddingRequest("m", texts))]

    async def both():
        client = client_of(model)
        assert await embed(client, ["a", "b"]) == [VECTORS]
        with pytest.raises(FoundryError, match="The limit of the connection is reached"):
            await embed(client, ["a" * 40])
        return await model.renew(limited)

    assert run(both()) == limited
    assert model.asked == [("contoso", ["a", "b"], None)]


SPENT = BudgetReached("All is spent", SECOND, is_spent=True)
WAITING = [Waiting("All is spent", None, 0), Waited(1.0), ANSWER]
UNTIL = [Waiting("All is spent", SECOND, 0), Waited(1.0), ANSWER]


@pytest.mark.parametrize(
    ("reached", "events"),
    [
        (SPENT, UNTIL),
        (replace(SPENT, is_spent=False), WAITING),
        (replace(SPENT, is_spent=False, when_spent=FAIL), WAITING),
        (replace(SPENT, is_spent=False, when_spent=SPILL, spill_over_to="spare"), WAITING),
        (replace(SPENT, when_spent=SPILL), UNTIL),
        (replace(SPENT, spill_over_to="spare"), UNTIL),
        (
            replace(SPENT, when_spent=SPILL, spill_over_to="spare", of_customer=True),
            [Spilled(target("spare"), "contoso: All is spent", of_customer=True), ANSWER],
        ),
    ],
)
def test_a_budget_that_is_spent_is_waited_for_or_another_connection_is_called(reached, events):
    assert (
        outcome_of(target(), model=Model(), spender=Spender(Budgets(reached)), others={"spare": target("spare")})
        == events
    )


def test_a_budget_may_make_calls_fail():
    budgets = Budgets(replace(SPENT, when_spent=FAIL, details={"budget": "b"}))
    (error,) = outcome_of(target(), model=Model(), spender=Spender(budgets))
    assert (error.kind, error.message, error.details) == (ErrorKind.BUDGET, "All is spent.", {"budget": "b"})
    assert error.hint == "Raise it on the page of usage, under Budgets, or let calls wait."


@pytest.mark.parametrize(
    ("of_connection", "of_run", "of_customer", "asked"),
    [
        ("", "", False, [("contoso", ""), ("cold", "")]),
        ("", "Fabrikam", False, [("contoso", "Fabrikam"), ("cold", "Fabrikam")]),
        ("Tailspin", "Fabrikam", False, [("contoso", "Tailspin"), ("cold", "Tailspin")]),
        ("Tailspin", "Fabrikam", True, [("contoso", "Tailspin"), ("cold", "")]),  # which pays from now on
    ],
)
def test_budgets_are_those_of_the_connection_and_of_the_customer(of_connection, of_run, of_customer, asked):
    reached = replace(SPENT, when_spent=SPILL, spill_over_to="cold", of_customer=of_customer)
    budgets, wanted = Budgets(reached), replace(target(), customer=of_connection)
    outcome_of(wanted, model=Model(), spender=Spender(budgets, of_run), others={"cold": target("cold")})
    assert budgets.asked == asked
    assert budgets.booked == [(" ".join(asked[-1]), ANSWER)]


RENEWED = ["renew"] * 9
GIVEN_BACK = ("contoso Fabrikam", "given back")


@pytest.mark.parametrize(
    ("said", "booked"),
    [
        ((*LONG, ANSWER), ["renew", "renew", ("contoso Fabrikam", ANSWER)]),
        ((TextDelta("a"), REFUSED), [GIVEN_BACK]),
        ((SILENCE,), [*RENEWED, ("contoso Fabrikam", None)]),
        ((TextDelta("a"), SILENCE), [*RENEWED, ("contoso Fabrikam", None)]),
        ((TextDelta("a"), Waiting("429", None, 1), SILENCE), [*RENEWED, GIVEN_BACK]),
        ((TextDelta("a"), Adapted(()), SILENCE), [*RENEWED, GIVEN_BACK]),
        ((Waiting("429", None, 1), Waited(1.0), SILENCE), [*RENEWED, ("contoso Fabrikam", None)]),
    ],
)
def test_what_a_call_used_of_a_budget_is_booked_at_its_end(said, booked):
    budgets = Budgets()
    outcome_of(target(), model=Model(*said), spender=Spender(budgets, "Fabrikam"))
    assert budgets.booked == booked


def test_a_call_that_spills_over_because_of_a_limit_used_nothing_of_its_budget():
    budgets, wanted = Budgets(), target(calls=1, when_reached=SPILL, spill_over_to="spare")
    parts = {"ledger": Ledger(LATER), "spender": Spender(budgets, "Fabrikam"), "others": {"spare": target("spare")}}
    assert outcome_of(wanted, model=Model(), **parts) == [Spilled(target("spare"), "contoso: no"), ANSWER]
    assert budgets.booked == [GIVEN_BACK]


def test_embeddings_are_booked_as_answers_are():
    budgets = Budgets()

    async def embed():
        client = client_of(Model(), spender=Spender(budgets))
        return [event async for event in client.embedding_events(target(), EmbeddingRequest("m", "a"))]

    assert run(embed()) == [VECTORS]
    assert budgets.booked == [("contoso ", VECTORS)]


def test_whoever_waits_for_a_budget_waits_behind_those_of_the_same_connection_and_customer():
    async def three():
        client = client_of(Model(), spender=Spender(Budgets(SPENT)))
        wanted = [replace(target(), customer=name) for name in ("Fabrikam", "Fabrikam", "Tailspin")]
        return await asyncio.gather(*(collect(client, each) for each in wanted))

    first, second, other = run(three())
    assert first == UNTIL
    assert second == [Waiting("Limit of contoso: others wait before it", None, 0), Waited(1.0), ANSWER]
    assert other == [ANSWER]
