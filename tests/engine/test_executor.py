"""The embedded engine on the real database, calling the simulator."""

import asyncio
import json

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database

from flows.engine import claims, embedded, workers
from flows.engine.live import hub
from flows.models import ActionRun, Flow, Run, State
from tests.documents_of import load
from tests.factories import PLANTED_KEY, finish_run, make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(simulator):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    return simulator


def with_model(name, model):
    document = load(name)
    document["actions"][0]["properties"]["model"] = model
    return document


def records(run):
    return {record.path: record for record in run.actions.all()}


def test_a_run_leaves_a_full_record(ready):
    run = make_run(make_flow(), question="Why?")
    finish_run(run)
    assert (run.state, run.output) == (State.SUCCEEDED, "Simulated answer of gpt-4o-mini. You said: Why?")
    chat = records(run)["chat"]
    assert chat.state == State.SUCCEEDED
    assert chat.facts["connection"] == "simulator"
    assert chat.usage["total_tokens"] == run.prompt_tokens + run.completion_tokens > 0
    assert chat.inputs["user_prompt"] == "Why?"


def test_a_dynamic_connection_is_used_and_leaves_no_secret(ready):
    flow = make_flow("bar-dynamic")
    run = make_run(flow, api_key="simulator", endpoint=f"{ready}/v1", question="Why?")
    assert "simulator" not in json.dumps(run.inputs["api_key"])
    finish_run(run)
    assert run.state == State.SUCCEEDED
    assert records(run)["chat"].facts["connection_reason"] == "from variable connection, instead of contoso"
    assert run.secret_inputs is None


def test_a_planted_key_is_nowhere_in_the_database(ready):
    make_connection("contoso", endpoint=f"{ready}/openai/v1", key=PLANTED_KEY)
    run = make_run(make_flow("bar-dynamic"), api_key=PLANTED_KEY, endpoint=f"{ready}/openai/v1", question="Why?")
    finish_run(run)
    assert (run.state, run.error["kind"]) == (State.FAILED, "auth_key")
    with database.cursor() as cursor:
        for table in database.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            assert PLANTED_KEY not in str(cursor.fetchall()), table


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ("bad-key", "auth_key"),
        ("cut-stream", "truncated"),
        ("bad-json", "protocol"),
        ("not-found", "not_found_deployment"),
    ],
)
def test_a_fault_ends_in_a_failed_action_with_its_kind(ready, model, kind):
    run = make_run(make_flow(with_model("bar-static", model)), question="Why?")
    finish_run(run)
    assert (run.state, run.error["kind"], run.error["path"]) == (State.FAILED, kind, "chat")
    assert records(run)["chat"].error["message"]


def test_an_unreachable_endpoint_fails_the_action(settings):
    settings.ALLOWED_DESTINATIONS = ["127.0.0.1:1"]
    make_connection("simulator", endpoint="http://127.0.0.1:1/openai/v1")
    run = make_run(make_flow(), question="Why?")
    finish_run(run)
    assert run.error["kind"] == "connect"


async def until(condition):
    async with asyncio.timeout(10):
        while not await sync_to_async(condition)():
            await asyncio.sleep(0.01)


async def test_stop_reaches_the_open_socket(ready):
    flow = await sync_to_async(make_flow)(with_model("bar-static", "hang"))
    run = await sync_to_async(make_run)(flow, question="Why?")
    await embedded.open_engine()
    try:
        await until(lambda: ActionRun.objects.filter(run=run, state=State.RUNNING).exists())
        assert await sync_to_async(run.request_cancel)(by="alice")
        embedded.cancel(run.pk)
        await until(lambda: Run.objects.get(pk=run.pk).state == State.CANCELLED)
        assert (await ActionRun.objects.aget(run=run, path="chat")).state == State.CANCELLED
        assert not await sync_to_async(run.request_cancel)(by="alice")
    finally:
        await embedded.close_engine()


async def test_why_a_branch_was_taken_is_recorded_while_it_goes(ready):
    wait = {"id": "wait", "type": "wait", "properties": {"seconds": 60}}
    branches = [{"id": "b", "title": "Long", "condition": "2 > 1", "actions": [wait]}]
    document = {"format": "foundryflow/1", "name": "x", "actions": [{"id": "route", "type": "if_else"}]}
    document["actions"][0]["branches"] = branches
    run = await sync_to_async(make_run)(await sync_to_async(make_flow)(document))
    await embedded.open_engine()
    try:
        await until(lambda: ActionRun.objects.filter(run=run, path="route/wait").exists())
        route = await ActionRun.objects.aget(run=run, path="route")
        assert (route.state, route.facts) == (State.RUNNING, {"decision": "2 > 1"})
        embedded.cancel(run.pk)
        await until(lambda: Run.objects.get(pk=run.pk).ended)
    finally:
        await embedded.close_engine()


async def test_text_is_there_while_it_streams(ready):
    flow = await sync_to_async(make_flow)(with_model("bar-static", "long-400"))
    run = await sync_to_async(make_run)(flow, question="Why?")
    await embedded.open_engine()
    try:
        await until(lambda: hub.texts_of(run.pk).get("chat", "") != "" or Run.objects.get(pk=run.pk).ended)
        await until(lambda: Run.objects.get(pk=run.pk).ended)
        assert hub.texts_of(run.pk) == {}
        assert "word280" in (await Run.objects.aget(pk=run.pk)).output
    finally:
        await embedded.close_engine()


def test_an_older_attempt_can_write_nothing(ready):
    run = make_run(make_flow(), question="Why?")
    worker = workers.register_worker("server")
    assert [claimed.pk for claimed in claims.claim_queued(worker, 5).runs] == [run.pk]
    assert claims.claim_queued(worker, 5).runs == []
    Run.objects.filter(pk=run.pk).update(attempt=2)
    assert not run.finish(State.SUCCEEDED, output="stale")


def test_runs_are_claimed_in_small_groups_until_the_places_are_taken(ready):
    flow, worker = make_flow(), workers.register_worker("server")
    runs = [make_run(flow, question="Why?").pk for _ in range(claims.TOGETHER + 5)]
    first = claims.claim_queued(worker, claims.TOGETHER + 3)
    assert ([run.pk for run in first.runs], first.has_more) == (runs[: claims.TOGETHER], True)
    second = claims.claim_queued(worker, 3)
    assert ([run.pk for run in second.runs], second.has_more, second.others_wait) == (
        runs[claims.TOGETHER :][:3],
        False,
        True,
    )


def test_runs_of_a_limited_flow_hold_up_nobody_behind_them(ready):
    limited, worker = make_flow(), workers.register_worker("server")
    Flow.objects.filter(pk=limited.pk).update(concurrency=1)
    many = [make_run(limited, question="Why?").pk for _ in range(claims.TOGETHER + 5)]
    other = make_run(make_flow(), question="Why?")
    first = claims.claim_queued(worker, 100)
    assert ([run.pk for run in first.runs], first.has_more) == (many[:1], True)
    assert [run.pk for run in claims.claim_queued(worker, 100).runs] == [other.pk]
