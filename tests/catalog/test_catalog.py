"""Flows as a whole: list, create, import, export, delete, the sample."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from connections.models import Connection
from flows.engine import deletion
from flows.models import Flow, Run
from tests.documents_of import DOCUMENTS, load
from tests.factories import PLANTED_KEY, make_flow, make_run


def upload(client, data):
    text = data if isinstance(data, bytes) else json.dumps(data).encode()
    return client.post(reverse("flows:import"), {"file": SimpleUploadedFile("flow.json", text)})


def test_a_new_flow_has_a_slug_from_its_name(client_alice):
    for slug in ("bar-static", "bar-static-2"):
        response = client_alice.post(reverse("flows:new"), {"name": "Bar static"})
        assert response.url == reverse("designer:show", args=[slug])
    assert client_alice.post(reverse("flows:new"), {"name": " "}).status_code == 422


@pytest.mark.parametrize("name", DOCUMENTS)
def test_an_export_is_what_was_imported(client_alice, name):
    assert upload(client_alice, load(name)).status_code == 302
    exported = client_alice.get(reverse("flows:export", args=[Flow.objects.get().slug]))
    assert without_secrets(json.loads(exported.content)) == without_secrets(load(name))


def without_secrets(document):
    return {
        **document,
        "inputs": [{**each, "default": None} if each["type"] == "secret" else each for each in document["inputs"]],
    }


def test_importing_the_same_name_adds_a_revision(client_alice):
    upload(client_alice, load("bar-static"))
    upload(client_alice, {**load("bar-static"), "actions": []})
    assert Flow.objects.get().current.number == 2


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "empty"), (b"{", "Line 1: not JSON"), (b"\x80abc", "not text"), (b"[]", "not a JSON object"), (b"[" * 50_000, "nested too deeply"),
     ({"format": "foundryflow/1", "name": "x", "actions": [{"id": "!", "type": "log"}]}, "id &#x27;!&#x27; is missing")],
)  # fmt: skip
def test_a_broken_file_is_explained_and_nothing_changes(client_alice, data, words):
    response = upload(client_alice, data)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Flow.objects.exists()


def test_an_unknown_action_type_is_kept_and_shown(client_alice):
    data = {
        "format": "foundryflow/1",
        "name": "x",
        "actions": [{"id": "t", "type": "teleport", "properties": {"to": "Mars"}}],
    }
    assert "teleport" in client_alice.get(upload(client_alice, data).url).content.decode()
    assert Flow.objects.get().current.document == data


def test_the_sample_runs_on_the_simulator(client_alice):
    client_alice.post(reverse("flows:sample"))
    assert Connection.objects.get().name == "simulator"
    page = client_alice.get(reverse("designer:show", args=[Flow.objects.get().slug]))
    assert page.context["problems"].problems == []


def test_a_flow_is_deleted_with_its_runs_but_not_while_one_is_going(client_alice):
    flow = make_flow()
    run = make_run(flow, question="x")
    address = reverse("flows:delete", args=[flow.slug])
    assert client_alice.post(address).status_code == 409
    run.request_cancel(by="alice")
    assert client_alice.post(address).status_code == 302
    for gone in (address, reverse("designer:show", args=[flow.slug]), reverse("runs:show", args=[run.pk])):
        assert client_alice.get(gone).status_code == 404
    assert flow.name not in client_alice.get(reverse("flows:list")).content.decode()
    deletion.delete_all()
    assert not Flow.objects.exists()
    assert not Run.objects.exists()


def test_the_name_of_a_deleted_flow_is_free_at_once(client_alice):
    flow = make_flow()
    make_run(flow, question="x").request_cancel(by="alice")
    client_alice.post(reverse("flows:delete", args=[flow.slug]))
    assert make_flow().slug == flow.slug


def test_a_literal_secret_in_a_file_is_stored_encrypted_and_never_exported(client_alice):
    data = load("bar-dynamic")
    data["actions"][0]["properties"]["variables"][0]["value"] = PLANTED_KEY
    data["actions"][1]["properties"]["api_key"] = PLANTED_KEY
    upload(client_alice, data)
    flow = Flow.objects.get()
    assert {secret.value.reveal() for secret in flow.secrets.all()} == {PLANTED_KEY}
    exported = client_alice.get(reverse("flows:export", args=[flow.slug])).content
    assert PLANTED_KEY not in exported.decode()
    flow.remove()
    page = client_alice.get(upload(client_alice, exported).url)
    said = [problem.message for problem in page.context["problems"].problems if problem.severity == "error"]
    assert said == [
        "tenant_key must be filled in: a secret does not travel with a file.",
        "API key must be filled in: a secret does not travel with a file.",
    ]
