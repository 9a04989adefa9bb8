"""The response format in the panel: a word or a schema, and the documents that were there before."""

import json

import pytest
from django.urls import reverse

from tests.factories import make_flow
from tests.markup import one_line

SCHEMA = {"name": "person", "strict": True, "schema": {"type": "object", "properties": {}}}
HTMX = {"HX-Request": "true"}


def flow_with(alice, **properties):
    action = {"id": "chat", "type": "chat_completion", "properties": {"model": "m", "user_prompt": "Hi", **properties}}
    return make_flow({"format": "foundryflow/1", "name": "x", "actions": [action]}, by=alice)


def page_of(client, flow):
    return one_line(client.get(reverse("designer:show", args=[flow.slug]), {"action": "chat"}).content.decode())


def save(client, flow, **posted):
    url = reverse("designer:save_properties", args=[flow.slug, "chat"])
    base = flow.revisions.order_by("-number").first().number
    given = {"base": base, "model": "m", "user_prompt": "Hi", **posted}
    return client.post(url, given, headers=HTMX)


def stored(flow):
    flow.refresh_from_db()
    return flow.current.document["actions"][0]["properties"].get("response_format")


@pytest.mark.parametrize(
    ("format", "chosen"),
    [
        (None, '<option value="" selected>Text</option>'),
        ("text", '<option value="text" selected>Text</option>'),
        ("json_object", '<option value="json_object" selected>Any JSON object</option>'),
        (SCHEMA, '<option value="schema" selected>JSON Schema</option>'),
        ("{{ format }}", '<option value="schema" selected>JSON Schema</option>'),
    ],
)
def test_the_panel_shows_what_is_stored_and_a_save_leaves_it(client_alice, alice, format, chosen):
    flow = flow_with(alice, **({"response_format": format} if format else {}))
    page = page_of(client_alice, flow)
    assert chosen in page
    text = "" if format in (None, "text", "json_object") else format if isinstance(format, str) else json.dumps(format)
    kind = chosen.split('"')[1]
    answer = save(client_alice, flow, **{"response_format-kind": kind, "response_format": text, "title": "New"})
    assert answer.status_code == 200
    assert stored(flow) == format


def test_a_word_counts_instead_of_the_text(client_alice, alice):
    flow = flow_with(alice)
    given = {"response_format": json.dumps(SCHEMA)}
    save(client_alice, flow, **given, **{"response_format-kind": "json_object"})
    assert stored(flow) == "json_object"
    save(client_alice, flow, **given, **{"response_format-kind": "schema"})
    assert stored(flow) == SCHEMA
    save(client_alice, flow, **given, **{"response_format-kind": ""})
    assert stored(flow) is None


@pytest.mark.parametrize(
    ("typed", "words"),
    [('{"name": ', "Line 1: not JSON"), ("[1]", "A schema is an object such as"), ("xml", "A schema is an object")],
)
def test_what_is_no_schema_is_not_saved(client_alice, alice, typed, words):
    flow = flow_with(alice)
    answer = save(client_alice, flow, **{"response_format-kind": "schema", "response_format": typed})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert stored(flow) is None
