"""The page of a run and its stream show the same, because the same functions build their regions."""

import re

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import AnonymousUser
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from flows.engine.live import hub
from flows.models import LogEntry, Run, State
from flows.runs import log_lines
from flows.runs.stream import ENDED, BrowserState, follow_run, read_changes
from foundryflow.roles import Permissions
from tests.factories import make_flow, make_run
from tests.markup import one_line

TABS = ["steps", "flowchart", "values", "log"]
REGIONS = {"steps": "run-outline", "flowchart": "flowchart", "values": "run-values", "log": "run-log"}
NOBODY = Permissions(AnonymousUser())


def open_page(client, run, **params):
    return client.get(reverse("runs:show", args=[run.pk]), params).content.decode()


def regions_of(run, **params):
    """What a browser is sent that has the page open but has seen no event yet, by the id it goes to."""
    pieces, _ = read_changes(run.pk, BrowserState(params, -1))
    found = [re.fullmatch(r'<hx-partial hx-target="#([^"]*)"[^>]*>(.*)</hx-partial>', piece, re.S) for piece in pieces]
    return {match[1]: match[2] for match in found}


def test_a_page_of_a_run_that_is_not_there_is_not_found(client_alice, run):
    for name in ("show", "stream", "download"):
        assert client_alice.get(reverse(f"runs:{name}", args=[run.pk + 1])).status_code == 404
    for name in ("cancel", "retry"):
        assert client_alice.post(reverse(f"runs:{name}", args=[run.pk + 1])).status_code == 404


def test_a_run_of_somebody_elses_session_is_not_found(client_alice, run):
    run.flow.room = "playground"
    run.flow.save()
    assert client_alice.get(reverse("runs:show", args=[run.pk])).status_code == 404


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("action", ["", "each[1]/note", "gone"])
def test_the_stream_sends_what_the_page_shows(client_bob, run, tab, action):
    regions = regions_of(run, tab=tab, action=action)
    assert list(regions) == ["run-status", "run-tabs", *(["run-detail"] if action != "gone" else []), REGIONS[tab]]
    page = open_page(client_bob, run, tab=tab, action=action)
    for id, region in regions.items():
        assert region.strip() in page, id


@pytest.mark.parametrize("tab", TABS)
def test_the_stream_of_a_run_that_goes_sends_what_its_page_shows(client_bob, run, tab, monkeypatch):
    Run.objects.update(
        state=State.RUNNING, ended_at=None, output=None, cancelled_by="Zoe", crashes=2, crash_path="chat"
    )
    run.actions.filter(path="each").update(state=State.RUNNING, ended_at=None)
    monkeypatch.setattr("django.utils.timezone.now", lambda: run.ended_at)
    regions = regions_of(run, tab=tab)
    # Inputs do not change, and there is no output before the end.
    assert list(regions) == ["run-status", "run-tabs", "run-detail", *([REGIONS[tab]] if tab != "values" else [])]
    page = open_page(client_bob, run, tab=tab)
    for id, region in regions.items():
        assert region.strip() in page, id
    assert "Zoe is stopping it." in page
    assert "died twice at chat" in page


def test_a_tab_that_nobody_knows_is_that_of_the_steps_on_the_page_and_in_the_stream(client_bob, run):
    assert 'id="run-outline"' in open_page(client_bob, run, tab="odd")
    assert "run-outline" in regions_of(run, tab="odd")


def test_a_revision_that_cannot_be_read_is_said_on_the_page_and_in_the_stream(client_bob, run):
    broken = {"format": "foundryflow/1", "name": "x", "actions": [{"oops": 1}]}
    run.flow.revisions.update(document=broken, created_at=timezone.now())
    sentence = "The document of this revision cannot be drawn."
    assert sentence in open_page(client_bob, run, tab="flowchart")
    assert sentence in regions_of(run, tab="flowchart")["flowchart"]


def test_only_what_changed_is_sent_and_then_nothing(run):
    browser = BrowserState({}, NOBODY, event=4, path="chat")
    pieces, ended = read_changes(run.pk, browser)
    assert (len(pieces), ended, browser.event) == (3, True, 6)
    assert not any('#run-detail" hx' in piece for piece in pieces)
    assert read_changes(run.pk, browser) == ([], True)


def test_the_detail_follows_the_run_where_no_action_was_chosen(run):
    Run.objects.update(state=State.RUNNING, ended_at=None)
    run.actions.filter(path="each[1]/note").update(state=State.RUNNING, ended_at=None)
    browser = BrowserState({}, NOBODY, event=3, path="chat")
    read_changes(run.pk, browser)
    assert browser.path == "each[1]/note"
    chosen = BrowserState({"action": "chat"}, NOBODY, event=3, path="chat")
    pieces, _ = read_changes(run.pk, chosen)
    assert chosen.path == "chat"
    assert not any('#run-detail" hx' in piece for piece in pieces)


def test_the_address_of_the_stream_says_what_the_page_shows(client_bob, run, monkeypatch):
    assert "run-feed" not in open_page(client_bob, run)
    Run.objects.update(state=State.RUNNING, ended_at=None)
    run.actions.filter(path="chat").update(state=State.RUNNING, ended_at=None, output=None)
    monkeypatch.setattr(hub, "_text", {})
    hub.publish_text(run.pk, "chat", "So far 🙂")
    page = open_page(client_bob, run, tab="log", **{"from": "3"})
    assert "?after=6&amp;action=&amp;tab=log&amp;path=chat&amp;length=8&amp;from=3" in page
    assert ">So far 🙂</div>" in page


@pytest.mark.parametrize(("tab", "count"), [("steps", 11), ("flowchart", 10), ("values", 10), ("log", 10)])
def test_the_page_needs_a_fixed_number_of_queries(client_bob, run, tab, count):
    open_page(client_bob, run)  # the first time a database is asked for more
    with CaptureQueriesContext(database) as queries:
        open_page(client_bob, run, tab=tab)
    assert len(queries) == count


def test_the_head_says_how_the_run_stands(client_bob, run):
    page = open_page(client_bob, run)
    assert 'data-run-state="succeeded"' in page
    assert "1,200 in · 34 out" in page
    assert "Alice, run page" in page
    assert 'form="stop-form"' not in page
    assert 'form="retry-form"' not in page


def test_a_failed_run_says_why_and_leads_to_the_action(client_alice, client_bob, run):
    Run.objects.update(state=State.FAILED, error={"message": "It broke.", "hint": "Mend it.", "path": "each[0]/note"})
    page = open_page(client_bob, run)
    assert "<b>It broke.</b> Mend it." in page
    assert 'href="?action=each%5B0%5D/note">Show the action' in page
    assert 'form="retry-form"' not in page  # a reader's
    assert 'form="retry-form"' in open_page(client_alice, run)


def test_a_cancelled_run_says_by_whom(client_bob, run):
    Run.objects.update(state=State.CANCELLED, cancelled_by="Zoe")
    assert "Stopped by Zoe." in open_page(client_bob, run)


def test_inputs_and_output_are_shown_as_they_read_best(client_bob, run):
    page = open_page(client_bob, run, tab="values")
    assert '<div class="value-text">Why?</div>' in page
    assert '<dt class="mono" title="question">question</dt><dd><div class="value-text">Why?</div>' in one_line(page)
    # PostgreSQL keeps an object, not the order of what is in it.
    assert all(f'<th scope="col">{name}</th>' in page for name in ("city", "n"))
    assert re.search(r"<td>\s*Rome\s*</td><td>\s*</td>|<td>\s*</td><td>\s*Rome\s*</td>", one_line(page))


def test_the_log_is_shown_with_its_levels(client_bob, run):
    page = open_page(client_bob, run, tab="log")
    assert '<span class="state is-warn">warning</span>' in page
    assert "Look &lt;here&gt;." in page
    assert 'Execution log <span class="tag">1</span>' in one_line(page)


def test_a_download_is_the_output_of_the_run_or_of_an_action(client_bob, run):
    address = reverse("runs:download", args=[run.pk])
    answer = client_bob.get(address)
    assert (answer.json()[0]["city"], answer.headers["Content-Disposition"]) == (
        "Oslo",
        f'attachment; filename="run-{run.pk}.json"',
    )
    answer = client_bob.get(address, {"action": "chat"})
    assert (answer.json(), answer.headers["Content-Disposition"]) == (
        {"text": "Because."},
        f'attachment; filename="run-{run.pk}-chat.json"',
    )
    assert client_bob.get(address, {"action": "gone"}).status_code == 404


def test_an_ended_run_is_not_stopped(client_alice, run):
    answer = client_alice.post(reverse("runs:cancel", args=[run.pk]), follow=True)
    assert "The run had ended already." in answer.content.decode()
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED


def test_nobody_who_is_not_signed_in_sees_a_run(client, run):
    for name in ("show", "stream", "download"):
        assert client.get(reverse(f"runs:{name}", args=[run.pk])).status_code == 302
    for name in ("list", "workers"):
        assert client.get(reverse(f"runs:{name}")).status_code == 302


def test_the_methods_of_deeds_are_not_those_of_pages(client_alice, run):
    for name in ("cancel", "retry"):
        assert client_alice.get(reverse(f"runs:{name}", args=[run.pk])).status_code == 405
    for name in ("show", "download"):
        assert client_alice.post(reverse(f"runs:{name}", args=[run.pk])).status_code == 405


def test_the_head_counts_what_subflows_have_used(client_bob, run):
    Run.objects.update(subflow_prompt_tokens=300, subflow_completion_tokens=6)
    assert "1,500 in · 40 out" in open_page(client_bob, run)


def test_the_head_marks_tokens_that_nobody_counted(client_bob, run):
    Run.objects.update(subflow_estimated_tokens=6)
    assert "≈ 1,200 in · ≈ 34 out" in open_page(client_bob, run)
    listed = client_bob.get(reverse("runs:list")).content.decode()
    assert "≈ 1,234" in listed


def test_a_run_that_goes_tells_the_clock_of_the_server_and_since_when(client_bob, run):
    assert "data-now" not in open_page(client_bob, run)
    Run.objects.update(state=State.RUNNING, ended_at=None)
    page = one_line(open_page(client_bob, run))
    (now,) = re.findall(r'data-now="(\d+)"', page)
    since = round(run.started_at.timestamp() * 1_000)
    assert 0 <= int(now) - since - 300_000 < 60_000
    assert f'<dd data-since="{since}">5:0' in page


def test_the_log_is_counted_as_it_grows_and_to_an_end(run, monkeypatch):
    assert 'Execution log <span class="tag">1</span>' in one_line(regions_of(run)["run-tabs"])
    monkeypatch.setattr(log_lines, "MOST_COUNTED", 1)
    LogEntry.objects.create(run=run, event=6, at=run.started_at, level="info", message="More.")
    assert 'Execution log <span class="tag">1+</span>' in one_line(regions_of(run)["run-tabs"])


def test_a_browser_that_comes_back_gets_everything_anew_and_no_text_twice(client_bob, run, rf):
    request = rf.get("/", {"after": "6", "path": "chat", "length": "3"})
    assert BrowserState.of(request, NOBODY).lengths == {"chat": 3}
    back = BrowserState.of(
        rf.get("/", {"after": "6", "path": "chat", "length": "3"}, headers={"Last-Event-ID": "6"}), NOBODY
    )
    pieces, _ = read_changes(run.pk, back)
    assert len(pieces) == 4
    assert back.lengths == {"chat": len("Because.")}


@pytest.mark.django_db(transaction=True)
async def test_the_stream_of_a_run_that_has_ended_says_so_and_ends(transactional_db):
    run = await sync_to_async(make_run)(await sync_to_async(make_flow)(), question="x")
    await Run.objects.aupdate(state=State.SUCCEEDED, ended_at=timezone.now(), last_event=3)
    sent = [piece async for piece in follow_run(run.pk, BrowserState({}, NOBODY, -1))]
    assert b'hx-target="#run-status"' in sent[0]
    assert sent[1:] == [ENDED]


def test_steps_never_reached_are_listed_and_lead_nowhere(client_bob, run):
    page = one_line(open_page(client_bob, run))
    assert '<span class="step-link" title="Return">Return</span>' in page
    assert page.count("Not reached") == 1
    assert "Not reached" not in open_page(client_bob, run, find="Note")
    Run.objects.update(state=State.RUNNING, ended_at=None)
    page = open_page(client_bob, run)
    assert "Not reached" not in page
    assert "Queued" in page


def test_a_page_that_does_not_show_all_steps_lists_what_was_not_reached_at_the_end(client_bob, run, monkeypatch):
    monkeypatch.setattr("flows.runs.steps.MOST_STEPS", 2)
    assert "Not reached" not in open_page(client_bob, run)
    assert "Not reached" in open_page(client_bob, run, until="newest")
