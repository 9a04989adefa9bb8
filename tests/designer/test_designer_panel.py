"""The panel of an action: its form, what every action has, and what it says of both."""

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.urls import reverse

from connections.models import LearntLesson
from flows.actions import registry
from flows.designer.panel import help_of, stored_values, typed_values
from flows.language.document import parse
from tests.factories import make_connection, make_flow
from tests.markup import one_line


def action(**more):
    return parse({"format": "foundryflow/1", "name": "x", "actions": [{"id": "a", "type": "if_else", **more}]}).find(
        "a"
    )


BRANCHES = [{"id": "yes", "title": "Yes", "condition": "a > 1", "actions": []}, {"id": "no", "actions": []}]


def test_values_are_shown_as_they_are_stored():
    values = stored_values(
        action(
            title="T",
            disabled=True,
            timeout=77.0,
            retry={"attempts": 3, "delay": 0.5, "backoff": 2.0, "on": ["server"]},
        )
    )
    assert (values.title, values.description, values.disabled) == ("T", "", True)
    assert values.retry == {"attempts": 3, "delay": 0.5, "backoff": 2, "retry_on": ("server",), "timeout": 77}
    assert str(values.retry["timeout"]) == "77"
    assert stored_values(action()).retry == {"timeout": None}


def test_values_are_shown_as_they_were_typed():
    typed = QueryDict(
        "title= T &description=D&retry-shown=1&attempts=x&timeout=7.0&retry_on=server&retry_on=timeout&branch-yes-title=New&branch-yes-condition=b"
    )
    values = typed_values(action(branches=BRANCHES, disabled=True), typed)
    assert (values.title, values.description, values.disabled) == (" T ", "D", False)
    assert values.retry == {
        "attempts": "x",
        "delay": "",
        "backoff": "",
        "timeout": "7.0",
        "retry_on": ["server", "timeout"],
    }
    assert [(branch.title, branch.condition) for branch in values.branches] == [("New", "b"), ("", "")]


def test_what_the_panel_did_not_post_is_shown_as_it_is_stored():
    values = typed_values(action(branches=BRANCHES, timeout=5, retry={"attempts": 3}), QueryDict("title=T"))
    assert (values.retry["attempts"], values.retry["timeout"]) == (3, 5)
    assert [(branch.title, branch.condition) for branch in values.branches] == [("Yes", "a > 1"), ("", "")]


def test_only_branches_with_conditions_are_edited():
    loop = {"id": "l", "type": "for_each", "branches": [{"id": "body", "actions": []}]}
    document = parse({"format": "foundryflow/1", "name": "x", "actions": [loop]})
    assert stored_values(document.find("l")).branches == []


def test_help_is_there_for_types_that_are_installed():
    assert "<p>" in help_of("log")
    assert help_of("teleport") == ""


def show(client, flow, action_id="chat"):
    page = client.get(reverse("designer:show", args=[flow.slug]), {"action": action_id}).content.decode()
    return one_line(page[page.index('id="panel"') :])


@pytest.fixture
def flow(alice):
    make_connection("simulator")
    return make_flow(by=alice)


def test_the_head_says_what_the_action_is(client_alice, flow):
    shown = show(client_alice, flow)
    assert "<h2>Chat completion</h2><p>Azure AI · " in shown
    assert '<div class="menu-list help-text"><' in shown


def advanced_set(page):
    return int(page.split('Advanced <span class="disclosure-count">')[1].split(" set")[0])


def test_advanced_properties_are_folded_away_and_counted(client_alice, flow):
    changed = flow.current.parsed().with_properties(
        "chat", {**flow.current.parsed().find("chat").properties, "temperature": 1}
    )
    before = show(client_alice, flow)
    flow.commit(changed, by=None, base=1)
    after = show(client_alice, flow)
    assert advanced_set(after) == advanced_set(before) + 1


def test_a_property_that_the_deployment_refuses_says_so(client_alice, flow):
    stored = flow.current.parsed().find("chat").properties
    flow.commit(flow.current.parsed().with_properties("chat", {**stored, "temperature": 1}), by=None, base=1)
    assert "refuses it (learned" not in show(client_alice, flow)
    LearntLesson.objects.create(
        endpoint="https://contoso.openai.azure.com/openai/v1", model=stored["model"], parameter="temperature", value="",
        instead="", message="no", learned_at=datetime(2026, 11, 3, tzinfo=UTC),
    )  # fmt: skip
    shown = show(client_alice, flow)
    assert f"{stored['model']} refuses it (learned 3 Nov), so it is not sent as typed." in shown
    assert "The page of the connection simulator shows what it said" in shown


def test_a_type_that_is_not_installed_is_kept_and_said(client_alice, alice):
    flow = make_flow(
        {"format": "foundryflow/1", "name": "odd", "actions": [{"id": "t", "type": "teleport", "properties": {"x": 1}}]}
    )
    assert "This action type is not installed here. It is kept as it is" in show(client_alice, flow, "t")


def panel_of(client, alice, action):
    actions = [{"id": "a", **action}]
    inputs = [{"name": "tenant", "type": "connection"}]
    flow = make_flow({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions}, by=alice)
    return flow, show(client, flow, "a")


def test_a_new_action_has_nothing_set_in_advanced(client_alice, alice):
    for known in registry.all_types():
        new = {"type": known.type, "properties": registry.initial_properties(known.type)}
        _, shown = panel_of(client_alice, alice, new)
        assert "Advanced" not in shown or advanced_set(shown) == 0, known.type


@pytest.mark.parametrize("type", ["break", "continue", "throw", "return"])
def test_what_leaves_a_block_has_no_retry_unless_one_is_stored(client_alice, alice, type):
    assert "Retry and timeout" not in panel_of(client_alice, alice, {"type": type})[1]
    assert "Retry and timeout" in panel_of(client_alice, alice, {"type": type, "retry": {"attempts": 3}})[1]


def test_what_can_fail_has_a_retry(client_alice, alice):
    assert "Retry and timeout" in panel_of(client_alice, alice, {"type": "log"})[1]


def connection_label(page):
    return page[page.index('id="connection-select"') :].split("</label>")[0]


def test_the_connection_is_needed_until_a_dynamic_one_is_on(client_alice, alice):
    flow, shown = panel_of(client_alice, alice, {"type": "chat_completion"})
    assert 'class="star"' in connection_label(shown)
    typed = {"base": 1, "title": "", "dynamic_connection-on": "on", "dynamic_connection": "tenant"}
    url = reverse("designer:save_properties", args=[flow.slug, "a"])
    saved = one_line(client_alice.post(url, typed, headers={"HX-Request": "true"}).content.decode())
    assert 'hx-target="#connection-select"' in saved
    assert 'class="star"' not in connection_label(saved)
    assert "Overridden at run time by the connection in tenant. If that is empty, the run stops." in saved
    assert '<option value="">None of its own</option>' in saved


def test_a_key_is_needed_until_another_sign_in_is_chosen(client_alice, alice):
    _, shown = panel_of(client_alice, alice, {"type": "create_azure_ai_connection"})
    label = shown.split('id="label-api_key"')[1].split("</label>")[0]
    assert 'class="star"' in label
    other = {"type": "create_azure_ai_connection", "properties": {"sign_in": "managed_identity"}}
    label = panel_of(client_alice, alice, other)[1].split('id="label-api_key"')[1].split("</label>")[0]
    assert 'class="star"' not in label
    assert "Sign-in is set, and used instead." in label


def test_a_condition_has_the_width_of_the_panel_and_says_what_empty_means(client_alice, alice):
    _, shown = panel_of(client_alice, alice, {"type": "if_else", "branches": BRANCHES})
    conditions = shown.split('class="branch-condition"')[1:]
    assert 'placeholder="such as score &gt; 3"' in conditions[0]
    assert 'placeholder="otherwise: runs when no other holds"' in conditions[1]
    assert all('data-insert-into="property-branch-' in each for each in conditions)
