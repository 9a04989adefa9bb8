"""The page of a run says how often its process died, where, and what follows."""

from datetime import timedelta

import pytest
from django.utils import timezone

from flows.models import Run, State, Suspect
from tests.factories import make_flow, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    made = make_run(make_flow(), question="Why?")
    Run.objects.filter(pk=made.pk).update(crashes=3, crash_path="chat")
    made.refresh_from_db()
    return made


def suspect(run, **fields):
    now = timezone.now()
    fields = {"company": 1, "alone": 1, "died_at": now, "not_before": now + timedelta(hours=1), **fields}
    return Suspect.objects.create(run=run, **fields)


def page(client, run):
    return " ".join(client.get(f"/runs/{run.pk}/").content.decode().split())


def test_a_suspect_in_the_queue_says_when_it_goes_on(client_bob, run):
    at = timezone.localtime(suspect(run).not_before)
    shown = page(client_bob, run)
    assert "died 3 times at chat: once with nothing beside it, twice in company or just after a start." in shown
    assert f"It goes on with nothing beside it, not before {at:%-d %b %H:%M:%S}." in shown
    assert "Waits for a free place" not in shown
    assert "died 3 times at chat." in client_bob.get("/runs/").content.decode()


def test_a_suspect_that_goes_says_with_whom(client_bob, run):
    suspect(run, tried_with=3)
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING)
    assert "It goes on with at most 2 others that died as often." in page(client_bob, run)


def test_one_that_died_once_only_says_so(client_bob, run):
    Run.objects.filter(pk=run.pk).update(crashes=1)
    shown = page(client_bob, run)
    assert "The process that ran it died once at chat." in shown
    assert "Waits for a free place" in shown


def test_one_that_got_on_says_nothing(client_bob, run):
    Run.objects.filter(pk=run.pk).update(crashes=0)
    assert "The process that ran it" not in page(client_bob, run)
