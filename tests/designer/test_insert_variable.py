"""Insert variable: on every field that takes a template, with what can be chosen there."""

import re

import pytest
from django.urls import reverse

from flows.actions import registry
from flows.designer.edits import property_form
from flows.designer.fields import PanelContext
from flows.language.document import parse
from flows.lint.linter import problems
from tests.factories import make_flow
from tests.markup import one_line

TYPES = [known.type for known in registry.all_types()]
INPUTS = [{"name": "question", "type": "text"}, {"name": "token", "type": "secret"}]


def document(*actions):
    return {"format": "foundryflow/1", "name": "x", "inputs": INPUTS, "actions": list(actions)}


@pytest.fixture
def page_of(client_alice, alice):
    """The panel of the last action of a flow of these."""

    def show(*actions, client=client_alice):
        flow = make_flow(document(*actions), by=alice)
        url = reverse("designer:show", args=[flow.slug])
        page = client.get(url, {"action": actions[-1]["id"]}).content.decode()
        return one_line(page[page.index('id="panel"') :])

    return show


def button(page, into):
    (found,) = re.findall(rf'<button[^>]*data-insert-into="{into}"[^>]*>', page)
    return found


def reads_templates(type, name):
    given = parse(document({"id": "a", "type": type, "properties": {name: "{{ nope }}"}}))
    return any(each.property == name and "`nope` is not a variable" in each.message for each in problems(given))


@pytest.mark.parametrize("type", TYPES)
def test_whatever_reads_a_template_offers_to_insert_a_variable(type):
    action = parse(document({"id": "a", "type": type})).find("a")
    fields = dict(property_form(action, PanelContext()).property_fields())
    without = [name for name, field in fields.items() if field.insert is None and reads_templates(type, name)]
    assert without == []


@pytest.mark.parametrize(
    ("type", "name"),
    [("create_azure_ai_connection", "api_key"), ("create_azure_ai_connection", "client_secret")],
)
def test_a_secret_is_what_a_key_is_offered_first(page_of, type, name):
    page = page_of({"id": "a", "type": type})
    assert "data-secrets-first" in button(page, f"property-{name}")
    assert 'data-no-secrets=""' in button(page, f"property-{name}")


@pytest.mark.parametrize(
    ("type", "name", "why"),
    [
        ("chat_completion", "user_prompt", "secrets can&#x27;t go into a prompt"),
        ("log", "message", "secrets can&#x27;t go into text"),
        ("return", "value", "a secret can&#x27;t leave a run"),
        ("while", "condition", "a secret can&#x27;t be compared"),
        ("set_variable", "value", ""),
        ("http_request", "headers", ""),
    ],
)
def test_a_field_says_why_it_takes_no_secret(page_of, type, name, why):
    assert f'data-no-secrets="{why}"' in button(page_of({"id": "a", "type": type}), f"property-{name}")


def test_conditions_take_a_variable_by_its_bare_name(page_of):
    branches = [{"id": "yes", "title": "Yes", "condition": "", "actions": []}, {"id": "no", "actions": []}]
    page = page_of({"id": "route", "type": "if_else", "branches": branches})
    assert "data-bare" in button(page, "property-branch-yes-condition")
    assert "data-bare" not in button(page_of({"id": "a", "type": "log"}), "property-message")


def test_a_loop_offers_what_its_body_sets_to_fields_that_are_read_with_it(page_of):
    page = page_of({"id": "loop", "type": "for_each", "branches": [{"id": "b", "actions": []}]})
    assert "data-with-body" in button(page, "property-result")
    assert "data-with-body" not in button(page, "property-items")


def test_rows_of_variables_and_numbers_have_it_too(page_of):
    rows = [{"name": "a", "type": "text", "value": "1"}]
    page = page_of({"id": "d", "type": "declare_variables", "properties": {"variables": rows}})
    button(page, "variables-0-value")
    button(page, "variables-1-value")
    button(page_of({"id": "w", "type": "wait"}), "property-seconds")


def test_who_only_reads_is_offered_none(page_of, client_bob):
    page = page_of({"id": "log", "type": "log"}, client=client_bob)
    assert "data-insert-into" not in page
    assert "data-picker" not in page
