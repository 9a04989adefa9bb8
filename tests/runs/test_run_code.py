"""The programs that start a run like another one: they run, and no secret stands in them."""

import shutil
import sys

import pytest
from django.urls import reverse

from flows.api.examples import example_of_run
from flows.models import Run
from flows.runs.code import without_secrets
from tests.api.test_api import server
from tests.api.test_reference import execute
from tests.engine.conftest import counting
from tests.engine.test_durable import returns
from tests.factories import make_flow, make_run

__all__ = ["counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)

INPUTS = [{"name": "question", "type": "text"}, {"name": "api_key", "type": "secret"},
          {"name": "who", "type": "object", "secret_parts": ["key"]}, {"name": "limit", "type": "number"}]  # fmt: skip


@pytest.fixture
def asked(db):
    flow = make_flow(
        {"format": "foundryflow/1", "name": "Answer", "inputs": INPUTS, "actions": [returns("{{ question }}")]}
    )
    who = {"key": "hush-7c1", "name": 'it\'s "ä"\n$HOME', "ok": True, "none": None}
    return Run.objects.start(
        flow=flow, by=None, via="api", customer="O'Hara & Co",
        inputs={"question": "Why?", "api_key": "hush-5f2", "who": who, "limit": 2.5},
    )  # fmt: skip


def example(run, base):
    inputs = {name: without_secrets(value, name) for name, value in run.inputs.items()}
    return example_of_run(base, run.flow.slug, inputs, run.customer)


@pytest.mark.parametrize("language", ["curl", "python"])
def test_it_starts_a_run_with_the_same_inputs(server, asked, language, monkeypatch):
    if language == "curl" and shutil.which("curl") is None:
        pytest.skip("needs curl")
    monkeypatch.setenv("WHO_KEY", "kept-in-the-environment")
    program = getattr(example(asked, server.url), language)
    command = ("bash", "-c") if language == "curl" else (sys.executable, "-c")
    assert "succeeded" in execute(*command, program)
    made = Run.objects.latest("pk")
    assert made.pk != asked.pk
    assert made.inputs == asked.inputs
    assert made.customer == asked.customer


def test_no_program_holds_a_secret(client_bob, asked):
    address = reverse("runs:code", args=[asked.pk])
    page = client_bob.get(address).content.decode()
    texts = [client_bob.get(address, {"as": name}).content.decode() for name in ("curl", "python")]
    for text in (page, *texts):
        assert "hush-" not in text
        assert "••••" not in text
        assert "WHO_KEY" in text
        assert "FOUNDRYFLOW_KEY" in text
    assert client_bob.get(address, {"as": "cobol"}).status_code == 404


def test_runs_of_a_session_are_not_called_by_the_api(client_alice, alice, asked):
    run = make_run(asked.flow, by=alice)
    asked.flow.room = "playground"
    asked.flow.save()
    assert client_alice.get(reverse("runs:code", args=[run.pk])).status_code == 404
