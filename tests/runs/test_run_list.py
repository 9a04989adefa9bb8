"""The list of runs: its rows, the chart above, and the notice that nobody works."""

from datetime import timedelta

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from flows import engine
from flows.models import Run, State
from flows.runs.list import milliseconds_of, reason_of, run_rows, starter_of
from flows.runs.usage import usage_chart
from tests.factories import make_flow, make_run
from tests.runs.conftest import record


def test_a_row_says_by_whom_and_with_which_connections(client_bob, run):
    record(run, 7, "more", run.started_at, type="chat_completion", facts={"connection": "other"})
    record(run, 8, "again", run.started_at, type="chat_completion", facts={"connection": "contoso"})
    record(run, 9, "off", run.started_at, type="chat_completion", facts={"connection": "off"}, state=State.SKIPPED)
    record(run, 61, "late", run.started_at, type="chat_completion", facts={"connection": "late"})
    (row,) = run_rows([run])
    assert (row.connection, row.by, row.milliseconds, row.reason) == ("contoso, other", "Alice, run page", 10_000, "")
    page = client_bob.get(reverse("runs:list")).content.decode()
    assert f'<td><a href="/runs/{run.pk}/">{run.pk}</a></td>' in page
    assert "<td>contoso, other</td>" in page
    assert "1,234</td>" in page


@pytest.mark.parametrize(
    ("fields", "reason"),
    [({"state": "failed", "error": {"message": "x" * 300}}, "x" * 200), ({"state": "failed", "error": None}, ""),
     ({"state": "cancelled", "cancelled_by": "Zoe"}, "Stopped by Zoe"), ({"state": "running", "cancelled_by": "Zoe"}, ""),
     ({"state": "queued", "crashes": 1, "crash_path": "chat"}, ""), ({"state": "succeeded", "crashes": 9, "crash_path": "chat"}, "")],
)  # fmt: skip
def test_the_reason_of_an_end(fields, reason):
    assert reason_of(Run(**fields)) == reason


def test_a_run_that_died_again_and_again_says_where():
    assert "died 3 times at chat" in reason_of(Run(state="queued", crashes=3, crash_path="chat"))


def test_who_has_started_a_run(bob):
    assert starter_of(Run(started_by=bob, via="api")) == "Bob, api"
    assert starter_of(Run(via="command line")) == "Command line"


def test_how_long_a_run_takes():
    now = timezone.now()
    assert milliseconds_of(Run()) is None
    assert milliseconds_of(Run(started_at=now - timedelta(seconds=3), ended_at=now)) == 3_000
    assert milliseconds_of(Run(started_at=now - timedelta(seconds=3))) == pytest.approx(3_000, abs=500)


def test_the_chart_shows_the_tokens_of_each_hour(run):
    chart = usage_chart()
    assert (len(chart["hours"]), chart["prompt"], chart["completion"], chart["total"]) == (24, 1200, 34, 1234)
    hour = chart["hours"][-1] if chart["hours"][-1].prompt else chart["hours"][-2]
    assert (hour.h_in, hour.h_out) == (73.9, 2.1)
    assert hour.y_in + hour.h_in == pytest.approx(80)
    assert hour.y_out + hour.h_out == pytest.approx(hour.y_in)


def test_without_runs_the_chart_is_flat(db):
    assert {(hour.h_in, hour.h_out) for hour in usage_chart()["hours"]} == {(0, 0)}


def test_an_empty_list_says_what_to_do(client_bob):
    assert "Nothing has run yet." in client_bob.get(reverse("runs:list")).content.decode()
    filtered = client_bob.get(reverse("runs:list"), {"state": "failed"}).content.decode()
    assert "No run matches." in filtered
    assert "<option selected>failed</option>" in filtered


@pytest.mark.parametrize(("lacks", "queued", "said", "looks_again"), [
    (True, True, True, True), (False, True, False, True), (True, False, False, False),
])  # fmt: skip
def test_the_notice_that_no_worker_is_alive(client_bob, alice, monkeypatch, lacks, queued, said, looks_again):
    monkeypatch.setattr(engine, "lacks_workers", lambda: lacks)
    if queued:
        make_run(make_flow(by=alice))
    with override_settings(POSTGRESQL=True):
        notice = client_bob.get(reverse("runs:workers")).content.decode()
    assert ("No worker is alive" in notice, "hx-get" in notice) == (said, looks_again)
