"""Workers on PostgreSQL: real processes, killed, stopped and followed."""

import asyncio
import signal
import time

import psycopg
import pytest
from django.db import connection, transaction

from connections.models import Connection, KeySlot
from flows import engine
from flows.engine import postgres_notices
from flows.engine.live import Hub
from flows.models import ActionRun, Run, State, Worker
from foundryflow.database.waiting import retry_while_away
from tests.engine.conftest import until
from tests.engine.test_durable import chat, document, returns
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)


def jobs():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'flows.execute'")
        return cursor.fetchone()[0]


def submitted(*actions):
    with transaction.atomic():
        run = make_run(make_flow(document(*actions)))
        engine.submit(run)
    return run


def ended(run):
    until(lambda: Run.objects.get(pk=run.pk).ended)
    return Run.objects.get(pk=run.pk)


def test_the_job_is_there_with_the_run_or_not_at_all(counting):
    submitted(chat("a", "one"))
    assert jobs() == 1
    with transaction.atomic():
        submitted(chat("a", "two"))
        transaction.set_rollback(True)
    assert jobs() == 1
    assert Run.objects.count() == 1


def test_a_worker_executes_what_is_in_the_queue_and_clears_its_jobs(counting, start):
    runs = [submitted(chat("a", f"prompt {n}"), returns("{{ a }}")) for n in range(5)]
    start("worker", "--concurrency", "3")
    assert [ended(run).output for run in runs] == [f"<prompt {n}>" for n in range(5)]
    until(lambda: jobs() == 0)


def test_another_worker_goes_on_within_thirty_seconds_when_one_is_killed(counting, start):
    first = start("worker")
    until(lambda: Worker.objects.filter(kind="worker").exists())
    run = submitted(chat("a", "one"), chat("b", "hold {{ a }}"), returns("{{ b }}"))
    until(lambda: counting.count("hold <one>"))
    start("worker")
    until(lambda: Worker.objects.filter(kind="worker").count() == 2)
    first.kill()
    died = time.monotonic()
    counting.release()
    found = ended(run)
    assert time.monotonic() - died < 30
    assert (found.state, found.output) == (State.SUCCEEDED, "<hold <one>>")
    assert counting.count("one") == 1


def test_a_worker_that_was_paused_and_overtaken_can_write_nothing(counting, start):
    first = start("worker")
    run = submitted(chat("a", "hold"), chat("b", "after {{ a }}"), returns("{{ b }}"))
    until(lambda: counting.count("hold"))
    first.popen.send_signal(signal.SIGSTOP)
    start("worker")
    until(lambda: counting.count("hold") == 2)
    counting.release()
    found = ended(run)
    rows = list(ActionRun.objects.filter(run=run).values())
    first.popen.send_signal(signal.SIGCONT)
    until(lambda: Worker.objects.filter(kind__in=("worker", "returned")).count() == 2)
    time.sleep(1)  # what the zombie would do, it does at once
    assert list(ActionRun.objects.filter(run=run).values()) == rows
    assert Run.objects.get(pk=run.pk).last_event == found.last_event
    assert counting.count("after <hold>") == 1


def test_a_process_that_stands_still_in_a_transaction_keeps_nobody_from_going_on(counting, start):
    slot = KeySlot.objects.create(connection=Connection.objects.get(name="model"), number=1)
    with psycopg.connect(**connection.get_connection_params()) as frozen:
        frozen.execute("UPDATE connections_keyslot SET last_used_at = NULL WHERE id = %s", [slot.pk])
        start("worker")
        assert ended(submitted(chat("a", "one"), returns("{{ a }}"))).output == "<one>"
        until(lambda: KeySlot.objects.get(pk=slot.pk).last_used_at)
        with pytest.raises(psycopg.Error, match="idle-in-transaction"):
            frozen.execute("SELECT 1")


def test_whoever_went_on_too_late_begins_its_transaction_anew():
    tries = []

    def attempt():
        tries.append(connection.connection)
        with transaction.atomic(), connection.cursor() as cursor:
            if len(tries) == 1:
                cursor.execute("SET idle_in_transaction_session_timeout = 50")
                time.sleep(0.5)
            cursor.execute("SELECT 1")
            return cursor.fetchone()

    connection.close()
    assert retry_while_away(attempt) == (1,)
    assert len(tries) == 2


def test_a_worker_that_is_stopped_lets_the_action_finish_and_hands_the_run_over(counting, start):
    first = start("worker")
    run = submitted(chat("a", "sleep 1"), chat("b", "after"), returns("{{ b }}"))
    until(lambda: counting.count("sleep 1"))
    first.popen.terminate()
    first.end()
    found = Run.objects.get(pk=run.pk)
    assert (found.state, found.crashes) == (State.QUEUED, 0)
    assert ActionRun.objects.get(run=run, path="a").state == State.SUCCEEDED
    start("worker")
    assert ended(run).output == "<after>"
    assert counting.count("sleep 1") == 1


def test_a_worker_that_is_stopped_while_it_starts_hands_over_what_it_has_taken(counting, start):
    run = submitted(chat("a", "sleep 1"), returns("{{ a }}"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE procrastinate_workers")
        first = start("worker")
        until(lambda: counting.count("sleep 1"))
        first.popen.terminate()
        assert first.end()
    assert first.popen.returncode == 0
    found = Run.objects.get(pk=run.pk)
    assert (found.state, found.crashes) == (State.QUEUED, 0)


def test_a_stop_closes_the_socket_of_a_worker_within_a_second(counting, start):
    start("worker")
    run = submitted(chat("a", "hold"))
    until(lambda: counting.count("hold"))
    assert engine.cancel(run, by="alice")
    until(lambda: counting.left == ["hold"], 1.0)
    assert ended(run).state == State.CANCELLED


def test_what_a_worker_streams_and_does_is_heard_in_other_processes(counting, start):
    run = submitted(chat("a", "speak 1"), returns("{{ a }}"))

    async def heard():
        hub, texts = Hub(), []
        listening = asyncio.create_task(postgres_notices.listen(hub))
        with hub.subscribe(run.pk) as subscription:
            start("worker")
            async with asyncio.timeout(30):
                while not subscription.ended:
                    await subscription.wait_for_change(5)
                    texts.append(hub.texts_of(run.pk).get("a", ""))
        listening.cancel()
        return texts

    assert "Well, " in asyncio.run(heard())
    assert ended(run).output == "Well, <speak 1>"


def test_long_text_is_split_into_notices_that_fit():
    hub, text = Hub(), "ü€😀" * 9_000
    for payload in postgres_notices.split_text(3, "chat", 0, text):
        assert len(payload.encode()) < 8_000
        postgres_notices.forward(hub, payload)
    assert hub.texts_of(3) == {"chat": text}
