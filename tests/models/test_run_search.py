"""The list of runs: every filter finds what going through all runs finds, page by page, in both directions."""

import itertools
import random
from datetime import UTC, timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from flows.models import Flow, Room, Run, RunConnection, State, search
from flows.models.run_connection import note_connections
from flows.models.run_filters import ORIGINS, STATES, Filters
from flows.models.search import Cursor, Search
from flows.playground.models import Session
from tests.factories import make_flow
from tests.markup import one_line

GIVEN = {
    "flow": ("", "first", "nothing"),
    "state": ("", "failed", "open", "running"),
    "by": ("", "bob", "nobody"),
    "via": ("", "api", "playground", "batch", "all"),
    "connection": ("", "contoso"),
    "customer": ("", "Contoso"),
    "period": ("", "24"),
    "to": ("", f"{timezone.now() - timedelta(days=1):%Y-%m-%d}"),
    "q": ("", "FIRST", "7"),
}


def of(name):
    return {"format": "foundryflow/1", "name": name, "inputs": [], "actions": []}


@pytest.fixture
def runs(alice, bob, monkeypatch):
    """A hundred and twenty, whose time does not follow their number; some are of a session of bob alone."""
    monkeypatch.setattr(search, "ROWS", 7)
    chance = random.Random(5)  # noqa: S311 - no secret
    hidden = make_flow(of("hidden"))
    hidden.room = "playground"
    hidden.save()
    Session.objects.create(name="bob's", owner=bob, flow=hidden)
    flows = [make_flow(of("first")), make_flow(of("second")), hidden]
    for number in range(120):
        flow = chance.choice(flows)
        run = Run(flow=flow, revision=flow.current, via=chance.choice(["api", "designer"]), state=chance.choice(STATES))
        run.started_by = chance.choice([alice, bob, None])
        run.customer = chance.choice(["Contoso", "Fabrikam", None])
        run.save()
        if chance.random() < 0.5:
            note_connections([(run.pk, "contoso"), (run.pk, "other")])
        # Some in the same moment.
        at = timezone.now() - timedelta(hours=(number * 7) % 50)
        Run.objects.filter(pk=run.pk).update(created_at=at)
        RunConnection.objects.filter(run=run).update(created_at=at)
    return Run.objects.order_by("-created_at", "-pk").select_related("flow", "started_by")


def matching(runs, user, given):
    states = [state for state in STATES if state != "succeeded"] if given["state"] == "open" else [given["state"]]
    words = given["q"].lower()
    since = timezone.now() - timedelta(hours=24)
    until = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    called = set(RunConnection.objects.filter(name="contoso").values_list("run", flat=True))

    def asked_for(run):
        if words == str(run.pk) or (given["flow"] and given["via"] in ("", "api", "all")):
            return True
        return given["via"] == "all" or run.flow.room == (given["via"] if given["via"] in Room else "designer")

    return [
        run.pk
        for run in runs
        if (run.flow.room == "designer" or user.username == "bob")
        and asked_for(run)
        and given["flow"] in ("", run.flow.slug)
        and given["customer"] in ("", run.customer)
        and (not given["state"] or run.state in states)
        and given["by"] in ("", run.started_by and run.started_by.username)
        and (given["via"] in ("", "playground", "batch", "all") or given["via"] == run.via)
        and (not given["connection"] or run.pk in called)
        and (not given["period"] or given["to"] or run.created_at >= since)
        and (not given["to"] or run.created_at < until)
        and (words in run.flow.name or words == str(run.pk))
    ]


def forwards(find):
    page = find.page()
    while True:
        yield page
        if page.older is None:
            return
        page = find.page(before=page.older)


@pytest.mark.parametrize("lookups", [search.MOST_LOOKUPS, 0], ids=["by group", "by time"])
def test_every_combination_finds_what_matches_in_order(runs, alice, bob, lookups, monkeypatch):
    monkeypatch.setattr(search, "MOST_LOOKUPS", lookups)
    every = list(runs)
    for values in list(itertools.product(*GIVEN.values()))[::29]:
        given = dict(zip(GIVEN, values, strict=True))
        for user in (alice, bob):
            right = matching(every, user, given)
            find = Search(Flow.objects.visible_to(user), Filters.of(given))
            pages = list(forwards(find))
            assert [run.pk for page in pages for run in page.runs] == right, given
            assert find.count(pages[0]) == len(right)
            assert pages[0].newer is None


@pytest.mark.parametrize("lookups", [search.MOST_LOOKUPS, 0], ids=["by group", "by time"])
def test_the_way_back_shows_the_same_pages(runs, bob, lookups, monkeypatch):
    monkeypatch.setattr(search, "MOST_LOOKUPS", lookups)
    find = Search(Flow.objects.visible_to(bob), Filters.of({"state": "open"}))
    pages = list(forwards(find))
    there = [[run.pk for run in page.runs] for page in pages]
    page = pages[-1]
    for expected in reversed(there[:-1]):
        page = find.page(after=page.newer)
        assert [run.pk for run in page.runs] == expected
    assert page.newer is None
    oldest = find.page(oldest=True)
    assert [run.pk for run in oldest.runs] == [pk for each in there for pk in each][-search.ROWS :]
    assert (oldest.older, bool(oldest.newer)) == (None, True)


def test_what_is_rare_among_many_runs_of_a_connection_is_looked_for_page_by_page(runs, bob, monkeypatch):
    monkeypatch.setattr(search, "MOST_READ", 9)
    given = {"connection": "contoso", "state": "failed", "via": "all"}
    right = matching(list(runs), bob, dict.fromkeys(GIVEN, "") | given)
    find = Search(Flow.objects.visible_to(bob), Filters.of(given))
    pages = list(forwards(find))
    assert [run.pk for page in pages for run in page.runs] == right
    assert len(pages) > len(right) / search.ROWS + 1
    assert find.count(pages[0]) is None  # nobody has gone through all of them


def test_runs_of_sessions_and_batches_are_found_when_they_are_asked_for(runs, bob):
    def rooms(**given):
        found = Search(Flow.objects.visible_to(bob), Filters.of(given))
        return {run.flow.room for page in forwards(found) for run in page.runs}

    hidden = runs.filter(flow__room="playground")[0]
    assert rooms() == {"designer"}
    assert rooms(via="playground") == {"playground"}
    assert rooms(via="all") == {"designer", "playground"}
    assert rooms(flow=hidden.flow.slug) == {"playground"}
    assert hidden.pk in [
        run.pk for run in Search(Flow.objects.visible_to(bob), Filters.of({"q": str(hidden.pk)})).page().runs
    ]
    assert {"playground", "batch", "all"} < set(ORIGINS)


def test_days_are_those_of_the_time_zone_and_may_come_in_either_order(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    timezone.get_default_timezone.cache_clear()
    try:
        filters = Filters.of({"from": "2026-11-28", "to": "2026-11-27", "period": "1"})
    finally:
        settings.TIME_ZONE = "UTC"
        timezone.get_default_timezone.cache_clear()
    assert [f"{at.astimezone(UTC):%d %H:%M}" for at in (filters.since, filters.until)] == ["26 23:00", "28 23:00"]
    assert Filters.of({"from": "tomorrow", "to": "2026-13-01"}) == Filters.of({})


def test_runs_that_came_since_are_counted_up_to_a_page(runs, bob):
    find = Search(Flow.objects.visible_to(bob), Filters.of({"via": "all"}))
    newest = list(runs)
    assert find.newer_than(Cursor.of(newest[0])) == (0, False)
    assert find.newer_than(Cursor.of(newest[3])) == (3, False)
    assert find.newer_than(Cursor.of(newest[60])) == (7, True)


def test_new_runs_do_not_move_an_older_page(runs, bob):
    first = Search(Flow.objects.visible_to(bob), Filters()).page()
    expected = [run.pk for run in Search(Flow.objects.visible_to(bob), Filters()).page(before=first.older).runs]
    Run.objects.create(flow=make_flow(of("new")), revision=first.runs[0].revision, via="api")
    assert [run.pk for run in Search(Flow.objects.visible_to(bob), Filters()).page(before=first.older).runs] == expected


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "²-1", "99999999999999999999-1", "1-99999999999999999999"])
def test_what_is_no_cursor_is_none(text):
    assert Cursor.parse(text) is None


def test_a_run_is_a_place_by_its_number_also_when_it_is_gone(db):
    flow = make_flow(of("first"))
    runs = [Run.objects.create(flow=flow, revision=flow.current, via="api") for _ in range(4)]
    find = Search(Flow.objects.all(), Filters())
    assert [run.pk for run in find.page(before=Cursor.at_number(runs[2].pk)).runs] == [runs[1].pk, runs[0].pk]
    Run.objects.filter(pk=runs[2].pk).delete()
    assert [run.pk for run in find.page(before=Cursor.at_number(runs[2].pk)).runs] == [runs[1].pk, runs[0].pk]
    assert Cursor.at_number(0) is None


@pytest.mark.parametrize(
    "given",
    [
        {"before": "1-1"},
        {"after": "99999999999999999-999999999999999999"},
        {"before": "x"},
        {"oldest": "1"},
    ],
)
def test_addresses_that_people_change_are_answered(client_bob, runs, given):
    assert client_bob.get(reverse("runs:list"), given).status_code == 200


def test_the_page_leads_on_with_its_filters(client_bob, runs):
    page = client_bob.get(reverse("runs:list"), {"state": "open", "q": "first"})
    older = page.context["found"].older
    assert f'href="?state=open&amp;q=first&amp;before={older}">Older' in page.content.decode()
    assert ">Newer" not in page.content.decode()
    on = client_bob.get(reverse("runs:list"), {"state": "open", "q": "first", "before": str(older)}).content.decode()
    assert ">Newer" in on
    assert ">Newest" in on


def test_more_than_are_counted(client_alice, alice):
    flow = make_flow(of("first"))
    Run.objects.bulk_create(
        [Run(flow=flow, revision=flow.current, via="api", state=State.FAILED) for _ in range(search.MOST_COUNTED + 1)]
    )
    failed = client_alice.get(reverse("runs:list"), {"state": "failed"}).content.decode()
    assert "more than 1,000 of 1,001" in one_line(failed)
    assert "1,001 runs" in one_line(client_alice.get(reverse("runs:list")).content.decode())
    assert User.objects.count() == 1
