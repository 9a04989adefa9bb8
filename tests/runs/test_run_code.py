"""The programs that start a run like another one: no secret stands in them."""

import pytest
from django.urls import reverse

from flows.models import Run
from tests.engine.test_durable import returns
from tests.factories import make_flow, make_run

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


def test_a_run_of_the_draft_is_started_as_one(client_bob, asked):
    address = reverse("runs:code", args=[asked.pk])
    for published, is_draft in ((False, True), (True, False), (None, False)):
        Run.objects.filter(pk=asked.pk).update(published=published)
        curl, python = (client_bob.get(address, {"as": name}).content.decode() for name in ("curl", "python"))
        assert ("&revision=draft" in curl) is is_draft
        assert (', "revision": "draft"}' in python) is is_draft
