"""A database that is locked, full or gone for a moment, a clock that jumps, and sizes that hurt."""

import asyncio
import itertools
import time

import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from flows.actions.wait import action as wait
from flows.engine import embedded
from flows.engine.live import Subscription
from flows.engine.loop_tasks import wait_at_most
from flows.models import ActionRun, LogEntry, Run, State
from tests.engine.conftest import until_async
from tests.engine.test_durable import chat, document, each, returns
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)


async def ended_with(run, *, meanwhile=None, patience=60):
    await embedded.open_engine()
    try:
        if meanwhile is not None:
            await meanwhile()
        await until_async(lambda: Run.objects.get(pk=run.pk).ended, patience)
    finally:
        await embedded.close_engine()
    return await Run.objects.aget(pk=run.pk)


def in_the_writer(statement):
    def job():
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return embedded._executor.writer.do(job)


def test_a_full_disk_or_a_restarted_database_is_waited_for_and_nothing_is_lost(counting, caplog):
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM")  # other tests may have left room in the file
    prompt = "hold " + "x" * 900_000
    run = make_run(make_flow(document(chat("a", "one"), chat("b", prompt), chat("c", "two"), returns("{{ c }}"))))

    async def away_for_a_while():
        await until_async(lambda: counting.count(prompt))
        if connection.vendor == "sqlite":
            # The pragma belongs to the connection, and the writer takes another one when this one fails.
            await in_the_writer("PRAGMA max_page_count = 1")
        else:
            await sync_to_async(end_all_sessions)()
        counting.release()

    ended = asyncio.run(ended_with(run, meanwhile=away_for_a_while))
    connection.close()  # the one of this thread ended with the others
    assert (ended.state, ended.output) == (State.SUCCEEDED, "<two>")
    assert [counting.count(each) for each in ("one", prompt, "two")] == [1, 1, 1]
    assert "action=database_away" in caplog.text


@pytest.mark.parametrize("turns", range(4))
async def test_a_cancellation_that_comes_with_the_news_is_not_forgotten(turns):
    wanted, subscription = asyncio.Event(), Subscription()

    async def feed():
        while True:
            await wait_at_most(60, wanted.wait())
            wanted.clear()

    async def watch():
        while True:
            await subscription.wait_for_change(60)

    tasks = [asyncio.create_task(each()) for each in (feed, watch)]
    await asyncio.sleep(0)
    wanted.set()
    subscription.notify()
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    _, going = await asyncio.wait(tasks, timeout=1)
    for task in going:
        task.cancel()
    assert not going


def end_all_sessions():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_locked_database_is_waited_for(counting):
    run = make_run(make_flow(document(chat("a", "hold"), chat("b", "two"), returns("{{ b }}"))))

    def lock_for_a_second():
        with connection.cursor() as cursor:
            cursor.execute("BEGIN IMMEDIATE" if connection.vendor == "sqlite" else "BEGIN")
            cursor.execute("UPDATE flows_run SET via = via")
            counting.release()
            time.sleep(1)
            cursor.execute("COMMIT")

    async def locked():
        await until_async(lambda: counting.count("hold"))
        await sync_to_async(lock_for_a_second)()

    ended = asyncio.run(ended_with(run, meanwhile=locked))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "<two>")


def test_a_clock_that_jumps_ahead_ends_a_wait_and_one_that_jumps_back_does_not_repeat_it(counting, monkeypatch):
    monkeypatch.setattr(wait, "CLOCK_INTERVAL", 0.05)
    pause = {"id": "p", "type": "wait", "properties": {"seconds": 3_000}}
    run = make_run(make_flow(document(pause, returns("done"))))
    real = time.time

    async def jumps():
        await until_async(lambda: ActionRun.objects.filter(run=run, state=State.WAITING).exists())
        monkeypatch.setattr(wait.time, "time", lambda: real() + 3_600)
        await until_async(lambda: ActionRun.objects.filter(run=run, path="p", state=State.SUCCEEDED).exists())
        monkeypatch.setattr(wait.time, "time", real)

    ended = asyncio.run(ended_with(run, meanwhile=jumps))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "done")


def test_ten_megabytes_pass_through_a_run(counting):
    inputs = [{"name": "text", "type": "text"}]
    copy = {"id": "s", "type": "declare_variables", "properties": {"variables": [
        {"name": "copy", "type": "text", "value": "{{ text }}"}]}}  # fmt: skip
    run = make_run(make_flow(document(copy, returns("{{ copy }}"), inputs=inputs)), text="x" * 10_000_000)
    ended = asyncio.run(ended_with(run))
    assert (ended.state, len(ended.output or "")) == (State.SUCCEEDED, 10_000_000)


def test_ten_thousand_iterations_are_recorded(counting):
    """Side by side, so that many share a transaction."""
    say = {"id": "s", "type": "log", "properties": {"message": "{{ index }}"}}
    run = make_run(make_flow(document(each(list(range(10_000)), say, parallelism=20), returns("done"))))
    ended = asyncio.run(ended_with(run, patience=200))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "done")
    assert set(LogEntry.objects.filter(run=run).values_list("message", flat=True)) == set(map(str, range(10_000)))
    assert ActionRun.objects.filter(run=run).count() == 10_002


def test_runs_beyond_the_limit_of_the_process_wait_in_the_queue(counting, settings):
    settings.RUN_CONCURRENCY = 2
    runs = [make_run(make_flow({**document(chat("a", f"hold {n}")), "name": f"f{n}"})) for n in range(4)]

    async def two_at_a_time():
        await until_async(lambda: len(counting.calls) == 2)
        await asyncio.sleep(0.2)
        assert await Run.objects.filter(state=State.QUEUED).acount() == 2
        counting.release()
        await until_async(lambda: not Run.objects.filter(ended_at=None).exists())

    asyncio.run(ended_with(runs[0], meanwhile=two_at_a_time))
    assert Run.objects.filter(state=State.SUCCEEDED).count() == 4


def test_a_flow_that_allows_one_run_at_a_time_gets_one(counting):
    flow = make_flow(
        document(chat("a", "sleep 0.2 {{ n }}"), inputs=[{"name": "n", "type": "text"}], settings={"concurrency": 1})
    )
    runs = [make_run(flow, n=str(number)) for number in range(3)]
    asyncio.run(ended_with(runs[-1]))
    began = sorted(times[0] for times in counting.calls.values())
    assert all(later - earlier >= 0.2 for earlier, later in itertools.pairwise(began))


def test_the_deadline_of_a_flow_ends_its_runs(counting):
    run = make_run(make_flow(document(chat("a", "hold"), settings={"deadline": 1})))
    ended = asyncio.run(ended_with(run))
    assert (ended.state, ended.error["kind"]) == (State.FAILED, "timeout")
    assert counting.left == ["hold"]


def test_a_second_stop_ends_the_run_at_once(counting):
    from flows import engine

    run = make_run(make_flow(document(chat("a", "hold"))))

    async def stopped_twice():
        await until_async(lambda: counting.count("hold"))
        embedded_cancel, embedded.cancel = embedded.cancel, lambda run_id: None  # a process that does not listen
        try:
            assert await sync_to_async(engine.cancel)(run, by="alice")
            found = await Run.objects.aget(pk=run.pk)
            assert await sync_to_async(engine.cancel)(found, by="alice")
            assert (await Run.objects.aget(pk=run.pk)).state == State.CANCELLED
        finally:
            embedded.cancel = embedded_cancel

    ended = asyncio.run(ended_with(run, meanwhile=stopped_twice))
    assert (ended.state, ended.cancelled_by) == (State.CANCELLED, "alice")


def test_characters_that_databases_refuse_are_replaced(counting):
    run = make_run(make_flow(document(chat("a", "strange"), chat("b", "two"), returns("{{ a }}"))))
    ended = asyncio.run(ended_with(run))
    assert (ended.state, ended.output) == (State.SUCCEEDED, "nul \ufffd, half a pair \ufffd")
    assert counting.count("strange") == 1


def test_a_run_whose_record_the_database_refuses_fails_with_that_reason(counting):
    run = make_run(make_flow(document(chat("a", "one"), chat("b", "two"), returns("{{ b }}"))))
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            refuses = "WHEN NEW.path = 'b' BEGIN SELECT RAISE(ABORT, 'refused'); END"
            cursor.execute(f"CREATE TRIGGER refused BEFORE INSERT ON flows_checkpoint {refuses}")
        else:
            cursor.execute("ALTER TABLE flows_checkpoint ADD CONSTRAINT refused CHECK (path <> 'b')")
    try:
        ended = asyncio.run(ended_with(run))
    finally:
        with connection.cursor() as cursor:
            sqlite = connection.vendor == "sqlite"
            cursor.execute("DROP TRIGGER refused" if sqlite else "ALTER TABLE flows_checkpoint DROP CONSTRAINT refused")
    assert (ended.state, ended.error["kind"]) == (State.FAILED, "unrecorded")
    assert [counting.count(each) for each in ("one", "two")] == [1, 1]
    assert not run.actions.filter(state=State.RUNNING).exists()
