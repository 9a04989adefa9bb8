"""Each region says the same on the page, in a swap and in the answer to an edit, and asks the database once."""

import re
from datetime import timedelta

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import Connection
from flows.designer import open_flow
from flows.designer.property_form import PropertyForm
from flows.models import Flow
from flows.models.raw_sql import table
from tests.factories import make_connection, make_flow

HTMX = {"HX-Request": "true"}
BRANCHES = {
    "format": "foundryflow/1",
    "name": "branches",
    "inputs": [{"name": "score", "type": "number"}, {"name": "token", "type": "secret"}],
    "actions": [
        {"id": "chat", "type": "chat_completion", "title": "Ask", "properties": {"connection": "gone", "model": "m"}},
        {
            "id": "route",
            "type": "if_else",
            "branches": [
                {"id": "high", "title": "High", "condition": "scores > 3", "actions": []},
                {"id": "low", "title": "Otherwise", "actions": [{"id": "note", "type": "log", "disabled": True}]},
            ],
        },
    ],
}


@pytest.fixture
def flow(alice):
    make_connection("simulator")
    return make_flow(by=alice)


@pytest.fixture
def branches(alice):
    return make_flow(BRANCHES, by=alice)


def url(flow, name, *args):
    return reverse(f"designer:{name}", args=[flow.slug, *args])


def show(client, flow, action=""):
    return plain(client.get(url(flow, "show"), {"action": action}).content.decode())


def regions_of(response):
    """The regions of an answer by the id they go to."""
    found = re.findall(r'<hx-partial hx-target="#([^"]*)"[^>]*>(.*?)</hx-partial>', response.content.decode(), re.S)
    return {id: plain(body) for id, body in found}


def plain(html):
    """Without what differs from request to request."""
    return " ".join(re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html).split())


def post(client, flow, name, *args, **data):
    return client.post(url(flow, name, *args), data, headers=HTMX)


def typed(flow, **changes):
    stored = flow.current.parsed().find("chat").properties
    return {"base": flow.current.number, "title": "Answer", **stored, **changes}


def queries_of(deed):
    with CaptureQueriesContext(database) as queries:
        deed()
    return [query["sql"] for query in queries]


@pytest.mark.parametrize("selected", ["start", "chat", "route", "note"])
def test_the_panel_of_a_swap_is_that_of_the_page(client_alice, branches, selected):
    swapped = regions_of(client_alice.get(url(branches, "select", selected), headers=HTMX))
    assert list(swapped) == ["panel"]
    assert swapped["panel"] in show(client_alice, branches, selected)


@pytest.mark.parametrize("selected", ["start", "chat", "route", "note"])
def test_the_regions_after_an_edit_are_those_of_the_page(client_alice, branches, selected):
    post(client_alice, branches, "change", "note", "toggle", base=1)
    answer = post(client_alice, branches, "undo", base=2, action=selected)
    assert "HX-Push-Url" not in answer.headers  # what is open stays open
    undone = regions_of(answer)
    panel = ["panel"] if selected in ("start", "note") else []
    assert list(undone) == ["card-note", "problems", "problem-count", "saved", "chart-said", *panel]
    assert "Took back: Log enabled." in undone.pop("chart-said")
    page = show(client_alice, branches, selected)
    for region in undone.values():
        assert region in page


@pytest.mark.parametrize("action", ["chat", "note"])
def test_the_regions_after_a_save_are_those_of_the_page(client_alice, branches, action):
    saved = regions_of(post(client_alice, branches, "save_properties", action, base=1, title="New title"))
    page = show(client_alice, branches, action)
    assert f"card-{action}" in saved
    for id, region in saved.items():
        assert region in page, id


def test_a_message_at_a_branch_stands_on_the_page_as_after_a_save(client_alice, branches):
    message = '<p class="field-problem" id="message-branch-high-condition"'
    assert message in show(client_alice, branches, "route")
    saved = regions_of(post(client_alice, branches, "save_properties", "route", base=1, title="Route"))
    assert message in saved["message-branch-high-condition"]
    assert "`scores` is not a variable here" in saved["message-branch-high-condition"]
    assert saved["message-branch-high-condition"] in show(client_alice, branches, "route")


def test_a_container_is_saved_with_what_is_in_it(client_alice, branches):
    saved = regions_of(post(client_alice, branches, "save_properties", "route", base=1, title="New title"))
    assert {"flowchart", "card-note"}.isdisjoint(saved)
    assert "Step 4 of 4, Log, in New title, disabled" in saved["card-route"]


def test_the_chart_shows_inputs_cards_and_what_is_wrong(client_alice, branches):
    page = show(client_alice, branches)
    assert "Step 1 of 4, Start, Trigger" in page
    assert "Step 4 of 4, Log, in If, disabled" in page
    assert "Step 2 of 4, Ask, Chat completion, 2 errors" in page


def test_the_problems_lead_to_their_fields(client_alice, branches):
    page = show(client_alice, branches)
    assert 'errors</span> <span class="tag is-bad" id="problem-count">3</span>' in page
    assert "There is no connection named gone." in page
    assert 'href="?action=chat#property-connection" data-go="chat" data-property="connection"' in page


def test_without_problems_the_list_says_so(client_alice, flow):
    assert "Nothing to correct." in show(client_alice, flow)


def test_the_toolbox_is_for_those_who_edit(client_alice, client_bob, flow):
    assert 'data-insert-type="chat_completion"' in show(client_alice, flow)
    assert "data-insert-type" not in show(client_bob, flow)


def test_saved_tells_the_moment_of_this_save(client_alice, flow):
    Flow.objects.update(changed_at=timezone.now() - timedelta(days=1, hours=3, minutes=7))
    before = timezone.localtime()
    saved = regions_of(post(client_alice, flow, "save_properties", "chat", **typed(flow, system_prompt="New")))
    assert any(f"Saved {at:%H:%M}" in saved["saved"] for at in (before, timezone.localtime()))


def test_saving_a_property_builds_one_form_and_one_scope_and_reads_connections_once(client_alice, flow, monkeypatch):
    built, scopes = [], []
    form, variables_at = PropertyForm.__init__, open_flow.variables_at
    monkeypatch.setattr(PropertyForm, "__init__", lambda *args, **more: built.append(form(*args, **more)))
    monkeypatch.setattr(open_flow, "variables_at", lambda *args: scopes.append(1) or variables_at(*args))
    queries = queries_of(
        lambda: post(client_alice, flow, "save_properties", "chat", **typed(flow, system_prompt="New"))
    )
    assert Flow.objects.get().current.number == 2
    assert (len(built), len(scopes)) == (1, 1)
    assert sum(f"FROM {table(Connection)}" in query for query in queries) == 1
    assert len(queries) == 22  # four of them for the audit log


@pytest.mark.parametrize(("selected", "count"), [("", 11), ("start", 11), ("chat", 12)])
def test_the_page_needs_a_fixed_number_of_queries(client_alice, flow, selected, count):
    show(client_alice, flow)  # the first time a database is asked for more
    assert len(queries_of(lambda: show(client_alice, flow, selected))) == count


def test_a_choice_of_an_action_reads_its_panel_alone(client_alice, flow):
    assert len(queries_of(lambda: client_alice.get(url(flow, "select", "chat"), headers=HTMX))) == 8


def test_a_new_action_is_not_red_but_counts_as_an_error_of_the_flow(client_alice, alice):
    make_connection("contoso")
    flow = make_flow({"format": "foundryflow/1", "name": "Empty", "actions": []}, by=alice)
    put_in = regions_of(post(client_alice, flow, "insert", base=1, type="chat_completion"))
    for region in put_in.values():
        assert not re.search(r"is-error|has-error|is-bad|1 error|circle-x", region)
    assert put_in["problem-count"] == '<span class="tag" id="problem-count">3</span>'
    assert put_in["problems"].count("To fill in") == 3
    assert "3 configuration errors" in client_alice.get(reverse("runs:start", args=[flow.slug])).content.decode()


def test_what_is_left_out_is_red_once_the_panel_of_a_new_action_is_left(client_alice, alice):
    make_connection("contoso")
    flow = make_flow({"format": "foundryflow/1", "name": "Empty", "actions": []}, by=alice)
    panel = regions_of(post(client_alice, flow, "insert", base=1, type="chat_completion"))["panel"]
    assert '<input type="hidden" name="new_action" value="chat" id="new-action">' in panel
    typed = {"base": 2, "title": "", "connection": "contoso", "new_action": "chat"}
    saved = regions_of(post(client_alice, flow, "save_properties", "chat", **typed))
    assert "is-error" not in saved["card-chat"]
    assert saved["message-model"] == '<p class="field-problem" id="message-model"></p>'
    again = regions_of(client_alice.get(url(flow, "select", "chat"), {"new_action": "chat"}, headers=HTMX))
    assert (list(again), 'id="new-action"' in again["panel"]) == (["panel"], True)
    left = regions_of(client_alice.get(url(flow, "select", "start"), {"new_action": "chat"}, headers=HTMX))
    assert list(left) == ["panel", "card-chat", "problems", "problem-count"]
    assert "Model missing" in left["card-chat"]
    assert left["problem-count"] == '<span class="tag is-bad" id="problem-count">2</span>'
    closed = regions_of(client_alice.get(url(flow, "show"), {"new_action": "chat"}, headers=HTMX))
    assert (list(closed), closed["card-chat"]) == (list(left), left["card-chat"])
    assert "Model missing" in show(client_alice, flow, "chat")


def test_what_is_left_out_is_red_once_another_action_is_put_in(client_alice, alice):
    make_connection("contoso")
    flow = make_flow({"format": "foundryflow/1", "name": "Empty", "actions": []}, by=alice)
    post(client_alice, flow, "insert", base=1, type="chat_completion")
    post(client_alice, flow, "save_properties", "chat", base=2, connection="contoso", new_action="chat")
    moved = post(client_alice, flow, "change", "chat", "toggle", base=3, action="chat", new_action="chat")
    assert "Model missing" not in moved.content.decode()
    post(client_alice, flow, "change", "chat", "toggle", base=4, action="chat", new_action="chat")
    answer = post(client_alice, flow, "insert", base=5, type="log", after="chat", action="chat", new_action="chat")
    assert "Model missing" in answer.content.decode()
    assert "Message missing" not in answer.content.decode()
