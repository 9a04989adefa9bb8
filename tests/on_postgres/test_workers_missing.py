"""What pages say when nobody executes what is queued."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.engine import workers
from flows.models import Run, State, Worker
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db
COMMAND = "manage.py worker"


def pages(client, run):
    return [client.get(path).content.decode() for path in ("/runs/", f"/runs/{run.pk}/", "/runs/workers/")]


def worker(silent=0.0, kind="worker"):
    beat = timezone.now() - timedelta(seconds=silent)
    return Worker.objects.create(kind=kind, host="here", pid=1, beat_at=beat)


def test_pages_say_that_no_worker_is_alive_and_how_to_start_one_and_look_again(client_bob):
    run = make_run(make_flow())
    worker(silent=workers.LOST_AFTER + 1)
    worker(kind="command line")
    for text in pages(client_bob, run):
        assert COMMAND in text
        assert 'hx-trigger="every 3s"' in text


def test_with_a_worker_the_notice_is_gone_and_pages_look_whether_it_stays(client_bob):
    run = make_run(make_flow())
    worker()
    for text in pages(client_bob, run):
        assert COMMAND not in text
        assert 'hx-trigger="every 3s"' in text


def test_when_nothing_is_queued_nobody_looks(client_bob):
    run = make_run(make_flow())
    Run.objects.filter(pk=run.pk).update(state=State.CANCELLED)
    for text in pages(client_bob, run):
        assert COMMAND not in text
        assert "every 3s" not in text
