"""Flows as files in both formats."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from flows.catalog.files import FlowFormat, ImportOutcome, export_text, import_flow
from flows.language.document import DocumentError
from flows.models import Flow
from tests.documents_of import DOCUMENTS, load
from tests.factories import PLANTED_KEY, make_flow


def upload(client, text):
    return client.post(reverse("flows:import"), {"file": SimpleUploadedFile("flow.yaml", text.encode())})


@pytest.mark.parametrize("name", DOCUMENTS)
def test_yaml_holds_the_same_as_json_in_the_same_order(client_alice, name):
    flow = make_flow(load(name))
    json_text, yaml_text = (export_text(flow.current.document, format) for format in FlowFormat)
    copy, _ = import_flow(yaml_text, by=None, slug="copy")
    assert export_text(copy.current.document) == json_text
    assert export_text(copy.current.document, FlowFormat.YAML) == yaml_text
    assert yaml_text.startswith("format: foundryflow/1\nname: ")


def test_a_page_exports_yaml_and_takes_it_back(client_alice):
    flow = make_flow(load("bar-static"))
    exported = client_alice.get(reverse("flows:export", args=[flow.slug]), {"format": "yaml"})
    assert exported.headers["Content-Type"] == "application/yaml"
    assert f'filename="{flow.slug}.yaml"' in exported.headers["Content-Disposition"]
    text = exported.content.decode()
    assert client_alice.get(reverse("flows:export", args=[flow.slug]), {"format": "xml"}).status_code == 404
    upload(client_alice, text.replace("format: foundryflow/1", "format: foundryflow/1\ndescription: On Mondays"))
    flow = Flow.objects.get()
    assert (flow.current.number, flow.current.document["description"]) == (2, "On Mondays")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("format: foundryflow/1\nname: A\nname: B\n", "Line 3: &#x27;name&#x27; is there twice"),
        ("format: foundryflow/1\nname: &a [*a]\n", "Line 2: *a stands inside of what it stands for"),
        ("just words", "not a JSON object"),
        ("a: [", "not YAML"),
    ],
)
def test_broken_yaml_is_explained_and_nothing_changes(client_alice, text, sentence):
    response = upload(client_alice, text)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not Flow.objects.exists()


def test_what_is_filled_in_here_is_kept_when_a_file_from_elsewhere_only_names_it(db):
    document = load("bar-dynamic")
    document["actions"][0]["properties"]["variables"][0]["value"] = PLANTED_KEY
    flow, _ = import_flow(json.dumps(document), by=None)
    here = flow.current.document["actions"][0]["properties"]["variables"][0]["value"]
    document["actions"][0]["properties"]["variables"][0]["value"] = {"secret": "s0123456789ab"}
    assert import_flow(json.dumps(document), by=None, slug=flow.slug)[1] == ImportOutcome.UNCHANGED
    document["description"] = "another"
    flow, outcome = import_flow(json.dumps(document), by=None)
    assert outcome == ImportOutcome.REVISED
    assert flow.current.document["actions"][0]["properties"]["variables"][0]["value"] == here


def test_a_file_beyond_all_sizes_is_not_read():
    with pytest.raises(DocumentError, match="larger than 5 MB"):
        import_flow(" " * (5 * 1024 * 1024 + 1), by=None)
