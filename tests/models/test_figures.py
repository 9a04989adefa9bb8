"""Hourly figures: whatever happens to runs, they are what counting the runs says."""

import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from flows import engine
from flows.engine import claims, deletion
from flows.engine.records import RunRecords, write_records
from flows.interpreter.known_secrets import KnownSecrets
from flows.models import Flow, HourlyFigures, Run, RunGroup, State, Suspect, Worker, triggers
from flows.models.run_counts import runs_by_day, runs_in_all, tokens_by_hour
from tests.factories import make_flow, make_run


def of(name):
    return {"format": "foundryflow/1", "name": name, "inputs": [], "actions": []}


def going(run):
    """The run as a process has it."""
    Run.objects.filter(pk=run.pk, state=State.QUEUED).update(
        state=State.RUNNING, worker=Worker.objects.create(kind="worker", host="here", pid=1), attempt=1
    )
    run.refresh_from_db()
    return run


def recorded(run, state):
    gathered = RunRecords(going(run).pk, run.attempt, KnownSecrets(), number=7, prompt_tokens=20, completion_tokens=3)
    gathered.ending = {"state": state, "output": "x", "error": None, "ended_at": timezone.now()}
    write_records([gathered])


def killed_for_good(run):
    going(run).actions.create(path="a", action_id="a", type="log", title="", state=State.RUNNING, event=1, order=1)
    run.crash_path, run.crashes = "a", 3
    claims.fail_killer(run, Suspect(run=run, alone=3))


def prune(settings, run):
    recorded(run, State.FAILED)
    Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() - timedelta(days=9))
    Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=9))
    settings.RUN_RETENTION_DAYS = 5
    deletion.delete_all()


WAYS = {
    "succeeds": lambda run, _: recorded(run, State.SUCCEEDED),
    "fails": lambda run, _: recorded(run, State.FAILED),
    "is refused a record": lambda run, _: claims.fail_unrecorded(going(run), "it"),
    "is cancelled in the queue": lambda run, _: run.request_cancel(by="alice"),
    "is stopped": lambda run, _: (going(run).request_cancel(by="alice"), recorded(run, State.CANCELLED)),
    "is ended at once": lambda run, _: going(run).kill(),
    "is stopped with all others": lambda run, _: engine.cancel_all(Run.objects.filter(flow=run.flow), by="alice"),
    "was to be stopped when its process died": lambda run, _: (
        going(run).request_cancel(by="alice"),
        Worker.objects.update(beat_at=timezone.now() - timedelta(hours=2)),
        claims.requeue(claims.lost_runs()),
    ),
    "kills its process": lambda run, _: killed_for_good(run),
    "is pruned": lambda run, settings: prune(settings, run),
    "is deleted": lambda run, _: run.delete(),
    "is retried": lambda run, _: (recorded(run, State.FAILED), Run.objects.start_again(run, by=None, via="api")),
    "was started long ago": lambda run, _: (
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(days=3, hours=5)),
        recorded(run, State.SUCCEEDED),
    ),
    "is edited by hand": lambda run, _: Run.objects.filter(flow=run.flow).update(prompt_tokens=5, state="failed"),
    "goes with its flow": lambda run, _: (run.flow.remove(), deletion.delete_all()),
    "is put in with others": lambda run, _: Run.objects.bulk_create(
        [Run(flow=run.flow, revision=run.revision, via="batch", state=state) for state in ("succeeded", "queued") * 3]
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_figures_are_right_when_a_run(way, settings, db):
    one, other = make_flow(of("one")), make_flow(of("other"))
    for flow in (one, one, other):
        recorded(make_run(flow), State.SUCCEEDED)
    make_run(one)
    WAYS[way](make_run(one), settings)
    assert triggers.kept_figures() == triggers.recount_figures()


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_right_after_anything(seed, settings, db):
    chance = random.Random(seed)  # noqa: S311 - no secret
    flows = [make_flow(of(f"flow {number}")) for number in range(3)]
    for _ in range(40):
        flows = [flow for flow in flows if Flow.objects.filter(pk=flow.pk).exists()] or [make_flow(of("again"))]
        runs = [make_run(chance.choice(flows)) for _ in range(chance.randrange(1, 4))]
        WAYS[chance.choice(list(WAYS))](chance.choice(runs), settings)
    assert triggers.kept_figures() == triggers.recount_figures()
    assert triggers.kept_figures()


def test_nothing_is_counted_that_was_not_committed(db):
    flow = make_flow(of("one"))
    with transaction.atomic():
        recorded(make_run(flow), State.SUCCEEDED)
        transaction.set_rollback(True)
    assert triggers.kept_figures() == {}


def test_the_figures_of_a_deleted_flow_go_and_those_of_others_stay(db):
    one, other = make_flow(of("one")), make_flow(of("other"))
    recorded(make_run(one), State.SUCCEEDED)
    recorded(make_run(other), State.SUCCEEDED)
    one.remove()
    deletion.delete_all()
    assert {flow for flow, _ in triggers.kept_figures()} == {other.pk}
    assert list(RunGroup.objects.values_list("flow", flat=True)) == [other.pk]


def test_the_command_counts_anew_and_says_whether_it_must(db, capsys):
    recorded(make_run(make_flow(of("one"))), State.SUCCEEDED)
    call_command("rebuild_figures", check=True)
    HourlyFigures.objects.update(succeeded=7)
    with pytest.raises(CommandError, match="2 figures are not what runs say"):
        call_command("rebuild_figures", check=True)
    for _ in range(2):
        call_command("rebuild_figures")
        assert triggers.kept_figures() == triggers.recount_figures()


def test_migrate_brings_back_what_a_copied_table_has_lost(db):
    triggers.uninstall()
    recorded(make_run(make_flow(of("one"))), State.SUCCEEDED)
    assert not triggers.kept_figures()
    triggers.install()
    assert triggers.kept_figures() == triggers.recount_figures()
    assert RunGroup.objects.exists()


def test_pages_read_them_with_what_goes_now(db):
    flow, now = make_flow(of("one")), timezone.now()
    recorded(make_run(flow), State.SUCCEEDED)
    Run.objects.filter(pk=going(make_run(flow)).pk).update(prompt_tokens=100)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(hours=2)
    Run.objects.filter(pk=make_run(flow).pk).update(created_at=yesterday, state="failed")
    days = [midnight - timedelta(days=day) for day in range(14)]
    assert runs_in_all([flow.pk]) == {flow.pk: 3}
    assert runs_by_day([flow.pk], days) == {flow.pk: {0: 2, 1: 1}}
    assert tokens_by_hour(now.replace(minute=0, second=0, microsecond=0))[int(now.timestamp()) // 3600] == (120, 3)


def test_a_person_who_leaves_leaves_runs_of_nobody(db):
    person = User.objects.create_user("carla")
    make_run(make_flow(of("one")), by=person)
    person.delete()
    assert RunGroup.objects.filter(started_by=0).exists()
