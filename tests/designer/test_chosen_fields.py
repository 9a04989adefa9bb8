"""Fields in which a variable or a flow is chosen, or something else typed."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
INPUTS = [
    {"name": "messages", "type": "list"},
    {"name": "question", "type": "text"},
    {"name": "token", "type": "secret"},
]


@pytest.fixture
def flow_of(alice):
    def make(type, **properties):
        action = {"id": "a", "type": type, "properties": properties}
        return make_flow({"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": [action]}, by=alice)

    return make


def options(client, flow, id):
    """The options of a select, each with whether it is chosen."""
    page = client.get(reverse("designer:show", args=[flow.slug]), {"action": "a"}).content.decode()
    (inside,) = re.findall(rf'<select[^>]*id="{id}"[^>]*>(.*?)</select>', page, re.DOTALL)
    found = re.findall(r"<option([^>]*)>(.*?)</option>", one_line(inside), re.DOTALL)
    return [(re.search(r'value="([^"]*)"', tag)[1], words.strip(), "selected" in tag) for tag, words in found]


def save(client, flow, /, **typed):
    """The properties after a save of the panel, and the status."""
    url = reverse("designer:save_properties", args=[flow.slug, "a"])
    response = client.post(url, {"base": flow.current.number, "title": "", **typed}, headers=HTMX)
    flow.refresh_from_db()
    return flow.current.parsed().find("a").properties, response


def test_set_variable_chooses_from_the_variables_in_scope(client_alice, flow_of):
    flow = flow_of("set_variable", variable="question")
    assert options(client_alice, flow, "property-variable") == [
        ("", "Choose a variable", False),
        ("messages", "messages · list", False),
        ("question", "question · text", True),
        ("token", "token · secret", False),
    ]


def test_a_variable_that_is_not_in_scope_stays_chosen_and_is_said(client_alice, flow_of):
    flow = flow_of("set_variable", variable="gone")
    assert options(client_alice, flow, "property-variable")[-1] == ("gone", "gone · not in scope", True)


def test_history_offers_lists_and_whatever_is_typed(client_alice, flow_of):
    flow = flow_of("chat_completion")
    assert options(client_alice, flow, "property-history") == [
        ("", "No variable", False),
        ("{{ messages }}", "messages · list", False),
        ("=", "An expression, text or JSON…", False),
    ]
    assert [label for _, label, _ in options(client_alice, flow, "property-context")] == [
        "No variable", "messages · list", "question · text", "An expression, text or JSON…",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("chosen", "typed", "stored"),
    [
        ("{{ messages }}", "[]", "{{ messages }}"),
        ("=", "{{ messages[-4:] }}", "{{ messages[-4:] }}"),
        ("=", '[{"role": "user", "content": "Hi"}]', [{"role": "user", "content": "Hi"}]),
        ("", "{{ messages }}", None),
    ],
)
def test_what_is_chosen_goes_before_what_is_typed(client_alice, flow_of, chosen, typed, stored):
    flow = flow_of("chat_completion", history="{{ before }}")
    saved, _ = save(client_alice, flow, **{"history-chosen": chosen, "history": typed})
    assert saved.get("history") == stored


@pytest.mark.parametrize(
    ("stored", "chosen"),
    [("{{ messages }}", "{{ messages }}"), ("{{ messages[1:] }}", "="), ([{"role": "user"}], "="), (None, None)],
)
def test_a_stored_value_is_shown_where_it_can_be_changed(client_alice, flow_of, stored, chosen):
    flow = flow_of("chat_completion", **({"history": stored} if stored else {}))
    assert [value for value, _, is_on in options(client_alice, flow, "property-history") if is_on] == (
        [chosen] if chosen else []
    )


def test_a_subflow_is_chosen_from_the_flows_there_are(client_alice, flow_of, alice):
    make_flow({"format": "foundryflow/1", "name": "Condense", "actions": []}, by=alice)
    flow = flow_of("run_flow", flow="condense")
    assert options(client_alice, flow, "property-flow") == [
        ("", "Choose a flow", False),
        ("condense", "Condense", True),
        (flow.slug, "x", False),
        ("=", "An expression that gives a slug…", False),
    ]
    gone = flow_of("run_flow", flow="gone")
    assert ("gone", "gone · does not exist here", True) in options(client_alice, gone, "property-flow")
    by_variable = flow_of("run_flow", flow="{{ question }}")
    assert ("=", "An expression that gives a slug…", True) in options(client_alice, by_variable, "property-flow")
    assert save(client_alice, flow, **{"flow-chosen": "=", "flow": "{{ question }}"})[0]["flow"] == "{{ question }}"


def test_a_flow_of_a_session_is_not_offered(client_alice, flow_of):
    flow = flow_of("run_flow")
    hidden = make_flow({"format": "foundryflow/1", "name": "Private", "actions": []})
    hidden.room = "playground"
    hidden.save()
    assert "Private" not in [label for _, label, _ in options(client_alice, flow, "property-flow")]


def test_where_there_is_no_variable_one_can_be_declared_above(client_alice, alice):
    body = {"id": "body", "actions": [{"id": "log", "type": "log"}, {"id": "a", "type": "set_variable"}]}
    loop = {"id": "loop", "type": "try_catch", "branches": [body]}
    flow = make_flow({"format": "foundryflow/1", "name": "x", "actions": [loop]}, by=alice)
    page = one_line(client_alice.get(reverse("designer:show", args=[flow.slug]), {"action": "a"}).content.decode())
    (tag,) = re.findall(r'<button type="button" class="link" data-insert-type[^>]*>Declare one', page)
    place = {name: re.search(rf'data-{name}="([^"]*)"', tag)[1] for name in ("insert-type", "owner", "branch", "at")}
    assert place == {"insert-type": "declare_variables", "owner": "loop", "branch": "body", "at": "1"}


def test_the_select_of_any_connection_is_given_after_one_was_created(client_alice, flow_of):
    flow = flow_of("create_azure_ai_connection")
    url = reverse("designer:connection_field", args=[flow.slug, "a"])
    answer = client_alice.get(url, {"name": "x", "property": "spill_over_to"}, headers=HTMX)
    assert 'id="property-spill_over_to"' in answer.content.decode()
    assert client_alice.get(url, {"name": "x", "property": "customer"}, headers=HTMX).status_code == 404
