"""The list of runs: every filter finds what going through all runs finds, page by page, in both directions."""

import itertools
import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from flows.models import Flow, Run, State, search
from flows.models.search import STATES, Cursor, Filters, Search
from flows.playground.models import Session
from tests.factories import make_flow

GIVEN = {
    "flow": ("", "first", "nothing"),
    "state": ("", "failed", "open", "running"),
    "by": ("", "bob", "nobody"),
    "via": ("", "api"),
    "customer": ("", "Contoso"),
    "period": ("", "24"),
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
        # Some in the same moment.
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=(number * 7) % 50))
    return Run.objects.order_by("-created_at", "-pk").select_related("flow", "started_by")


def matching(runs, user, given):
    states = [state for state in STATES if state != "succeeded"] if given["state"] == "open" else [given["state"]]
    words = given["q"].lower()
    since = timezone.now() - timedelta(hours=24)
    return [
        run.pk
        for run in runs
        if (run.flow.room == "designer" or user.username == "bob")
        and given["flow"] in ("", run.flow.slug)
        and given["customer"] in ("", run.customer)
        and (not given["state"] or run.state in states)
        and given["by"] in ("", run.started_by and run.started_by.username)
        and given["via"] in ("", run.via)
        and (not given["period"] or run.created_at >= since)
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
    for values in list(itertools.product(*GIVEN.values()))[::5]:
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
    assert "more than 1,000 of 1,001" in client_alice.get(reverse("runs:list"), {"state": "failed"}).content.decode()
    assert "1,001 runs" in client_alice.get(reverse("runs:list")).content.decode()
    assert User.objects.count() == 1
