"""Who waits how long for a database that is away, and what is stored afterwards."""

import asyncio
import time

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection

from connections.foundry.lessons import Lesson
from connections.lesson_memory import DatabaseMemory
from connections.models import LearntLesson
from flows.engine import is_known_to_have_ended, workers
from flows.engine.executor import Executor
from flows.engine.writer import DatabaseWriter, JobTransaction
from flows.models import Worker, sql
from foundryflow.database import jobs

pytestmark = pytest.mark.django_db(transaction=True)


class Outage:
    """A job that fails a number of times as if the database was away, then stores a group."""

    def __init__(self, name: str, tries: float) -> None:
        self.name, self.left = name, tries

    def __call__(self) -> str:
        Group.objects.create(name=self.name)
        self.left -= 1
        if self.left >= 0:
            raise OperationalError("away")
        return self.name


async def with_writer(work):
    writer = DatabaseWriter()
    try:
        return await work(writer)
    finally:
        writer.hurry(0)
        await writer.close()


def names():
    return sorted(Group.objects.values_list("name", flat=True))


def test_a_run_waits_as_long_as_it_takes_and_its_job_is_stored_once():
    async def work(writer):
        return await writer.do(Outage("patient", 4))

    assert asyncio.run(with_writer(work)) == "patient"
    assert names() == ["patient"]


def test_who_asks_for_somebody_is_told_soon_and_nothing_of_it_is_stored_while_others_wait_on():
    async def work(writer):
        patient = asyncio.ensure_future(writer.do(Outage("run", 5)))
        with pytest.raises(OperationalError):
            await writer.do(Outage("request", 1_000), 0.2)
        return await patient

    assert asyncio.run(with_writer(work)) == "run"
    assert names() == ["run"]


def test_what_comes_during_an_outage_is_done_with_what_waited():
    async def work(writer):
        first = asyncio.ensure_future(writer.do(Outage("first", 3)))
        await asyncio.sleep(0.1)
        return [await first, await writer.do(Outage("second", 0), 30)]

    assert asyncio.run(with_writer(work)) == ["first", "second"]
    assert names() == ["first", "second"]


def test_a_process_that_ends_does_not_wait_for_ever():
    async def work(writer):
        waiting = asyncio.ensure_future(writer.do(Outage("never", 10_000)))
        await asyncio.sleep(0.05)
        writer.hurry(0.1)
        with pytest.raises(OperationalError):
            await waiting

    began = time.monotonic()
    asyncio.run(with_writer(work))
    assert time.monotonic() - began < 10
    assert names() == []


@pytest.mark.parametrize("committed", [True, False])
def test_a_commit_whose_answer_was_lost_is_neither_repeated_nor_lost(monkeypatch, committed):
    """The real commit or rollback, and then the connection ends."""
    real = connection.commit

    def lost() -> None:
        monkeypatch.undo()
        (real if committed else connection.rollback)()
        raise OperationalError("the connection ended")

    monkeypatch.setattr(connection, "commit", lost)
    if connection.vendor == "sqlite":
        monkeypatch.setattr(sql, "transaction_number", lambda: None)
        if committed:
            return  # the database is in the same process: its answer is not lost
    attempt = JobTransaction([Outage("once", 0)])
    assert isinstance(attempt.run()[0], OperationalError)
    assert attempt.is_doubtful is (connection.vendor == "postgresql")
    assert attempt.run() == ["once"]
    assert not attempt.is_doubtful
    assert names() == ["once"]


def test_lessons_are_read_and_stored_by_the_writer():
    memory, done = DatabaseMemory(), []

    class Noting(DatabaseWriter):
        async def do(self, job, patience):
            done.append(patience)
            return await super().do(job, patience)

    async def learnt():
        noting = Noting()
        jobs.set_executor(noting)
        jobs.patience.set(60.0)
        try:
            await memory.learn("https://e", "m", Lesson("temperature", "", "no", time.time(), ""))
            found = [await memory.lessons("https://e", "m") for _ in range(3)]
        finally:
            jobs.set_executor(None)
            await noting.close()
        return found

    found = asyncio.run(learnt())
    assert [[lesson.parameter for lesson in each] for each in found] == [["temperature"]] * 3
    assert done == [60.0, 60.0]  # stored, and read once
    assert LearntLesson.objects.count() == 1


async def test_nobody_who_was_away_itself_takes_over_the_runs_of_others(monkeypatch):
    monkeypatch.setattr(workers, "BEAT", 0.05)
    executor = Executor("worker", 1)
    swept = []
    monkeypatch.setattr(executor._pulse, "_sweep", lambda: swept.append(time.monotonic()) or asyncio.sleep(0))
    monkeypatch.setattr("flows.engine.pulse.GLANCE", 0.02)
    await executor.open(feeds=True)
    try:
        while not swept:
            await asyncio.sleep(0.02)
        real = workers.beat
        away = Outage("", 3)
        monkeypatch.setattr(workers, "beat", lambda worker: (away.left > 0 and fail(away)) or real(worker))
        while away.left > 0:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.3)
        before = len(swept)
        await asyncio.sleep(0.3)
        assert len(swept) == before
    finally:
        await executor.close()
    assert not await Worker.objects.aexists()


def fail(away):
    away.left -= 1
    raise OperationalError("away")


async def test_who_waits_for_the_end_of_a_run_waits_on_through_an_outage(monkeypatch):
    async def away(work, argument):
        raise OperationalError("away")

    monkeypatch.setattr("flows.engine.run_shared_job", away)
    assert await is_known_to_have_ended(1) is False
