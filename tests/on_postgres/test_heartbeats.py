"""What real workers say of themselves: while they live, when they are stopped, and when they are killed with a run."""

import signal

import pytest

from flows.models import Run
from foundryflow.models import ServerProcess
from foundryflow.system import processes
from foundryflow.system.processes import ProcessState, known_processes
from tests.engine.conftest import until
from tests.engine.test_durable import chat, returns
from tests.on_postgres.test_workers import ended, submitted

pytestmark = pytest.mark.django_db(transaction=True)


def state_of(name):
    return {str(known.process): known.state for known in known_processes()}.get(name)


def test_a_killed_worker_is_not_heard_and_says_what_others_took_over(counting, start):
    first = start("worker")
    run = submitted(chat("a", "hold"), returns("{{ a }}"))
    until(lambda: counting.count("hold"))
    until(lambda: ServerProcess.objects.filter(number=1, runs=1).exists())
    second = start("worker")
    until(lambda: state_of("worker-2") is ProcessState.ANSWERING)
    first.kill()
    until(lambda: counting.count("hold") == 2)
    counting.release()
    ended(run)
    assert Run.objects.get(pk=run.pk).attempt == 2
    until(lambda: state_of("worker-1") is ProcessState.NOT_HEARD)
    dead = ServerProcess.objects.get(number=1)
    assert (dead.handed_on, dead.runs, dead.stopped_at) == (1, 0, None)
    second.popen.send_signal(signal.SIGTERM)
    until(lambda: state_of("worker-2") is ProcessState.STOPPED)


def test_a_worker_that_stands_still_is_not_heard_until_it_goes_on(counting, start):
    worker = start("worker")
    until(lambda: state_of("worker-1") is ProcessState.ANSWERING)
    worker.popen.send_signal(signal.SIGSTOP)
    until(lambda: state_of("worker-1") is ProcessState.NOT_HEARD)
    worker.popen.send_signal(signal.SIGCONT)
    until(lambda: state_of("worker-1") is ProcessState.ANSWERING)
    assert processes.known_processes()[0].process.stopped_at is None
