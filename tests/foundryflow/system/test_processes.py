"""What processes say of themselves, and what others make of their silence."""

import asyncio
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F
from django.utils import timezone

from foundryflow.models import ServerProcess
from foundryflow.system import processes
from foundryflow.system.heartbeat import Heartbeat
from foundryflow.system.processes import WEB, WORKER, ProcessState, known_processes, tell

pytestmark = pytest.mark.django_db


def heard(kind=WORKER, *, silent=0, runs=0, **fields):
    """A process on another machine, that was heard so many seconds ago."""
    process = uuid4()
    tell(process, kind, runs)
    row = ServerProcess.objects.filter(pk=process)
    ago = timedelta(seconds=silent)
    row.update(**{"host": "elsewhere", "heard_at": F("heard_at") - ago, "told_at": F("told_at") - ago, **fields})
    return row.get()


def states():
    return {str(known.process): known.state for known in known_processes()}


def test_a_process_says_who_it_is_and_what_it_does():
    tell(uuid4(), WORKER, runs=3)
    (known,) = known_processes()
    process = known.process
    assert (str(process), process.runs, process.pid) == ("worker-1", 3, os.getpid())
    assert known.state is ProcessState.ANSWERING
    assert process.memory is None or process.memory > 1_000_000
    assert abs(process.clock_error) < timedelta(seconds=1)


def test_to_say_it_again_is_one_statement(django_assert_num_queries):
    process = uuid4()
    tell(process, WEB, 0)
    with django_assert_num_queries(1):
        tell(process, WEB, 2)
    assert ServerProcess.objects.get().runs == 2


def test_heard_within_fifteen_seconds_is_answering_and_silence_is_not():
    heard(silent=13)
    heard(silent=17)
    assert states() == {"worker-1": ProcessState.ANSWERING, "worker-2": ProcessState.NOT_HEARD}


def test_stopped_in_order_leaves_a_mark_however_long_ago():
    process = heard(silent=3)
    processes.note_stop(process.pk)
    ServerProcess.objects.update(heard_at=F("heard_at") - timedelta(minutes=5))
    assert states() == {"worker-1": ProcessState.STOPPED}


def test_a_process_that_comes_back_answers_again_and_has_handed_on_nothing():
    process = heard(silent=60, handed_on=3)
    tell(process.pk, WORKER, 0)
    (known,) = known_processes()
    assert (known.state, known.process.handed_on) == (ProcessState.ANSWERING, 0)


def test_what_a_silent_process_left_is_counted_as_others_take_it_over():
    process = heard(silent=60, runs=3)
    processes.note_handed_on(process.pk, 2)
    processes.note_handed_on(process.pk, 1)
    process.refresh_from_db()
    assert (process.handed_on, process.runs) == (3, 0)


def test_processes_that_ended_are_listed_for_a_week():
    kept, dropped = heard(), heard()
    ServerProcess.objects.filter(pk=kept.pk).update(heard_at=timezone.now() - timedelta(days=6))
    ServerProcess.objects.filter(pk=dropped.pk).update(heard_at=timezone.now() - timedelta(days=8))
    assert list(states()) == ["worker-1"]
    tell(uuid4(), WEB, 0)
    assert set(ServerProcess.objects.values_list("kind", "number")) == {("worker", 1), ("web", 1)}


@pytest.mark.parametrize(
    ("before", "name"),
    [
        ({}, "worker-2"),  # it answers
        ({"silent": 60}, "worker-2"),  # it may come back
        ({"silent": 4_000}, "worker-1"),
        ({"stopped_at": timezone.now()}, "worker-1"),
    ],
)
def test_a_new_process_has_the_lowest_name_that_is_free(before, name):
    heard(**before)
    new = uuid4()
    tell(new, WORKER, 0)
    assert str(ServerProcess.objects.get(pk=new)) == name


def test_a_process_that_was_killed_on_this_machine_leaves_its_name_to_the_next():
    heard(silent=7, pid=2**22 + 1, host=os.uname().nodename)
    tell(uuid4(), WORKER, 0)
    assert states() == {"worker-1": ProcessState.ANSWERING}


def test_containers_that_share_a_host_and_a_number_have_names_of_their_own():
    heard(silent=4, host=os.uname().nodename)
    tell(uuid4(), WORKER, 0)
    assert list(states()) == ["worker-1", "worker-2"]


def test_one_that_was_started_in_the_place_of_a_silent_one_replaces_it_and_no_second():
    now = timezone.now()
    for started in (now - timedelta(hours=2), now - timedelta(hours=2), now - timedelta(seconds=20)):
        heard(started_at=started)
    ServerProcess.objects.filter(number__lt=3).update(heard_at=now - timedelta(seconds=30))
    assert [known.is_missed for known in known_processes()] == [False, True, False]
    assert [known.is_replaced for known in known_processes()] == [True, False, False]


def test_a_clock_is_wrong_from_five_seconds_on():
    heard(told_at=timezone.now() + timedelta(seconds=4))
    heard(told_at=timezone.now() - timedelta(seconds=7))
    assert [known.has_wrong_clock for known in known_processes()] == [False, True]


@pytest.mark.django_db(transaction=True)
async def test_a_heart_beats_by_itself_and_says_that_it_stops():
    heart = Heartbeat(WEB, lambda: 4)
    beating = asyncio.create_task(heart.beat())
    while not await ServerProcess.objects.filter(runs=4).aexists():
        await asyncio.sleep(0.01)
    beating.cancel()
    await asyncio.to_thread(heart.note_stop)
    assert (await ServerProcess.objects.aget()).stopped_at is not None


async def test_a_process_that_cannot_write_goes_on(monkeypatch):
    tries = []

    async def fail(job):
        tries.append(job)
        raise ValueError("no room")

    monkeypatch.setattr("foundryflow.system.heartbeat.execute", fail)
    monkeypatch.setattr("foundryflow.system.heartbeat.EVERY", 0.001)
    beating = asyncio.create_task(Heartbeat(WEB).beat())
    while len(tries) < 3:
        await asyncio.sleep(0.001)
    assert not beating.done()
    beating.cancel()
