"""A curl command that is pasted into an action becomes its properties; its secrets are stored encrypted."""

import json

import pytest
from django.urls import reverse

from flows.language.stored_secrets import is_stored
from flows.models import FlowSecret
from tests.factories import make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
KEY = "planted-pasted-key-77"
COMMAND = f"""curl 'https://api.contoso.com/v1/customers?page=2' -k \\
  -H 'Authorization: Bearer {KEY}' -H 'Api-Key: {KEY}-2' -H 'Accept: text/csv' -d '{{"name": "Ann", "password": "{KEY}-3"}}'"""


@pytest.fixture
def flow(alice):
    properties = {"url": "https://old.example.com", "user_name": "me", "size_limit": 2, "result_variable_name": "csv"}
    actions = [{"id": "ask", "type": "http_request", "properties": properties}, {"id": "log", "type": "log"}]
    return make_flow({"format": "foundryflow/1", "name": "x", "inputs": [], "actions": actions}, by=alice)


@pytest.fixture
def editor_client(client, alice):
    client.force_login(alice)
    return client


def paste(client, flow, text, *, action="ask", base=None, headers=HTMX, **more):
    url = reverse("designer:take_over", args=[flow.slug, action])
    response = client.post(url, {"text": text, "base": base or flow.current.number}, headers=headers, **more)
    flow.refresh_from_db()
    return response, one_line(response.content.decode())


def properties(flow):
    return flow.current.parsed().find("ask").properties


def test_a_command_becomes_the_properties_of_the_request(editor_client, flow):
    response, page = paste(editor_client, flow, COMMAND)

    found = properties(flow)
    secrets = {"credential": found.pop("credential"), "Api-Key": found["headers"].pop("Api-Key")}
    assert response.status_code == 200
    assert found == {
        "method": "POST",
        "url": "https://api.contoso.com/v1/customers?page=2",
        "authentication": "bearer token",
        "headers": {"Accept": "text/csv"},
        "body": {"name": "Ann", "password": "{{ password }}"},
        "size_limit": 2,
        "result_variable_name": "csv",
    }
    assert all(is_stored(secret) for secret in secrets.values())
    assert {secret.value.reveal() for secret in FlowSecret.objects.all()} == {KEY, f"{KEY}-2"}
    assert "<li>-k is left out: certificates are always checked.</li>" in page
    assert "<li>password of the body is a secret, and is not taken over" in page
    assert 'value="https://api.contoso.com/v1/customers?page=2"' in page


def test_no_secret_of_it_stays_anywhere_else(editor_client, flow):
    _, page = paste(editor_client, flow, COMMAND)
    stored = json.dumps([revision.unchecked_document.json for revision in flow.revisions.all()])

    assert KEY not in page
    assert KEY not in stored


def test_it_is_one_step_that_can_be_taken_back(editor_client, flow):
    before = properties(flow)
    paste(editor_client, flow, COMMAND)
    assert flow.current.number == 2
    editor_client.post(reverse("designer:undo", args=[flow.slug]), {"base": 2}, headers=HTMX)
    flow.refresh_from_db()

    assert properties(flow) == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "This is no curl command."),
        ("wget https://x.com", "This is no curl command."),
        ("curl 'https://x.com", "A quotation mark is not closed."),
        ("curl https://x.com -d " + "a" * 300_000, "The text is longer than 200,000 characters."),
    ],
)
def test_what_is_no_command_changes_nothing_and_says_so(editor_client, flow, text, words):
    before = properties(flow)
    response, page = paste(editor_client, flow, text)

    assert response.status_code == 422
    assert words in page
    assert 'hx-target="#paste-notes"' in page
    assert properties(flow) == before


def test_what_takes_no_paste_says_so(editor_client, flow):
    response, page = paste(editor_client, flow, COMMAND, action="log")
    assert response.status_code == 422
    assert "Nothing can be pasted into this action." in page
    assert "<summary>Paste" not in editor_client.get(flow_page(flow), {"action": "log"}).content.decode()


def flow_page(flow):
    return reverse("designer:show", args=[flow.slug])


def test_an_action_that_somebody_removed_is_said(editor_client, flow):
    response, page = paste(editor_client, flow, COMMAND, action="nobody")
    assert response.status_code == 409
    assert KEY not in page


def test_without_a_script_it_works_too(editor_client, flow):
    assert (
        "<summary>Paste a curl command</summary>"
        in editor_client.get(flow_page(flow), {"action": "ask"}).content.decode()
    )
    url = f"{reverse('designer:take_over', args=[flow.slug, 'ask'])}?base=1"
    assert f'action="{url}"' in editor_client.get(flow_page(flow), {"action": "ask"}).content.decode()
    response = editor_client.post(url, {"text": COMMAND})
    flow.refresh_from_db()

    assert (response.status_code, response.url) == (302, f"{flow_page(flow)}?action=ask")
    assert properties(flow)["method"] == "POST"
    assert "certificates are always checked" in editor_client.get(response.url).content.decode()
    response, _ = paste(editor_client, flow, "wget", headers={})
    assert "This is no curl command" in editor_client.get(response.url).content.decode()
