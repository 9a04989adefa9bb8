"""The panel of an action: its form, what every action has, and what it says of both."""

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from django.urls import reverse

from connections.models import LearntLesson
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
