"""What of an open panel is sent when an edit elsewhere changes what is in scope there."""

import re

import pytest
from django.urls import reverse

from flows.designer.edits import new_action
from flows.language.document import parse
from flows.models import Flow

ROWS = [{"name": "rows", "type": "list"}]
DECLARED = {"id": "declare", "type": "declare_variables", "properties": {"variables": ROWS}}
EMPTY = {"format": "foundryflow/1", "name": "x", "actions": []}


def document_of(type, *above):
    return parse({**EMPTY, "actions": [*above, {**new_action(parse(EMPTY), type), "id": "a"}]})


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
