"""A flow with configuration errors, through the API."""

import httpx
import pytest

from flows.models import Flow, Run, State
from tests.api.test_api import api, server
from tests.engine.conftest import counting
from tests.factories import make_flow

__all__ = ["api", "counting", "server"]
pytestmark = pytest.mark.django_db(transaction=True)


def flow_with(message):
    log = {"id": "log", "type": "log", "title": "Say", "properties": {"message": message}}
    return make_flow({"format": "foundryflow/1", "name": "Say", "actions": [log]})


@pytest.mark.parametrize("verb", ["run", "submit", "stream"])
def test_it_is_refused_with_the_list_unless_told_anyway(api: httpx.Client, verb):
    flow_with("{{ gone }}")
    refused = api.post(f"/flows/say/{verb}", json={})
    assert refused.status_code == 422
    assert refused.headers["content-type"] == "application/problem+json"
    told = refused.json()
    assert told["kind"] == "configuration"
    assert told["errors"] == [
        {
            "action": "log",
            "property": "message",
            "title": "Say",
            "message": "`gone` is not a variable here. Declare it above, or make it an input.",
            "url": "/flows/say/?action=log#property-message",
        }
    ]
    assert not Run.objects.exists()
    assert api.post(f"/flows/say/{verb}", json={"anyway": True}).status_code in (200, 202)
    assert Run.objects.count() == 1


def test_an_equal_request_gets_its_run_though_the_flow_is_broken_now(api: httpx.Client):
    flow = flow_with("fine")
    once = {"Idempotency-Key": "once"}
    first = api.post("/flows/say/run", json={}, headers=once)
    flow.commit(flow.current.parsed().with_properties("log", {"message": "{{ gone }}"}), by=None, base=1)
    assert api.post("/flows/say/run", json={}, headers=once).json() == first.json()
    assert api.post("/flows/say/run", json={}, headers={"Idempotency-Key": "twice"}).status_code == 422
    assert api.post("/flows/say/run", json={"anyway": True}, headers={"Idempotency-Key": "twice"}).status_code == 200


def test_a_retry_checks_the_revision_it_runs(api: httpx.Client):
    flow = flow_with("fine")
    run = api.post("/flows/say/run", json={}).json()["id"]
    flow.commit(flow.current.parsed().with_properties("log", {"message": "{{ gone }}"}), by=None, base=1)
    assert api.post(f"/runs/{run}/retry", json={}).status_code == 202
    newest = api.post(f"/runs/{run}/retry", json={"newest": True})
    assert (newest.status_code, newest.json()["kind"]) == (422, "configuration")
    assert api.post(f"/runs/{run}/retry", json={"newest": True, "anyway": True}).status_code == 202


def test_the_default_of_a_secret_input_is_used_and_never_told(api: httpx.Client):
    returns = {"id": "ret", "type": "return", "properties": {"value": "{{ token == 'sk-canary-3f' }}"}}
    inputs = [{"name": "token", "type": "secret", "required": True, "default": "sk-canary-3f"}]
    make_flow({"format": "foundryflow/1", "name": "Key", "inputs": inputs, "actions": [returns]})
    answer = api.post("/flows/key/run", json={})
    assert answer.status_code == 200
    told = answer.text + api.get("/flows").text
    assert "sk-canary-3f" not in told
    assert Run.objects.get().state in (State.SUCCEEDED, State.FAILED)
    assert Flow.objects.get().secrets.count() == 1
