"""Usage is what the records say: counted with them, once, by hour, day and month."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from connections.secret import Secret
from flows.engine.call_counts import CountedCall, recount_usage, usage_differences
from flows.engine.records import RunRecords, StaleAttempt, write_records
from flows.interpreter.known_secrets import KnownSecrets
from flows.models import ActionRun, Run, State, UsageFigures
from flows.models.usage import Span, add_usage
from flows.pricing.models import ModelPrice
from tests.documents_of import load
from tests.factories import PLANTED_KEY, finish_run, make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)
AT = datetime(2026, 11, 29, 23, 59, tzinfo=UTC)


def rows(span=Span.HOUR):
    found = UsageFigures.objects.filter(span=span).select_related("series").order_by("series__error", "begins")
    return [(each.series, each) for each in found]


def run_with_model(model, **more):
    document = load("bar-static")
    document["actions"][0]["properties"]["model"] = model
    run = Run.objects.start(flow=make_flow(document), inputs={"question": "Why?"}, by=None, via="api", **more)
    return finish_run(run)


def test_each_end_counts_with_its_customer_tokens_cost_and_kind_of_error(simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    ModelPrice.objects.create(pattern="fail-429-*", input=Decimal("0.1500"), output=Decimal("0.6000"))
    answered = run_with_model("fail-429-1", customer="Contoso")
    failed = run_with_model("bad-key")
    (series, good), (other, bad) = rows()
    assert (series.flow, series.connection, series.customer) == (answered.flow_id, "simulator", "Contoso")
    assert (series.deployment, series.error, series.currency) == ("fail-429-1", "", "USD")
    assert (other.flow, other.customer, other.error, other.currency) == (failed.flow_id, "", "auth_key", "")
    assert (good.calls, good.prompt_tokens) == (1, answered.prompt_tokens)
    assert good.completion_tokens == answered.completion_tokens > 0
    assert (good.throttled, bad.calls, bad.throttled, bad.cost) == (1, 1, 0, 0)
    assert good.waited_ms > 0
    assert good.total_ms > 0
    cost = Decimal("0.15") * good.prompt_tokens + Decimal("0.6") * good.completion_tokens
    assert Decimal(good.cost).scaleb(-10) == cost / 1_000_000
    facts = ActionRun.objects.get(run=answered, path="chat").facts
    assert (Decimal(facts["cost"]), facts["currency"]) == (cost / 1_000_000, "USD")
    assert [each.calls for _, each in rows(Span.DAY)] == [each.calls for _, each in rows(Span.MONTH)] == [1, 1]


def test_a_recount_gives_the_same_whatever_prices_are_now_and_leaves_what_is_gone(simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    price = ModelPrice.objects.create(pattern="*", input=1, output=2)
    run = run_with_model("gpt-4o-mini")
    run_with_model("bad-key")
    run_with_model("gpt-4o").flow.remove()
    again = Run.objects.start_again(run, by=None, via="api")  # takes over what was paid already
    finish_run(again)
    price.input = 7
    price.save()
    before = [list(UsageFigures.objects.order_by("span", "begins", "series").values()) for _ in "x"]
    assert usage_differences() == 0
    UsageFigures.objects.filter(series__deployment="gpt-4o-mini").update(calls=9)
    assert usage_differences() == 1
    recount_usage()
    assert usage_differences() == 0
    for each in before[0]:
        found = UsageFigures.objects.get(span=each["span"], begins=each["begins"], series=each["series_id"])
        assert (found.calls, found.cost, found.total_ms) == (each["calls"], each["cost"], each["total_ms"])
    assert UsageFigures.objects.count() == len(before[0]) == 9


def test_a_superseded_attempt_counts_nothing():
    run = make_run(make_flow(), question="Why?")
    Run.objects.filter(pk=run.pk).update(attempt=2, state=State.RUNNING)
    call = CountedCall(run.flow_id, None, AT, {"deployment": "gpt-x"}, {"prompt_tokens": 5}, None)
    older = RunRecords(run.pk, 1, KnownSecrets(), calls=[call])
    newer = RunRecords(run.pk, 2, KnownSecrets(), calls=[call])
    with transaction.atomic():
        assert isinstance(write_records([older])[0], StaleAttempt)
        assert write_records([newer]) == [None]
    ((_, only),) = rows()
    assert (only.calls, only.prompt_tokens) == (1, 5)


def test_hours_fall_into_their_day_and_month():
    key = CountedCall(1, None, AT, {"deployment": "gpt-x"}, None, None).key
    last = int(AT.timestamp()) // 3600
    add_usage(
        {(key, last + hours): [1] * 10 for hours in (-47, 0, 1, 24, 25)}
    )  # 28, 29, 30 and 30 November, 1 December
    days = {datetime.fromtimestamp(each.begins * 3600, UTC).date(): each.calls for _, each in rows(Span.DAY)}
    first = (AT - timedelta(hours=47)).date()
    assert [days[first + timedelta(days=day)] for day in range(4)] == [1, 1, 2, 1]
    months = {datetime.fromtimestamp(each.begins * 3600, UTC).date(): each.calls for _, each in rows(Span.MONTH)}
    assert {str(month): calls for month, calls in months.items()} == {"2026-11-01": 4, "2026-12-01": 1}


def test_the_command_checks_and_counts_anew(simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    run_with_model("gpt-4o-mini")
    call_command("rebuild_usage", "--check")
    UsageFigures.objects.update(calls=9)
    with pytest.raises(CommandError, match="1 rows of usage are not"):
        call_command("rebuild_usage", "--check")
    call_command("rebuild_usage")
    assert [each.calls for _, each in rows()] == [1]


def test_a_secret_in_what_calls_are_counted_by_is_masked():
    run, secrets = make_run(make_flow(), question="Why?"), KnownSecrets()
    Run.objects.filter(pk=run.pk).update(attempt=1, state=State.RUNNING)
    secrets.learn([Secret(PLANTED_KEY)], "chat")
    facts = {"deployment": f"x{PLANTED_KEY}", "host": PLANTED_KEY}
    call = CountedCall(run.flow_id, None, AT, facts, None, None)
    with transaction.atomic():
        write_records([RunRecords(run.pk, 1, secrets, changed={"chat": {"facts": facts}}, calls=[call])])
    ((series, _),) = rows()
    assert PLANTED_KEY not in series.connection + series.deployment
