"""A run with more steps than a page holds: paged in both directions, filtered, live."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone

from flows.models import ActionRun, LogEntry, Run, State
from flows.runs import log_lines, steps
from flows.runs.stream import BrowserState, read_changes
from tests.factories import make_flow, make_run


@pytest.fixture
def run(db, monkeypatch):
    """With 25 steps, of which each tenth failed and one has a warning; ten fit on a page."""
    monkeypatch.setattr(steps, "MOST_STEPS", 10)
    monkeypatch.setattr(log_lines, "MOST_LINES", 10)
    run = make_run(make_flow(), question="x")
    now = timezone.now()
    ActionRun.objects.bulk_create(
        [
            ActionRun(
                run=run, path=f"each[{number}]/{'ask' if number % 2 else 'note'}", action_id="ask" if number % 2 else "note",
                type="log", title=f"Title {number}", state=State.FAILED if number % 10 == 9 else State.SUCCEEDED,
                warning="odd" if number == 4 else "", event=number + 1, order=number + 1, started_at=now, ended_at=now,
            )
            for number in range(25)
        ]
    )  # fmt: skip
    LogEntry.objects.bulk_create(
        [LogEntry(run=run, event=number, at=now, level="info", message=f"line {number}.") for number in range(25)]
    )
    Run.objects.filter(pk=run.pk).update(state=State.SUCCEEDED, ended_at=now, started_at=now, last_event=30)
    run.refresh_from_db()
    return run


def open_page(client, run, given=None):
    return client.get(reverse("runs:show", args=[run.pk]), given or {})


def titles(response):
    return [int(step.title.split()[1]) for step in response.context["outline"].rows if step.address]


def link(response, word):
    """Where a link of the page leads."""
    found = re.search(rf'href="\?([^"]*)"[^>]*>\s*{word}\s*<', response.content.decode())
    return found and found[1].replace("&amp;", "&")


def go(client, run, response, word):
    return client.get(f"{reverse('runs:show', args=[run.pk])}?{link(response, word)}")


def test_pages_lead_forwards_and_back_without_a_gap(client_bob, run):
    first = open_page(client_bob, run)
    second = go(client_bob, run, first, "Later")
    third = go(client_bob, run, second, "Later")
    assert [titles(page) for page in (first, second, third)] == [
        list(range(10)), list(range(10, 20)), list(range(20, 25)),
    ]  # fmt: skip
    assert link(third, "Later") is None
    back = go(client_bob, run, third, "Earlier")
    assert titles(back) == list(range(10, 20))
    assert titles(go(client_bob, run, back, "Earlier")) == list(range(10))
    assert titles(go(client_bob, run, third, "First")) == list(range(10))
    assert titles(go(client_bob, run, first, "Last")) == list(range(15, 25))


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"state": "failed"}, [9, 19]), ({"state": "warning"}, [4]), ({"state": "failed", "find": "title 1"}, [19]),
     ({"step": "note", "find": "each[2"}, [2, 20, 22, 24]), ({"find": "nothing"}, []), ({"state": "nonsense"}, list(range(10))),
     ({"from": "x", "until": "²"}, list(range(10))), ({"from": "99999999999999"}, list(range(10)))],
)  # fmt: skip
def test_steps_are_filtered_by_the_address(client_bob, run, given, expected):
    assert titles(open_page(client_bob, run, given)) == expected


def test_filters_are_kept_from_page_to_page_and_say_how_many(client_bob, run):
    first = open_page(client_bob, run, {"step": "note"})
    assert link(first, "Later") == "step=note&from=21"
    assert titles(go(client_bob, run, first, "Later")) == [20, 22, 24]
    counts = {state.name: state.count for state in first.context["outline"].page.states}
    assert counts == {"": 13, "warning": 1, "succeeded": 12}
    everything = {state.name: state.count for state in open_page(client_bob, run).context["outline"].page.states}
    assert everything == {"": 25, "failed": 2, "warning": 1, "succeeded": 22}


def test_an_action_that_is_asked_for_is_on_the_page_and_opening_another_keeps_the_page(client_bob, run):
    opened = open_page(client_bob, run, {"action": "each[17]/ask"})
    assert 17 in titles(opened)
    assert 'aria-current="true"' in opened.content.decode()
    beside = open_page(client_bob, run, {"from": "11", "action": "each[12]/note"})
    assert titles(beside) == list(range(10, 20))
    assert 'href="?from=11&amp;action=each' in beside.content.decode()


def test_a_failed_run_opens_where_it_failed(client_bob, run):
    Run.objects.filter(pk=run.pk).update(state=State.FAILED, error={"message": "no", "path": "each[19]/ask"})
    assert 19 in titles(open_page(client_bob, run))


def test_a_run_that_goes_shows_its_newest_steps_and_goes_on_showing_them(client_bob, run):
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, ended_at=None)
    page = open_page(client_bob, run)
    assert titles(page) == list(range(15, 25))
    assert "The newest steps, as they come" in page.content.decode()
    ActionRun.objects.create(
        run=run, path="each[25]/ask", action_id="ask", type="log", title="Title 25", state="running", event=31, order=31
    )
    Run.objects.filter(pk=run.pk).update(last_event=31)
    (regions, _) = read_changes(run.pk, BrowserState({}, 30))
    assert "Title 25" in "".join(regions)
    (regions, _) = read_changes(run.pk, BrowserState({"from": "1"}, 30))
    outline = next(region for region in regions if "run-outline" in region)
    assert "Title 25" not in outline
    assert "Title 0" in outline
    (regions, _) = read_changes(run.pk, BrowserState({"state": "failed"}, 30))
    assert "Title 9" in "".join(regions)


def test_the_stream_of_a_page_knows_what_the_page_shows(client_bob, run):
    Run.objects.filter(pk=run.pk).update(state=State.RUNNING, ended_at=None)
    page = open_page(client_bob, run, {"from": "3", "state": "failed", "find": "a b&c"}).content.decode()
    assert "state=failed&amp;find=a+b%26c&amp;from=3" in page


def test_the_log_is_paged_as_well(client_bob, run):
    first = open_page(client_bob, run, {"tab": "log"})
    assert [f"line {number}." in first.content.decode() for number in (0, 9, 10)] == [True, True, False]
    last = go(client_bob, run, go(client_bob, run, first, "Later"), "Later").content.decode()
    assert [f"line {number}." in last for number in (19, 20, 24)] == [False, True, True]
    assert ">25<" in last


def test_few_steps_need_no_filters(client_bob, run):
    run.actions.filter(order__gt=8).delete()
    page = open_page(client_bob, run).content.decode()
    assert "steps-filter" not in page
    assert "Pages of steps" not in page
