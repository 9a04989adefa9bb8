"""The list of runs: its rows, the chart above, and the notice that nobody works."""

import csv
import html
import io
import re
from datetime import timedelta
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from asgiref.sync import async_to_sync
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone

from flows.models import Flow, Run, State
from flows.playground.models import Session
from flows.runs import list_file
from flows.runs.list import reason_of, run_rows, starter_of
from flows.runs.list_file import COLUMNS
from flows.runs.token_chart import BOTTOM, usage_chart
from foundryflow.system.processes import WORKER, tell
from tests.factories import make_flow, make_run
from tests.markup import one_line
from tests.runs.conftest import record


def test_a_row_says_by_whom_and_with_which_connections(client_bob, run):
    record(run, 7, "more", run.started_at, type="chat_completion", facts={"connection": "other"})
    record(run, 8, "again", run.started_at, type="chat_completion", facts={"connection": "contoso"})
    record(run, 9, "off", run.started_at, type="chat_completion", facts={"connection": "off"}, state=State.SKIPPED)
    record(run, 61, "late", run.started_at, type="chat_completion", facts={"connection": "late"})
    (row,) = run_rows([run])
    assert (row.connection, row.by, row.run.milliseconds, row.reason) == (
        "contoso, other",
        "Alice, run page",
        10_000,
        "",
    )
    page = client_bob.get(reverse("runs:list")).content.decode()
    assert f'href="/runs/{run.pk}/">{run.pk}</a>' in page
    assert ">contoso, other</span>" in page
    assert ">1,234</td>" in page


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
    assert starter_of(Run(started_by=bob, via="api")) == "Bob, API"
    assert starter_of(Run(started_by=bob, via="run page")) == "Bob, run page"
    assert starter_of(Run(via="command line")) == "Command line"


def test_how_long_a_run_takes():
    now = timezone.now()
    assert Run().milliseconds is None
    assert Run(started_at=now - timedelta(seconds=3), ended_at=now).milliseconds == 3_000
    assert Run(started_at=now - timedelta(seconds=3)).milliseconds == pytest.approx(3_000, abs=500)


def test_the_chart_shows_the_tokens_of_each_hour_with_a_scale(client_bob, run):
    chart = usage_chart()
    assert (len(chart["hours"]), chart["prompt"], chart["completion"], chart["total"]) == (24, 1200, 34, 1234)
    assert chart["sentence"].endswith("with 1,234.")
    for drawing in chart["charts"]:
        assert [words for _, words in drawing.grid] == ["0", "1 k", "2 k"]
        bars = max(drawing.bars, key=lambda bars: bars.h_in)
        assert (bars.h_in, bars.h_out) == (50.4, 1.4)
        assert bars.y_in + bars.h_in == pytest.approx(BOTTOM)
        assert bars.y_out + bars.h_out == pytest.approx(bars.y_in - 1)
        assert len(drawing.labels) >= 3
    assert "1,200 in, 34 out" in client_bob.get(reverse("runs:list")).content.decode()


def test_without_runs_the_chart_is_flat(db):
    chart = usage_chart()
    assert {(bars.h_in, bars.h_out) for bars in chart["charts"][0].bars} == {(0, 0)}
    assert "none" in chart["sentence"]


def test_an_empty_list_says_what_to_do(client_bob):
    assert "Nothing has run yet." in client_bob.get(reverse("runs:list")).content.decode()
    filtered = client_bob.get(reverse("runs:list"), {"state": "failed"}).content.decode()
    assert "No run matches." in filtered
    assert ">State: Failed<" in filtered


@pytest.mark.parametrize(("lacks", "queued", "said", "looks_again"), [
    (True, True, True, True), (False, True, False, True), (True, False, False, False),
])  # fmt: skip
def test_the_notice_that_no_worker_is_alive(client_bob, alice, lacks, queued, said, looks_again):
    if not lacks:
        tell(uuid4(), WORKER, runs=0)
    if queued:
        make_run(make_flow(by=alice))
    with override_settings(POSTGRESQL=True):
        notice = client_bob.get(reverse("runs:workers")).content.decode()
    assert ("No worker is running" in notice, "hx-get" in notice) == (said, looks_again)


def test_a_run_whose_answer_was_cut_says_so_and_one_that_goes_what_it_does(client_bob, run):
    record(run, 7, "cut", run.started_at, type="chat_completion", facts={}, warning="Answer cut at 600 tokens")
    Run.objects.filter(pk=run.pk).update(state="succeeded")
    (row,) = run_rows(Run.objects.all())
    assert (row.state.name, row.reason) == ("warning", "Answer cut at 600 tokens")
    Run.objects.filter(pk=run.pk).update(state="running")
    record(run, 8, "asks", run.started_at, type="chat_completion", title="Condense", state="waiting", reason="429")
    (row,) = run_rows(Run.objects.all())
    assert (row.state.name, row.reason) == ("running", "Condense: 429")


FILTERED = {
    "state": "failed",
    "via": "api",
    "by": "bob",
    "connection": "contoso",
    "customer": "Fabrikam",
    "period": "24",
}


def test_menus_say_what_is_set_and_each_link_keeps_the_others(client_bob, bob, run):
    page = client_bob.get(reverse("runs:list"), FILTERED)
    menus = {menu.name: menu for menu in page.context["menus"]}
    assert {name: menu.label for name, menu in menus.items()} == {
        "Flow": "", "State": "Failed", "Started by": "Bob, API", "Connection": "contoso", "Customer": "Fabrikam",
        "Time": "Last 24 hours",
    }  # fmt: skip
    (cancelled,) = [choice for choice in menus["State"].choices if choice.name == "Cancelled"]
    assert dict(parse_qsl(cancelled.link[1:])) == {**FILTERED, "state": "cancelled"}
    assert dict(parse_qsl(menus["Started by"].clear[1:])).keys() == FILTERED.keys() - {"by", "via"}
    assert dict(menus["Time"].kept).keys() == FILTERED.keys() - {"period"}
    words = one_line(page.content.decode())
    assert "State: Failed" in words
    assert 'href="/runs/export/?' in page.content.decode()


def test_filters_that_are_chosen_renew_what_they_change_and_the_search_field_stays(client_bob, run):
    answer = client_bob.get(reverse("runs:list"), {"state": "failed"}, headers={"HX-Request": "true"}).content.decode()
    renewed = re.findall(r'hx-target="#([a-z-]+)"', answer)
    assert renewed == ["runs-filters", "runs-actions", "runs-count", "runs-found"]
    assert "No run matches" in answer
    assert (
        "<html"
        in client_bob.get(
            reverse("runs:list"), headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
        ).content.decode()
    )


def test_news_are_announced_and_not_pushed_under_the_pointer(client_bob, run):
    page = client_bob.get(reverse("runs:list")).content.decode()
    looks = html.unescape(re.search(r'hx-get="(\?since=[^"]+)"', page)[1])
    newer = [make_run(run.flow) for _ in range(3)]
    Run.objects.filter(pk=run.pk).update(state="failed")
    answer = client_bob.get(reverse("runs:list") + looks, headers={"HX-Request": "true"}).content.decode()
    assert re.findall(r'hx-target="#([a-z-]+)"', answer) == ["runs-count", "runs-found"]
    assert "3 new runs" in answer
    assert f'id="run-{run.pk}"' in answer
    assert ">Failed<" in answer.replace("\n", "").replace("  ", "") or "Failed" in answer
    assert not any(f'id="run-{one.pk}"' in answer for one in newer)
    assert ">Newest<" not in answer


def test_an_export_has_what_the_filters_find_and_nothing_that_a_spreadsheet_would_calculate(client_bob, run):
    flow = make_flow({"format": "foundryflow/1", "name": "=1+1", "actions": []})
    wanted = [make_run(flow, secret="x") for _ in range(3)]
    Run.objects.filter(pk=wanted[0].pk).update(state="failed", error={"message": "@broken"}, customer="-7")
    answer = client_bob.get(reverse("runs:export"), {"flow": flow.slug})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.reader(io.StringIO(streamed(answer).decode("utf-8-sig"))))
    assert lines[0] == list(COLUMNS)
    assert [int(line[0]) for line in lines[1:]] == [one.pk for one in reversed(wanted)]
    assert lines[-1][1:6] == ["'=1+1", "Failed", "'@broken", "Run page", "'-7"]
    assert not any("inputs" in name.lower() for name in lines[0])


def test_an_export_goes_on_page_by_page_and_says_where_it_ends(client_bob, run, monkeypatch):
    monkeypatch.setattr(list_file, "AT_ONCE", 2)
    others = [make_run(run.flow) for _ in range(4)]
    lines = streamed(client_bob.get(reverse("runs:export"))).decode().splitlines()[1:]
    found = [int(line.split(",")[0]) for line in lines]
    assert found == [*(one.pk for one in reversed(others)), run.pk]
    monkeypatch.setattr(list_file, "MOST_EXPORTED", 2)
    assert "More than 2 runs" in streamed(client_bob.get(reverse("runs:export"))).decode()


def test_an_export_has_no_run_of_others_and_asks_who_is_there(client, client_bob, alice, run):
    hidden = make_flow({"format": "foundryflow/1", "name": "hidden", "actions": []})
    Flow.objects.filter(pk=hidden.pk).update(room="playground")
    Session.objects.create(name="hers", owner=alice, flow=hidden)
    private = make_run(hidden)
    lines = streamed(client_bob.get(reverse("runs:export"), {"via": "all"})).decode().splitlines()
    assert not any(line.startswith(f"{private.pk},") for line in lines)
    assert client.get(reverse("runs:export")).status_code in (302, 401)


def streamed(answer):
    async def read():
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()
