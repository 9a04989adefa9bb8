"""Conditions as rows in the panel, and for an expression that is being typed."""

import re

import pytest
from django.urls import reverse

from tests.factories import make_flow
from tests.markup import one_line

CONDITION = "question | length > 400 or tier is defined"


def flow_with(alice, *actions):
    inputs = [{"name": "question", "type": "text"}, {"name": "tier", "type": "number"}]
    return make_flow({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": list(actions)}, by=alice)


def route(condition):
    return {"id": "a", "type": "if_else", "branches": [{"id": "yes", "condition": condition, "actions": []}]}


def panel_of(client, flow):
    page = client.get(reverse("designer:show", args=[flow.slug]), {"action": "a"}).content.decode()
    return one_line(page[page.index('id="panel"') : page.index('id="condition-row"')])


def rows_in(page):
    values = re.findall(r'value="([^"]*)" aria-label="(?:Value|Compared with)"', page)
    chosen = re.findall(r'<option data-written="[^"]*" selected ?> ?([^<]*?) ?<', page)
    return list(zip(values[::2], chosen, values[1::2], strict=True))


@pytest.mark.parametrize(
    "action", [route(CONDITION), {"id": "a", "type": "while", "properties": {"condition": CONDITION}}]
)
def test_the_panel_shows_a_condition_as_rows_and_as_an_expression(client_alice, alice, action):
    page = panel_of(client_alice, flow_with(alice, action))
    rows = [row for row in rows_in(page) if row[0]]
    assert rows == [("question | length", "is more than", "400"), ("tier", "is set", "")]
    assert '<option value="or" selected>Any of these holds</option>' in page
    assert f">{CONDITION.replace('>', '&gt;')}</textarea>" in page
    assert 'data-names="question tier"' in page


def test_what_rows_cannot_show_stays_an_expression(client_alice, alice):
    page = panel_of(client_alice, flow_with(alice, route("1 < tier < 3")))
    assert "This expression is more than rows can show." in page
    assert rows_in(page) == []


def test_an_expression_that_is_typed_is_told_as_rows(client_alice, client_bob, alice):
    flow = flow_with(alice, route(""))
    address = reverse("designer:condition_rows", args=[flow.slug])
    answer = client_alice.get(address, {"expression": "tier == 2", "target": '"><script>'})
    page = one_line(answer.content.decode())
    assert rows_in(page) == [("tier", "is", "2")]
    assert "<script>" not in page
    assert "data-condition-add" in one_line(client_alice.get(address).content.decode())
    assert client_bob.get(address).status_code == 403
    assert client_alice.post(address).status_code == 405
    assert client_alice.get(reverse("designer:condition_rows", args=["gone"])).status_code == 404
