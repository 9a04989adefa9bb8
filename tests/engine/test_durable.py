"""A run whose process is killed goes on where it was, and pays for nothing twice."""

import asyncio
import json
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from connections.models import Connection
from flows.engine import embedded, workers
from flows.models import ActionRun, Checkpoint, Run, State, Worker
from tests.engine.conftest import until, until_async
from tests.factories import PLANTED_KEY, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def chat(id, prompt, **properties):
    properties = {"connection": "model", "model": "m", "user_prompt": prompt, **properties}
    return {"id": id, "type": "chat_completion", "properties": {"result_variable_name": id, **properties}}


def document(*actions, **more):
    return {"format": "foundryflow/1", "name": "durable", "actions": list(actions), **more}


def returns(value):
    return {"id": "ret", "type": "return", "properties": {"value": value}}


def each(items, *actions, **properties):
    body = {"id": "each-body", "title": "", "actions": list(actions)}
    return {"id": "each", "type": "for_each", "properties": {"items": items, **properties}, "branches": [body]}


def forget_the_dead():
    """As if the silence of dead processes had lasted long enough."""
    Worker.objects.update(beat_at=timezone.now() - timedelta(seconds=workers.LOST_AFTER + 1))


async def finish_by_server(run):
    """Goes on with it in this process, as a server does that starts again."""
    await sync_to_async(forget_the_dead)()
    await embedded.open_engine()
    try:
        await until_async(lambda: Run.objects.get(pk=run.pk).ended)
    finally:
        await embedded.close_engine()
    return await Run.objects.aget(pk=run.pk)


def kill_at(start, counting, prompt, flow):
    """A run whose process is killed while the model holds this prompt."""
    process = start("flow", "run", flow.slug)
    until(lambda: counting.count(prompt))
    process.kill()
    counting.release()
    return Run.objects.latest("pk")


def test_the_run_goes_on_after_its_last_finished_action(counting, start):
    flow = make_flow(
        document(chat("a", "one"), chat("b", "hold {{ a }}"), chat("c", "then {{ b }}"), returns("{{ c }}"))
    )
    run = kill_at(start, counting, "hold <one>", flow)
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "<then <hold <one>>>")
    assert {prompt: counting.count(prompt) for prompt in ("one", "hold <one>", "then <hold <one>>")} == {
        "one": 1, "hold <one>": 2, "then <hold <one>>": 1,
    }  # fmt: skip
    assert ended.attempt == 2
    assert ended.prompt_tokens == 9


def test_a_loop_goes_on_in_the_iteration_it_was_in_with_its_variables(counting, start):
    flow = make_flow(
        document(
            {"id": "v", "type": "declare_variables", "properties": {"variables": [
                {"name": "sum", "type": "text", "value": "-"}]}},
            each("{{ ['x', 'hold y', 'z'] }}", chat("ask", "{{ item }}"),
                 {"id": "s", "type": "set_variable", "properties": {"variable": "sum", "value": "{{ sum }}{{ ask }}"}}),
            returns("{{ sum }}"),
        )
    )  # fmt: skip
    run = kill_at(start, counting, "hold y", flow)
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "-<x><hold y><z>")
    assert (counting.count("x"), counting.count("z")) == (1, 1)


def test_a_dynamic_connection_is_there_again_and_leaves_no_secret(counting, start):
    url = Connection.objects.get(name="model").endpoint
    connect = {"id": "conn", "type": "create_azure_ai_connection", "properties": {
        "api_key": "{{ key }}", "endpoint": url, "connection_variable_name": "mine"}}  # fmt: skip
    declare = {"id": "v", "type": "declare_variables", "properties": {"variables": [
        {"name": "key", "type": "secret", "value": PLANTED_KEY}]}}  # fmt: skip
    flow = make_flow(document(declare, connect, chat("a", "hold", dynamic_connection="mine"), returns("{{ a }}")))
    process = start("flow", "run", flow.slug)
    until(lambda: counting.count("hold"))
    process.kill()
    run = Run.objects.latest("pk")
    kept = [checkpoint.plain for checkpoint in Checkpoint.objects.filter(run=run)]
    assert PLANTED_KEY not in json.dumps(kept)
    assert Checkpoint.objects.filter(run=run, sealed__isnull=False).count() == 2
    counting.release()
    ended = asyncio.run(finish_by_server(run))
    assert ended.output == "<hold>"
    assert not Checkpoint.objects.filter(run=run, sealed__isnull=False).exists()


def test_a_zombie_can_write_nothing(counting):
    flow = make_flow(document(chat("a", "hold"), chat("b", "after"), returns("{{ b }}")))
    run = make_run(flow)

    async def take_over_during_a_call():
        await embedded.open_engine()
        await until_async(lambda: counting.count("hold"))
        # Somebody else has it now, in a later attempt.
        await sync_to_async(lambda: Run.objects.filter(pk=run.pk).update(attempt=7))()
        counting.release()
        await until_async(lambda: not embedded._executor.active)
        await embedded.close_engine()

    asyncio.run(take_over_during_a_call())
    found = Run.objects.get(pk=run.pk)
    assert (found.attempt, found.state) == (7, State.RUNNING)
    assert ActionRun.objects.get(run=run, path="a").state == State.RUNNING
    assert counting.count("after") == 0


def test_a_server_that_stops_in_good_order_hands_its_runs_back(counting):
    run = make_run(make_flow(document(chat("a", "sleep 0.5"), chat("b", "after"), returns("{{ b }}"))))

    async def stopped_while_it_runs():
        await embedded.open_engine()
        await until_async(lambda: counting.count("sleep 0.5"))
        await embedded.close_engine()

    asyncio.run(stopped_while_it_runs())
    found = Run.objects.get(pk=run.pk)
    assert (found.state, found.crashes) == (State.QUEUED, 0)
    assert ActionRun.objects.get(run=run, path="a").state == State.SUCCEEDED
    assert counting.count("after") == 0
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.output, counting.count("sleep 0.5")) == (State.SUCCEEDED, "<after>", 1)


def test_a_malformed_checkpoint_fails_the_run_with_that_reason(counting, start):
    flow = make_flow(document(chat("a", "one"), chat("b", "hold"), returns("{{ b }}")))
    run = kill_at(start, counting, "hold", flow)
    Checkpoint.objects.filter(run=run, path="a").update(plain='{"at": 1, "output": {"$": "wand"}')
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.error["kind"], ended.error["path"]) == (State.FAILED, "checkpoint", "a")
    assert counting.count("one") == 1


def test_a_stop_reaches_a_run_of_another_process_within_a_second(counting, start):
    flow = make_flow(document(chat("a", "hold")))
    start("flow", "run", flow.slug)
    until(lambda: counting.count("hold"))
    run = Run.objects.latest("pk")
    run.request_cancel(by="alice")
    until(lambda: counting.left == ["hold"], 1.0)
    until(lambda: Run.objects.get(pk=run.pk).state == State.CANCELLED)


def test_runs_wait_for_the_limit_of_their_connection_and_say_so(counting):
    Connection.objects.update(max_calls=1)
    runs = [make_run(make_flow({**document(chat("a", f"hold {n}")), "name": f"f{n}"})) for n in range(2)]

    async def both():
        await embedded.open_engine()
        waiting = ActionRun.objects.filter(run__in=runs, state=State.WAITING)
        await until_async(lambda: counting.calls and waiting.exists())
        said = await sync_to_async(lambda: waiting.first().reason)()
        calls = dict(counting.calls)
        counting.release()
        await until_async(lambda: not Run.objects.filter(ended_at=None).exists())
        await embedded.close_engine()
        return said, calls

    said, calls = asyncio.run(both())
    assert said in ("Limit of model: 1 of 1 calls are going", "Limit of model: others wait before it")
    assert len(calls) == 1
    assert [Run.objects.get(pk=run.pk).state for run in runs] == [State.SUCCEEDED] * 2


def test_a_branch_inside_a_loop_is_walked_again(counting, start):
    choice = {"id": "if", "type": "if_else", "properties": {}, "branches": [
        {"id": "b", "condition": "item != 'x'", "actions": [chat("ask", "{{ item }}")]},
        {"id": "o", "actions": [chat("other", "other {{ item }}")]}]}  # fmt: skip
    flow = make_flow(document(each("{{ ['w', 'x', 'hold y', 'z'] }}", choice), returns("done")))
    run = kill_at(start, counting, "hold y", flow)
    ended = asyncio.run(finish_by_server(run))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "done")
    assert [counting.count(prompt) for prompt in ("w", "other x", "hold y", "z")] == [1, 1, 2, 1]
