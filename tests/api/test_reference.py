"""The pages that describe the API; what they tell to copy does run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from html import unescape

import pytest

from flows.api.examples import body_in_shell, environment_name, examples_of_flow, sample_inputs
from flows.language.document import Input
from flows.models import Revision, Run
from foundryflow.models import ApiKey
from tests.api.test_api import server
from tests.engine.conftest import counting
from tests.engine.test_durable import returns
from tests.factories import PLANTED_KEY, make_flow

__all__ = ["counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)

INPUTS = [
    {"name": "question", "type": "text", "required": True, "description": "What the customer asks."},
    {"name": "api_key", "type": "secret", "required": True},
    {"name": "stored", "type": "secret", "default": PLANTED_KEY},
    {"name": "limit", "type": "number", "default": 5},
    {"name": "tags", "type": "list", "default": ["it's", '"new"', "$HOME", "`id`", "ä\n<b>"]},
    {"name": "who", "type": "object", "secret_parts": ["key"], "default": {}},
]


def answer_a_customer():
    shown = returns("{{ question }}")
    return make_flow({"format": "foundryflow/1", "name": "Answer", "inputs": INPUTS, "actions": [shown]})


def examples(base: str):
    flow = answer_a_customer()
    return examples_of_flow(base, flow.slug, flow.current.parsed().inputs)


def environment() -> dict[str, str]:
    _, key = ApiKey.objects.issue(f"examples {ApiKey.objects.count()}", ["run", "read"], by=None)
    return {**os.environ, "FOUNDRYFLOW_KEY": key, "API_KEY": "kept-in-the-environment"}


def execute(*command: str) -> str:
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_lines_for_a_shell_run_the_flow_with_its_inputs(server):
    wait, stream, _ = examples(server.url)
    assert '"state": "succeeded"' in execute("bash", "-c", wait.curl)
    assert "event: end" in execute("bash", "-c", stream.curl)
    assert Run.objects.count() == 2
    for run in Run.objects.all():
        assert run.inputs["tags"] == INPUTS[4]["default"]
        assert run.inputs["question"] == "your question"
        assert "kept-in-the-environment" not in str((run.inputs, run.output))


def test_the_python_runs_the_flow_and_once_means_once(server):
    wait, stream, once = examples(server.url)
    assert execute(sys.executable, "-c", wait.python).startswith("succeeded")
    assert execute(sys.executable, "-c", stream.python).strip().endswith("succeeded")
    assert execute(sys.executable, "-c", once.python).startswith("succeeded")


def test_no_example_shows_a_secret():
    inputs = [Input(each) for each in INPUTS]
    samples = sample_inputs(inputs)
    assert "stored" in samples  # a literal that is not stored yet
    assert PLANTED_KEY not in body_in_shell(samples)
    for example in examples("https://flow.contoso.example"):
        for text in (example.curl, example.python):
            assert PLANTED_KEY not in text
            assert "stored" not in text.replace("STORED", "")
            assert "API_KEY" in text


@pytest.mark.parametrize(
    ("name", "variable"),
    [("api_key", "API_KEY"), ("api key-2", "API_KEY_2"), ("2nd", "_2ND"), ("ключ", "_____"), ("", "_")],
)
def test_a_variable_of_the_environment_has_a_name_that_shells_take(name, variable):
    assert environment_name(name) == variable


def test_every_call_stands_on_the_page_with_its_scope_and_each_flow_with_its_inputs(client_bob, settings):
    answer_a_customer()
    page = unescape(client_bob.get("/api/docs", headers={"Host": "localhost"}).content.decode())
    for call in ("list_flows", "run_flow", "submit_flow", "stream_flow", "list_runs", "show_run", "follow_run"):
        assert f'<section class="sheet" id="{call}"' in page
    for words in ("GET</strong> /api/usage", '<span class="tag" title="The scope that it asks for">usage</span>'):
        assert words in page
    assert "curl http://localhost/api/flows/answer/run" in page
    assert '"$API_KEY"' in page
    assert "$FOUNDRYFLOW_KEY" in page
    assert PLANTED_KEY not in page
    assert "/flows/answer/calls/" in page
    assert "/api-keys/" in page


def test_each_flow_says_how_it_is_called(client_bob):
    answer_a_customer()
    assert "/flows/answer/calls/" in client_bob.get("/flows/").content.decode()
    assert "/flows/answer/calls/" in client_bob.get("/flows/answer/").content.decode()
    page = client_bob.get("/flows/answer/calls/").content.decode()
    for words in ("Start and wait", "Start and follow the stream", "Start exactly once", "What the customer asks."):
        assert words in page
    assert "Idempotency-Key" in page
    assert PLANTED_KEY not in page
    assert client_bob.get("/flows/nowhere/calls/").status_code == 404


def test_a_flow_that_cannot_be_read_says_so(client_bob):
    flow = answer_a_customer()
    Revision.objects.filter(flow=flow).update(document={"format": "unknown"})
    assert "cannot be read" in client_bob.get("/flows/answer/calls/").content.decode()
    assert "cannot be read" in client_bob.get("/api/docs").content.decode()


def test_the_document_of_the_api_says_which_key_is_wrong(client):
    key, text = ApiKey.objects.issue("portal", ["read"], by=None)
    bearer = {"Authorization": f"Bearer {text}"}
    assert client.get("/api/openapi.json", headers=bearer).json()["paths"]["/api/usage"]["get"]["security"] == [
        {"key": ["usage"]}
    ]
    key.revoke()
    assert "was revoked" in client.get("/api/openapi.json", headers=bearer).json()["detail"]
