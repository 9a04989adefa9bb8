"""Runs go bit by bit, with all that hangs on them; a removed flow goes with its last."""

import asyncio
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from flows.engine import deletion, embedded
from flows.models import ActionRun, Checkpoint, Flow, FlowSecret, LogEntry, Revision, Run, State, Suspect, triggers
from tests.factories import PLANTED_KEY, make_flow, make_run

WITH_RUN = (ActionRun, Checkpoint, LogEntry, Suspect)
MANY = 40


def ended_run(flow, *, parent=None, **fields):
    run = make_run(flow, question="x")
    Run.objects.filter(pk=run.pk).update(
        **{"state": State.SUCCEEDED, "ended_at": timezone.now(), "last_event": 2, "parent": parent, **fields},
        parent_path=f"sub-{run.pk}" if parent else "",
    )
    step = {"run": run, "path": "a", "event": 1}
    ActionRun.objects.create(**step, action_id="a", type="log", title="", state=State.SUCCEEDED, order=1)
    LogEntry.objects.create(**step, at=timezone.now(), level="info", message="x")
    Checkpoint.objects.create(run=run, path="a")
    Suspect.objects.create(run=run, company=1, died_at=timezone.now(), not_before=timezone.now())
    return run


def counts(*models):
    return [model.objects.count() for model in models]


def test_a_removed_flow_goes_with_all_that_hangs_on_it_and_others_stay(db, monkeypatch):
    monkeypatch.setattr(deletion, "MOST_RUNS", 3)
    gone, stays = make_flow("bar-dynamic"), make_flow()
    FlowSecret.objects.create(flow=gone, key="k", value=PLANTED_KEY)
    for _ in range(7):
        gone.commit(gone.current.parsed(), by=None, base=gone.current.number)
    kept = ended_run(stays)
    parents = [ended_run(gone, origin=kept) for _ in range(8)]
    Run.objects.filter(pk=kept.pk).update(origin=parents[0])
    for _ in range(7):
        ended_run(stays, parent=ended_run(stays, parent=parents[1]))
    gone.remove()
    assert not FlowSecret.objects.exists()
    assert Run.objects.count() == 23
    bits = 0
    while deletion.delete_bit():
        bits += 1
        assert triggers.kept_figures() == triggers.recount_figures()
    assert bits > 8
    assert list(Flow.objects.all()) == [stays]
    assert list(Run.objects.values_list("pk", "origin")) == [(kept.pk, None)]
    assert counts(Revision, *WITH_RUN) == [1, 1, 1, 1, 1]


def test_runs_older_than_the_retention_go_with_what_they_started(db, settings):
    flow = make_flow()
    long_ago = timezone.now() - timedelta(days=8)
    old, young = ended_run(flow, created_at=long_ago, ended_at=long_ago), ended_run(flow)
    ended_run(flow, parent=old, created_at=long_ago, ended_at=long_ago)
    assert not deletion.delete_bit()
    settings.RUN_RETENTION_DAYS = 7
    deletion.delete_all()
    assert list(Run.objects.all()) == [young]


def test_a_bit_reads_nothing_of_its_runs_but_their_keys_and_takes_few_statements(db):
    flow = make_flow()
    for _ in range(MANY):
        ended_run(flow, output="large")
    flow.remove()
    with CaptureQueriesContext(connection) as queries:
        deletion.delete_bit()
    assert not Run.objects.exists()
    assert len(queries) < MANY / 2
    assert not [query["sql"] for query in queries if '"output"' in query["sql"]]


def test_a_bit_is_smaller_where_runs_have_many_steps(db):
    flow = make_flow()
    for _ in range(4):
        ended_run(flow, last_event=deletion.MOST_EVENTS // 2)
    flow.remove()
    deletion.delete_bit()
    assert Run.objects.count() == 2
    Run.objects.update(last_event=deletion.MOST_EVENTS + 1)
    deletion.delete_bit()
    assert Run.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_server_deletes_what_was_removed():
    flow = make_flow()
    ended_run(flow)
    flow.remove()

    async def serve():
        await embedded.open_engine()
        until = time.monotonic() + 10
        while await Flow.objects.aexists() and time.monotonic() < until:
            await asyncio.sleep(0.02)
        await embedded.close_engine()

    asyncio.run(serve())
    assert counts(Flow, Run) == [0, 0]
