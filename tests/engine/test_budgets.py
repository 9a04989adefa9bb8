"""Budgets are reserved and booked exactly, whoever counts at the same time; what is spent waits, fails or spills."""

import asyncio
import json
import threading
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.db import transaction

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import ChatRequest, Completion, Message, Spilled, Target, Usage, Waited, Waiting
from connections.limits import client as limits_client
from connections.limits.budgets import BudgetReached, Reservation, has_room, period_at
from connections.limits.client import LimitedClient, Spender
from connections.limits.rules import LEASE
from flows.engine import budget_webhook, budgets
from flows.engine.budgets import BeginningCall, DatabaseBudgets, EndedCall, count_calls
from flows.engine.writer import DatabaseWriter
from flows.flowchart.states import run_view
from flows.models import ActionRun, Budget, BudgetAccount, BudgetReservation, Run
from flows.models.usage import SeriesKey, add_usage, hour_of
from flows.pricing.models import ModelPrice
from tests.conftest import Server
from tests.documents_of import load
from tests.factories import PLANTED_KEY, finish_run, make_connection, make_flow

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 29, 23, 0, tzinfo=UTC).timestamp()
DAY = 86_400.0


@pytest.fixture(autouse=True)
def forget_what_is_known():
    budgets.recent.clear()
    budgets.prices.clear()


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


def make_budget(subject="connection", name="contoso", amount=1_000, period="month", **more):
    more.setdefault("when_spent", "fail")
    return Budget.objects.create(subject=subject, name=name, amount=Decimal(amount), period=period, **more)


def request(tokens=100, model="gpt-4o"):
    """Its estimate is so many tokens, and one for the prompt."""
    return ChatRequest(model, (Message("user", "Why?"),), max_completion_tokens=tokens)


def answer(tokens, model="gpt-4o"):
    return Completion("ok", None, "stop", Usage(tokens - 1, 1, tokens), model, None, 200, "")


def begin(name="contoso", customer="", tokens=100, now=NOW, model="gpt-4o"):
    ((answered, _),) = transaction.atomic(count_calls)([BeginningCall(name, customer, request(tokens, model), now)])
    return answered


def book(reservation, tokens=None, model="gpt-4o"):
    ended = EndedCall(reservation, request(model=model), answer(tokens, model) if tokens else None)
    return transaction.atomic(count_calls)([ended])


def used_amounts(**account):
    return list(BudgetAccount.objects.filter(**account).order_by("begins", "name").values_list("used", flat=True))


@pytest.mark.parametrize(
    ("limit", "used", "reserved", "wanted", "fits"),
    [
        (100, 0, 0, 100, True),
        (100, 50, 30, 20, True),
        (100, 50, 30, 21, False),
        (100, 99, 0, 500, True),  # what is left goes to one call alone
        (100, 99, 1, 1, False),
        (100, 100, 0, 1, False),
        (100, 130, 0, 0, False),
    ],
)
def test_calls_go_that_fit_and_the_last_one_alone(limit, used, reserved, wanted, fits):
    assert has_room(limit, used, reserved, wanted) is fits


def test_periods_are_days_and_months_of_utc():
    assert [at.isoformat()[:10] for at in period_at("day", NOW)] == ["2026-11-29", "2026-11-30"]
    assert [at.isoformat()[:10] for at in period_at("month", NOW)] == ["2026-11-01", "2026-12-01"]
    assert [at.isoformat()[:10] for at in period_at("month", NOW + 7 * DAY)] == ["2026-12-01", "2027-01-01"]


def test_an_estimate_is_reserved_and_what_was_used_is_booked():
    make_budget(amount=250)
    first, second = begin(), begin()
    waits = begin()
    assert isinstance(waits, BudgetReached)
    assert not waits.is_spent
    book(first, 20)
    third = begin()
    assert isinstance(third, Reservation)
    book(second, 180)
    book(third)  # stopped: nobody knows, the estimate counts
    assert used_amounts() == [20 + 180 + 101]
    spent = begin()
    assert spent.is_spent
    assert spent.reason == "Monthly budget spent: 301 of 250 tokens of connection contoso"
    assert spent.until == period_at("month", NOW)[1].timestamp()
    assert BudgetReservation.objects.count() == 0


def test_a_day_ends_at_midnight_utc_and_what_began_before_counts_there():
    make_budget(amount=100, period="day")
    late = begin()
    assert isinstance(begin(), BudgetReached)
    tomorrow = begin(now=NOW + 3_600)
    assert isinstance(tomorrow, Reservation)
    book(late, 70)
    book(tomorrow, 90)
    assert used_amounts() == [70, 90]


def test_what_a_dead_process_set_aside_comes_back_and_a_late_end_is_booked_all_the_same():
    make_budget(amount=150)
    dead = begin()
    assert isinstance(begin(now=NOW + LEASE - 1), BudgetReached)
    assert isinstance(begin(now=NOW + LEASE + 1), Reservation)
    book(dead, 60)
    assert used_amounts() == [60]


def test_a_budget_of_a_customer_goes_before_that_of_every_customer_and_each_has_an_account():
    make_budget("every customer", "", amount=100)
    make_budget("customer", "Contoso", amount=1_000)
    make_budget("connection", "contoso", amount=10_000)
    book(begin(customer="Contoso"), 500)
    book(begin(customer="Fabrikam"), 100)
    assert isinstance(begin(customer="Contoso"), Reservation)
    assert isinstance(begin(customer="Northwind"), Reservation)
    assert isinstance(begin(customer=""), Reservation)
    assert begin(customer="Fabrikam").details["budget"]["name"] == "Fabrikam"
    assert used_amounts(name="contoso") == [600]


def test_money_is_counted_by_the_price_table_and_other_currencies_are_not():
    ModelPrice.objects.create(pattern="gpt-4o", input=Decimal(10), output=Decimal(10))
    ModelPrice.objects.create(pattern="elsewhere", input=Decimal(10), output=Decimal(10), currency="EUR")
    make_budget(amount=1, currency="USD")
    book(begin(), 60_000)
    for unpriced in ("elsewhere", "unknown"):
        book(begin(model=unpriced), 90_000, model=unpriced)
    book(begin(), 40_000)
    assert used_amounts() == [10**10]
    assert begin().reason == "Monthly budget spent: $1.00 of $1.00 of connection contoso"


def test_an_estimate_without_bounds_is_a_call_alone():
    make_budget(amount=1_000)
    ModelPrice.objects.create(pattern="gpt-4o", input=Decimal(10), output=Decimal(99_999_999))
    make_budget(amount=99_999_999, currency="USD")
    book(begin(tokens=10**30), 10**30)
    assert begin().is_spent


def test_a_new_budget_knows_what_was_spent_before():
    key = SeriesKey(1, "contoso", "Fabrikam", "gpt-4o", "", "USD")
    for days, tokens in ((0, 70), (3, 20), (40, 1_000)):
        at = datetime.fromtimestamp(NOW, UTC) - timedelta(days=days)
        transaction.atomic(add_usage)({(key, hour_of(at)): [1, tokens, 0, 5, 0, 0, 0, 0, 0, 7]})
    make_budget("customer", "Fabrikam", amount=100)
    make_budget("connection", "contoso", amount=1_000, period="day")
    make_budget("connection", "contoso", amount=1, currency="USD")
    assert begin(customer="Fabrikam").reason.startswith("Monthly budget spent: 100 of 100")
    assert sorted(used_amounts()) == [14, 75, 100]


def test_calls_that_are_counted_together_share_what_is_left_and_the_first_decides():
    make_budget("every customer", "", amount=250)
    make_budget(amount=10_000)
    first = begin(customer="Contoso")
    calls = [BeginningCall("contoso", name, request(), NOW) for name in ("Contoso", "Contoso", "Fabrikam", "")]
    outcomes = transaction.atomic(count_calls)([*calls, EndedCall(first, request(), answer(50))])
    kinds = [type(outcome) for outcome, _ in outcomes]
    assert kinds == [Reservation, BudgetReached, Reservation, Reservation, type(None)]
    assert sorted(used_amounts()) == [0, 50, 50]


# The client


class Model:
    """Each answer uses so many tokens. It remembers which connections called."""

    def __init__(self, uses=60):
        self.called, self.uses = [], uses

    async def chat(self, target, request, renew=None):
        self.called.append(target.name)
        if request.model == "broken":
            raise FoundryError(ErrorKind.SERVER, "500")
        await asyncio.sleep(0.001)
        yield answer(self.uses)


def client_of(model, clock, customer="", others=None):
    async def stored(name):
        return (others or {})[name]

    kept = DatabaseBudgets(lambda job: sync_to_async(transaction.atomic(job))(), clock)
    return LimitedClient(model, None, stored, defaultdict(asyncio.Lock), Spender(kept, customer))


async def ask(client, name="contoso", customer="", model="gpt-4o"):
    target = Target(name, None, None, customer=customer)
    return [type(event) async for event in client.chat(target, request(10, model))]


async def budget_of(*of, **more):
    return await sync_to_async(make_budget)(*of, **more)


async def test_a_call_without_a_budget_makes_no_account():
    client = client_of(Model(), Clock())
    assert await ask(client) == [Completion]
    assert not await BudgetAccount.objects.aexists()


async def test_a_budget_that_is_spent_fails_with_a_typed_error_and_a_failed_call_used_nothing():
    await budget_of(amount=100)
    client = client_of(Model(), Clock())
    for model in ("gpt-4o", "broken", "gpt-4o"):
        try:
            await ask(client, model=model)
        except FoundryError as error:
            assert error.kind is ErrorKind.SERVER
    with pytest.raises(FoundryError) as failed:
        await ask(client)
    assert failed.value.kind is ErrorKind.BUDGET
    known = failed.value.details["budget"]
    assert (known["of"], known["name"], known["period"]) == ("connection", "contoso", "month")
    assert (known["used"], known["limit"], known["measure"]) == ("120", "100", "tokens")


async def test_calls_wait_until_the_period_ends(monkeypatch):
    monkeypatch.setattr(limits_client, "LONGEST_PAUSE", 0.05)
    await budget_of(amount=50, when_spent="wait", period="day")
    model, clock = Model(), Clock()
    client = client_of(model, clock)
    await ask(client)
    waiting = asyncio.create_task(ask(client))
    await asyncio.sleep(0.4)
    assert not waiting.done()
    assert len(model.called) == 1
    clock.now += 3_600
    said = await asyncio.wait_for(waiting, 5)
    assert said[-2:] == [Waited, Completion]
    assert set(said[:-2]) == {Waiting}


async def test_a_connection_spills_over_and_the_other_one_is_counted():
    await sync_to_async(make_connection)("spare")
    spare = await sync_to_async(lambda: make_connection("other"))()
    await budget_of(amount=50, when_spent="spill", spill_over_to=spare)
    await budget_of(name="other", amount=50)
    model = Model()
    client = client_of(model, Clock(), others={"other": Target("other", None, None)})
    await ask(client)
    assert await ask(client) == [Spilled, Completion]
    assert model.called == ["contoso", "other"]
    with pytest.raises(FoundryError, match="connection other"):
        await ask(client)


async def test_a_customer_that_spills_over_is_paid_for_by_the_other_connection():
    spare = await sync_to_async(make_connection)("spare")
    budget = await budget_of("customer", "Fabrikam", amount=50, when_spent="spill", spill_over_to=spare)
    client = client_of(Model(), Clock(), others={"spare": Target("spare", None, None)})
    await ask(client, customer="Fabrikam")
    for _ in range(2):
        assert await ask(client, customer="Fabrikam") == [Spilled, Completion]
    assert await sync_to_async(used_amounts)(budget=budget) == [60]


async def test_the_label_of_the_run_counts_where_the_connection_has_none():
    await budget_of("every customer", "", amount=50)
    client = client_of(Model(), Clock(), "Fabrikam")
    await ask(client)
    await ask(client, customer="Contoso")
    for customer, whose in (("", "Fabrikam"), ("Contoso", "Contoso")):
        with pytest.raises(FoundryError, match=f"customer {whose}"):
            await ask(client, customer=customer)


@pytest.mark.parametrize("uses", [11, 60], ids=["as estimated", "more than estimated"])
def test_many_processes_never_exceed_a_budget_by_more_than_the_calls_that_go_use_beyond_their_estimates(uses):
    budget, wrong = make_budget(amount=440), []

    async def spend_all():
        writer = DatabaseWriter()
        spender = Spender(DatabaseBudgets(writer.do, Clock()))
        client = LimitedClient(Model(uses), None, None, defaultdict(asyncio.Lock), spender)

        async def spend():
            while await ask(client):  # its estimate is 11
                pass

        ends = await asyncio.gather(*(spend() for _ in range(3)), return_exceptions=True)
        await writer.close()
        assert {(type(end), end.kind) for end in ends} == {(FoundryError, ErrorKind.BUDGET)}

    def process():
        try:
            asyncio.run(spend_all())
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=process) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []
    (spent,) = used_amounts(budget=budget)
    assert 440 <= spent <= 440 + 12 * (uses - 11)
    assert BudgetReservation.objects.count() == 0


# The warning


class Listener:
    """Keeps what is posted to it."""

    def __init__(self):
        self.said = []

    async def __call__(self, scope, receive, send):
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        self.said.append(json.loads(body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


async def test_it_warns_once_a_period_in_the_log_and_at_the_webhook(settings, caplog):
    await budget_of(amount=200, period="day")
    listener, clock = Listener(), Clock()
    with Server(listener) as server:
        settings.ALLOWED_DESTINATIONS = [server.url.removeprefix("http://")]
        settings.BUDGET_WEBHOOK = f"{server.url}/hook?token={PLANTED_KEY}"
        client = client_of(Model(), clock)
        counts = []
        for _ in range(4):
            await ask(client)
            await budget_webhook.finish()
            counts.append(len(listener.said))
        assert counts == [0, 0, 1, 1]
        clock.now += DAY
        for _ in range(3):
            await ask(client)
        await budget_webhook.finish()
    first, second = listener.said
    assert first["event"] == "budget_warning"
    assert (first["budget"]["name"], first["budget"]["percent"], first["budget"]["used"]) == ("contoso", 90, "180")
    assert (first["budget"]["begins"], second["budget"]["begins"]) == ("2026-11-29", "2026-11-30")
    lines = [record.getMessage() for record in caplog.records if "budget" in record.getMessage()]
    assert lines[0] == "Budget warning: Daily budget of connection contoso is spent to 90 %: 180 of 200 tokens."
    assert len(lines) == 2
    assert PLANTED_KEY not in caplog.text + json.dumps(listener.said)


async def test_a_webhook_that_cannot_be_called_harms_nobody_and_is_not_told_in_the_log(settings, caplog):
    settings.ALLOWED_DESTINATIONS = []
    settings.BUDGET_WEBHOOK = f"https://127.0.0.1:9/{PLANTED_KEY}"
    await budget_of(amount=50)
    assert await ask(client_of(Model(), Clock())) == [Completion]
    await budget_webhook.finish()
    assert "could not be called: blocked_destination" in caplog.text
    assert PLANTED_KEY not in caplog.text


def test_a_run_says_whose_budget_is_spent(simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    make_budget("customer", "Fabrikam", amount=1, period="day")
    document = load("bar-static")
    flow = make_flow(document)
    runs = []
    for _ in range(2):
        run = Run.objects.start(flow=flow, inputs={"question": "Why?"}, by=None, via="api", customer="Fabrikam")
        finish_run(run)
        runs.append(run)
    assert [run.state for run in runs] == ["succeeded", "failed"]
    assert runs[1].error["kind"] == "budget"
    assert runs[1].error["message"].startswith("simulator: Daily budget spent: ")
    assert runs[1].error["message"].endswith(" of 1 tokens of customer Fabrikam.")
    assert run_view(runs[1]).words == "Failed: Daily budget spent"
    facts = ActionRun.objects.get(run=runs[1], path="chat").facts
    assert facts["budget"]["limit"] == "1"
    tokens = runs[0].prompt_tokens + runs[0].completion_tokens
    assert used_amounts() == [tokens]
