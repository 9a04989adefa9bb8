"""Which connections runs have called: noted once, and found for runs from before there was such a table."""

from importlib import import_module
from types import SimpleNamespace

from django.db import connection

from flows.models import ActionRun, Run, RunConnection
from flows.models.run_connection import note_connections
from tests.factories import make_flow, make_run

migration = import_module("flows.migrations.0015_run_connections")


def noted():
    return sorted(RunConnection.objects.values_list("run", "name"))


def test_a_connection_is_noted_once_with_the_time_of_its_run(db):
    run = make_run(make_flow())
    note_connections([(run.pk, "contoso"), (run.pk, "west")])
    note_connections([(run.pk, "contoso"), (run.pk + 1, "contoso"), (run.pk, "x" * 300)])
    assert noted() == [(run.pk, "contoso"), (run.pk, "west"), (run.pk, "x" * 255)]
    assert set(RunConnection.objects.values_list("created_at", flat=True)) == {run.created_at}
    run.delete()
    assert noted() == []


def test_runs_from_before_are_noted_by_what_is_recorded_of_their_calls(db):
    flow = make_flow()
    runs = [make_run(flow) for _ in range(2)]
    calls = [
        (runs[0], "chat_completion", "succeeded", {"connection": "contoso"}),
        (runs[0], "chat_completion", "failed", {"connection": "west"}),
        (runs[0], "chat_completion", "succeeded", {"connection": "contoso"}),
        (runs[0], "query_database", "succeeded", {"connection": "customers"}),
        (runs[1], "chat_completion", "running", {"connection": "contoso"}),
        (runs[1], "chat_completion", "succeeded", {}),
    ]
    ActionRun.objects.bulk_create(
        [
            ActionRun(
                run=run, path=f"a{at}", action_id="a", type=type, title="", state=state, event=at, order=at, facts=facts
            )
            for at, (run, type, state, facts) in enumerate(calls, 1)
        ]
    )
    with connection.cursor() as cursor:
        migration.note_recorded(None, SimpleNamespace(connection=connection, execute=cursor.execute))
    assert noted() == [(runs[0].pk, "contoso"), (runs[0].pk, "west")]
    assert Run.objects.count() == 2
