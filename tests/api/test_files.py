"""Files as inputs of a call: as data URI, as part of a form, and fetched from an address."""

import base64
import json
import os
import shutil
import subprocess
import sys

import httpx
import pytest
from django.urls import reverse

from connections.http.messages import ReceivedAnswer
from flows.api import files
from flows.api.examples import examples_of_flow
from flows.language.files import GivenFile
from flows.models import Run, RunFile, State
from foundryflow.models import ApiKey
from tests.api.test_api import JSON, PROBLEM, api, server
from tests.engine.conftest import counting
from tests.factories import make_flow

__all__ = ["api", "counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)

PDF = b"%PDF-1.7 bill"
URI = "data:application/pdf;name=bill.pdf;base64," + base64.b64encode(PDF).decode()
INPUTS = [
    {"name": "bill", "type": "file", "required": True},
    {"name": "question", "default": "Paid?"},
    {"name": "customer"},
    {"name": "lines", "type": "list"},
    {"name": "copy", "type": "file"},
]
SAID = "{{ bill.name }} {{ bill.media_type }} {{ bill.size }} {{ question }} {{ customer }} {{ lines }}"
RETURN = {"id": "ret", "type": "return", "properties": {"value": SAID}}


@pytest.fixture(autouse=True)
def flow(db):
    return make_flow({"format": "foundryflow/1", "name": "Bills", "inputs": INPUTS, "actions": [RETURN]})


def fails(**more):
    throw = {"id": "t", "type": "throw", "properties": {"message": "broken", "kind": "broken"}}
    return make_flow({"format": "foundryflow/1", "name": "Fails", "inputs": INPUTS, "actions": [throw], **more})


def run(api, verb="run", flow="bills", **inputs):
    return api.post(f"/flows/{flow}/{verb}", json={"inputs": inputs})


def test_a_data_uri_is_a_file(api):
    answer = run(api, bill=URI)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["output"] == "bill.pdf application/pdf 13 Paid?  "
    assert set(told["inputs"]["bill"]) == {"name", "media_type", "size", "sha256"}
    assert base64.b64encode(PDF).decode() not in answer.text
    assert not RunFile.objects.exists()


def test_a_form_brings_files_beside_the_other_inputs(api):
    sent = {"question": "Due?", "inputs.customer": "Fabrikam", "customer": "contoso", "lines": '["a"]'}
    answer = api.post("/flows/bills/run", data=sent, files={"bill": ("May.pdf", PDF, "text/plain")})
    assert answer.status_code == 200, answer.text
    assert answer.json()["output"] == 'May.pdf application/pdf 13 Due? Fabrikam ["a"]'
    assert Run.objects.get().customer == "contoso"


def test_every_way_to_start_takes_a_form(api):
    for verb, status in (("submit", 202), ("stream", 200)):
        assert api.post(f"/flows/bills/{verb}", files={"bill": ("May.pdf", PDF)}).status_code == status
    assert [made.inputs["bill"]["name"] for made in Run.objects.all()] == ["May.pdf"] * 2


REFUSED = [
    ({"files": [("bill", ("a.pdf", b"Hello"))]}, "The file of bill is neither an image"),
    ({"files": [("bill", ("a.pdf", b""))]}, "The file of bill is empty."),
    ({"files": [("bill", ("a.pdf", PDF)), ("bill", ("b.pdf", PDF))]}, "bill is there twice."),
    ({"files": [("bill", ("a.pdf", PDF))], "data": {"anyway": "perhaps"}}, "anyway is neither true nor false"),
    ({"files": [("question", ("a.pdf", PDF)), ("bill", ("a.pdf", PDF))]}, "The input question is no file."),
    ({"files": [("bill", ("a.pdf", PDF + b"x" * 1_000_000))]}, "The file of bill is larger than 1 MB"),
    ({"json": {"inputs": {"bill": "bill.pdf"}}}, "The input bill is not a file. Give a data URI"),
    ({"json": {"inputs": {"bill": {"name": "a", "media_type": "image/png", "size": 1, "sha256": "b"}}}}, "The input bill is not a file."),
    ({"json": {"inputs": {"bill": "data:application/pdf;base64,?"}}}, "The input bill is a data URI whose data is not base64."),
    ({"json": {"inputs": {"bill": "data:text/plain,Hello"}}}, "The input bill is neither an image"),
    ({"json": {"inputs": {"bill": "http://contoso.example/a.pdf"}}}, "The input bill is an http address; only https addresses are fetched."),
    ({"json": {"inputs": {"bill": "https://127.0.0.1:1/a.pdf"}}}, "The input bill cannot be fetched from 127.0.0.1: "),
    ({"json": {"inputs": {}}}, "The input bill is missing."),
]  # fmt: skip


def test_what_is_no_file_is_refused_in_a_sentence(api, settings):
    settings.FILE_BYTES, settings.RUN_FILES_BYTES = 1_000_000, 1_200_000
    for sent, detail in REFUSED:
        answer = api.post("/flows/bills/run", **sent)
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), answer.text
        assert detail in answer.json()["detail"]
    assert not Run.objects.exists()
    assert run(api, bill=URI, customer=URI).status_code == 200  # a text may look like a file


def test_the_files_of_a_run_are_bounded_together(api, settings):
    settings.FILE_BYTES, settings.RUN_FILES_BYTES = 1_000_000, 1_200_000
    uris = [URI.replace("JVBERi0x", "JVBERi0x" + letter * 800_000) for letter in "AB"]
    answer = run(api, bill=uris[0], copy=uris[1])
    assert answer.status_code == 422
    assert "The files are larger than 1.2 MB together" in answer.json()["detail"]


def test_a_body_is_bounded_by_its_kind(api, settings):
    settings.FILE_BYTES = settings.RUN_FILES_BYTES = 12_000_000
    large = PDF + b"x" * 11_000_000
    refused = run(api, bill="data:application/pdf;base64," + base64.b64encode(large).decode())
    assert (refused.status_code, refused.json()["detail"]) == (
        413,
        "The body is longer than 10 MiB. Larger files are sent as multipart/form-data.",
    )
    assert api.post("/flows/bills/run", files={"bill": ("a.pdf", large)}).status_code == 200
    assert api.post("/flows/bills/run", files={"bill": ("a.pdf", large * 2)}).status_code == 413


def test_a_broken_form_is_422(api):
    headers = {"Content-Type": "multipart/form-data"}
    answer = api.post("/flows/bills/run", content=b"no form", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
    assert "no multipart/form-data that can be read" in answer.json()["detail"]


class Web:
    """Answers what it is told, and remembers what was asked."""

    def __init__(self, status=200, body=PDF):
        self.answer, self.asked = ReceivedAnswer(status, {}, body), []

    async def send(self, request):
        self.asked.append(request)
        return self.answer


def test_an_address_is_fetched_and_not_kept(api, monkeypatch):
    web = Web()
    monkeypatch.setattr(files, "http_client", lambda: web)
    answer = run(api, bill="https://contoso.example/b/May%202.pdf?sig=planted")
    assert answer.json()["output"].startswith("May 2.pdf application/pdf 13")
    assert "planted" not in answer.text
    (asked,) = web.asked
    assert (asked.method, asked.most_bytes, asked.timeout) == ("GET", 10_000_000, 30)


def test_an_address_is_fetched_once_for_one_run(api, monkeypatch):
    web = Web()
    monkeypatch.setattr(files, "http_client", lambda: web)
    body = {"inputs": {"bill": "https://contoso.example/a.pdf"}}
    started = [api.post("/flows/bills/submit", json=body, headers={"Idempotency-Key": "once"}) for _ in range(2)]
    assert started[0].json() == started[1].json()
    assert len(web.asked) == 1


def test_an_address_that_gives_no_file_is_refused(api, monkeypatch):
    for web, detail in [
        (Web(404), "The input bill cannot be fetched: contoso.example answers 404."),
        (Web(302), "contoso.example answers 302 and leads elsewhere; give that address."),
        (Web(body=b"<html>"), "The input bill is neither an image"),
    ]:
        monkeypatch.setattr(files, "http_client", lambda web=web: web)
        answer = run(api, bill="https://contoso.example/a.pdf?sig=planted")
        assert answer.status_code == 422
        assert detail in answer.json()["detail"]
        assert "planted" not in answer.text


def test_nothing_is_fetched_for_a_flow_that_the_key_is_not_for(server, monkeypatch, flow):
    web, other = Web(), fails()
    monkeypatch.setattr(files, "http_client", lambda: web)
    _, text = ApiKey.objects.issue("narrow", ["run"], by=None, flow_ids=[other.pk])
    with httpx.Client(base_url=f"{server.url}/api", headers={"Authorization": f"Bearer {text}"}) as client:
        assert run(client, bill="https://contoso.example/a.pdf").status_code == 404
    assert web.asked == []


def test_an_equal_request_with_a_file_gives_the_same_run(api):
    def send(content, **more):
        headers = {"Idempotency-Key": "once"}
        return api.post("/flows/bills/submit", files={"bill": ("a.pdf", content)}, headers=headers, **more)

    first, again, other = send(PDF), send(PDF), send(PDF + b"2")
    assert (first.json(), again.status_code, other.status_code) == (again.json(), 202, 409)
    assert Run.objects.count() == 1


def test_a_retry_needs_the_files_again(api):
    fails()
    first = run(api, flow="fails", bill=URI, copy=URI).json()
    assert first["state"] == State.FAILED
    said = "files are kept until a run ends only. Give it again"
    for inputs, status, detail in [
        ({}, 422, f"had a file as bill; {said}."),
        ({"bill": URI}, 422, f"had a file as copy; {said}, or null to go without."),
        ({"bill": URI, "copy": None}, 202, ""),
        ({"bill": URI, "copy": URI}, 202, ""),
    ]:
        answer = api.post(f"/runs/{first['id']}/retry", json={"inputs": inputs})
        assert answer.status_code == status, answer.text
        assert detail in answer.json().get("detail", "")
    sent = {"bill": ("again.pdf", PDF), "copy": ("copy.pdf", PDF)}
    answer = api.post(f"/runs/{first['id']}/retry", files=sent, data={"path": ""})
    assert answer.status_code == 202, answer.text
    assert Run.objects.get(pk=answer.json()["run"]).inputs["bill"]["name"] == "again.pdf"


def test_other_bodies_are_refused_as_before(api):
    answer = api.post("/flows/bills/run", content=json.dumps({}), headers={**JSON, "Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["detail"]


def executed(command, directory):
    _, key = ApiKey.objects.issue(f"examples {ApiKey.objects.count()}", ["run", "read"], by=None)
    environment = {**os.environ, "FOUNDRYFLOW_KEY": key, "API_KEY": "it's secret"}
    done = subprocess.run(
        command, env=environment, cwd=directory, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_examples_send_the_files_in_a_form(server, tmp_path):
    said = "{{ bill.name }} {{ question }} {{ customer }} {{ lines | tojson }} {{ who.name }} {{ limit }} {{ yes }}"
    more = [
        {"name": "api_key", "type": "secret"}, {"name": "who", "type": "object", "default": {"name": "O'Hara $HOME"}},
        {"name": "limit", "type": "number"}, {"name": "yes", "type": "boolean"},
    ]  # fmt: skip
    returned = {"id": "ret", "type": "return", "properties": {"value": said}}
    inputs = [*INPUTS[:4], *more]
    made = make_flow({"format": "foundryflow/1", "name": "Some", "inputs": inputs, "actions": [returned]})
    (tmp_path / "bill.pdf").write_bytes(PDF)
    wait, stream, once = examples_of_flow(server.url, made.slug, made.current.parsed().inputs)
    expected = "bill.pdf Paid? your customer [] O'Hara $HOME 1 true"
    assert expected in executed(["bash", "-c", wait.curl], tmp_path)
    assert "event: end" in executed(["bash", "-c", stream.curl], tmp_path)
    assert expected in executed([sys.executable, "-c", wait.python], tmp_path)
    assert expected in executed([sys.executable, "-c", once.python], tmp_path)
    assert "it's secret" not in str(list(Run.objects.values_list("inputs", "output")))


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_call_of_a_run_names_its_file(server, client_alice, flow, tmp_path):
    asked = {"bill": GivenFile("May, '2'.pdf", "application/pdf", PDF), "question": "Due?", "customer": None}
    first = Run.objects.start(flow=flow, inputs=asked, by=None, via="api", customer="contoso")
    address = reverse("runs:code", args=[first.pk])
    assert "It sends May, &#x27;2&#x27;.pdf from where it runs" in client_alice.get(address).content.decode()
    (tmp_path / "May, '2'.pdf").write_bytes(PDF)
    for language, command in (("curl", ["bash", "-c"]), ("python", [sys.executable, "-c"])):
        program = client_alice.get(address, {"as": language}).content.decode().replace("http://testserver", server.url)
        assert first.inputs["bill"]["sha256"] not in program
        assert "Due?" in executed([*command, program], tmp_path)
        made = Run.objects.latest("pk")
        assert made.inputs == {"bill": first.inputs["bill"], "question": "Due?"}
        assert made.customer == "contoso"
