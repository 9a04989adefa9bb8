"""What pages say when nobody executes what is queued."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from flows.models import Run, State
from foundryflow.models import ServerProcess
from foundryflow.system.processes import WORKER, tell
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db
COMMAND = "manage.py worker"


def pages(client, run):
    return [client.get(path).content.decode() for path in ("/runs/", f"/runs/{run.pk}/", "/runs/workers/")]


def heard_worker(silent=0):
    process = uuid4()
    tell(process, WORKER, runs=0)
    ServerProcess.objects.filter(pk=process).update(heard_at=timezone.now() - timedelta(seconds=silent))


def test_pages_say_to_administrators_that_no_worker_is_running_and_how_to_start_one(client_alice):
    run = make_run(make_flow())
    heard_worker(silent=20)
    for text in pages(client_alice, run):
        assert "1 run waits and no worker is running." in text
        assert "worker-1 was last heard at" in text
        assert COMMAND in text
        assert 'hx-trigger="every 3s"' in text


def test_others_read_it_without_the_command(client_bob):
    run = make_run(make_flow())
    for text in pages(client_bob, run):
        assert "No worker is running" in text
        assert COMMAND not in text


def test_with_a_worker_the_notice_is_gone_and_pages_look_whether_it_stays(client_alice):
    run = make_run(make_flow())
    heard_worker()
    for text in pages(client_alice, run):
        assert COMMAND not in text
        assert 'hx-trigger="every 3s"' in text


def test_when_nothing_is_queued_nobody_looks(client_alice):
    run = make_run(make_flow())
    Run.objects.filter(pk=run.pk).update(state=State.CANCELLED)
    for text in pages(client_alice, run):
        assert COMMAND not in text
        assert "every 3s" not in text
