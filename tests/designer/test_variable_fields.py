"""Which fields of a panel name the variables in scope: those alone are sent again when the scope is another one."""

import re

import pytest
from django.urls import reverse

from flows.actions import registry
from flows.designer.edits import new_action
from flows.designer.open_flow import OpenFlow
from flows.designer.panel import stored_panel
from flows.designer.regions import field_region
from flows.language.document import parse
from flows.models import Flow
from foundryflow.regions import partial

TYPES = [known.type for known in registry.all_types()]
ROWS = [{"name": "note", "type": "text"}, {"name": "rows", "type": "list"}]
DECLARED = {"id": "declare", "type": "declare_variables", "properties": {"variables": ROWS}}
CONNECTED = {"id": "connect", "type": "create_azure_ai_connection", "properties": {"connection_variable_name": "made"}}
EMPTY = {"format": "foundryflow/1", "name": "x", "actions": []}


def document_of(type, *above):
    return parse({**EMPTY, "actions": [*above, {**new_action(parse(EMPTY), type), "id": "a"}]})


def fields_of(flow, request):
    """Of the panel of the action: the fields by name, and their HTML."""
    panel = stored_panel(OpenFlow(request, flow), flow.current.parsed().find("a"))
    found = [*panel.fields, *panel.advanced]
    return {field.name: (field.field, partial(field_region(panel, field))) for field in found}


@pytest.mark.parametrize("type", TYPES)
def test_a_field_says_whether_its_control_names_the_variables_in_scope(type, rf, alice):
    request = rf.get("/")
    request.user, request.htmx = alice, False
    flow = Flow.objects.create_flow(document_of(type), by=alice)
    before = fields_of(flow, request)
    flow.commit(document_of(type, DECLARED, CONNECTED), by=alice, base=1)
    after = fields_of(flow, request)

    differing = [name for name in before if before[name][1] != after[name][1]]
    assert differing == [name for name, (field, _) in before.items() if field.names_variables]


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("set_variable", ["field-variable"]),
        ("chat_completion", ["field-dynamic_connection", "field-history", "field-context"]),
        ("log", []),
        ("if_else", ["panel"]),  # the conditions of its branches, too
    ],
)
def test_an_edit_that_changes_the_scope_of_the_open_panel_sends_what_names_it(client_alice, alice, type, fields):
    flow = Flow.objects.create_flow(document_of(type, {"id": "note", "type": "log"}, DECLARED), by=alice)
    answer = client_alice.post(
        reverse("designer:change", args=[flow.slug, "declare", "remove"]),
        {"base": 1, "action": "a"},
        headers={"HX-Request": "true"},
    )

    sent = re.findall(r'hx-target="#((?:field-|panel)[^"]*)"', answer.content.decode())
    assert sent == fields
