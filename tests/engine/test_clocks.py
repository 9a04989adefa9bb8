"""Processes whose clocks are wrong: nobody takes runs from one that lives."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.engine import claims, workers
from flows.models import Run, State, Worker
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db
OFF = [timedelta(seconds=-90), timedelta(seconds=90)]


@pytest.mark.parametrize("off", OFF, ids=["behind", "ahead"])
def test_a_process_that_beats_by_a_wrong_clock_keeps_its_runs_as_long_as_it_lives(monkeypatch, off):
    real, run = timezone.now, make_run(make_flow())
    with monkeypatch.context() as there:
        there.setattr(timezone, "now", lambda: real() + off)
        worker = workers.register_worker("worker")
        claims.claim(worker, run.pk)
        workers.beat(worker)
    assert not claims.lost_runs().exists()
    assert workers.living_workers().count() == 1
    assert abs(Worker.objects.get().beat_at - real()) < timedelta(seconds=5)


def test_who_judges_by_a_wrong_clock_takes_nothing_from_the_living(monkeypatch):
    worker = workers.register_worker("worker")
    run = make_run(make_flow())
    claims.claim(worker, run.pk)
    real = timezone.now
    for off in OFF:
        monkeypatch.setattr(timezone, "now", lambda off=off: real() + off)
        assert claims.requeue(claims.lost_runs()) == []
        workers.delete_silent_workers()
    assert Run.objects.get().state == State.RUNNING
    assert Worker.objects.count() == 1


def test_the_dead_are_found_all_the_same():
    worker = workers.register_worker("worker")
    claims.claim(worker, make_run(make_flow()).pk)
    Worker.objects.update(beat_at=timezone.now() - timedelta(seconds=workers.LOST_AFTER + 1))
    assert claims.lost_runs().count() == 1
