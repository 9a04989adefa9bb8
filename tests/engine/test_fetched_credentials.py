"""What actions fetch from outside is used by the actions behind them and found in no table."""

import json

import pytest

from connections.secret import MASK
from flows.models import State
from tests.conftest import Server
from tests.engine.test_secrets_of_runs import execute, log, set_up, tables_with

pytestmark = pytest.mark.django_db(transaction=True)

CANARY, FETCHED = "canary-of-the-server-77", "canary-of-the-register-88"


async def register(scope, receive, send):
    """Repeats the token that it is asked with, and gives a key of its own."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    status = 200 if scope["path"] == "/customers" else 403
    body = json.dumps({"key": FETCHED, "asked_with": headers.get("authorization", ""), "name": "Ada"}).encode()
    lines = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def register_url(settings, monkeypatch):
    monkeypatch.setenv("CRM_TOKEN", CANARY)
    settings.ENVIRONMENT_SECRETS = ["CRM_TOKEN"]
    with Server(register) as server:
        settings.ALLOWED_DESTINATIONS = [server.url.removeprefix("http://")]
        yield server.url


def actions_that_fetch(url):
    token = {"variable_name": "CRM_TOKEN", "result_variable_name": "token"}
    request = {"url": url, "authentication": "bearer token", "credential": "{{ token }}", "secret_parts": "key"}
    return [
        {"id": "token", "type": "get_environment_secret", "properties": token},
        {"id": "ask", "type": "http_request", "properties": request},
        log("{{ response.json.name }} by {{ response.json.asked_with }}"),
        {"id": "end", "type": "return", "properties": {"value": "{{ response.json.asked_with }}"}},
    ]


def test_a_token_of_the_server_opens_a_register_and_both_keys_stay_out_of_every_table(register_url):
    run = execute(set_up([], *actions_that_fetch(f"{register_url}/customers")))

    assert run.state == State.SUCCEEDED, run.error
    assert run.output == f"Bearer {MASK}"
    assert (tables_with(CANARY), tables_with(FETCHED)) == (set(), set())


def test_the_same_when_the_register_refuses_and_repeats_them(register_url):
    run = execute(set_up([], *actions_that_fetch(f"{register_url}/elsewhere")))

    assert (run.state, run.error["kind"], run.error["status"]) == (State.FAILED, "forbidden", 403)
    assert (tables_with(CANARY), tables_with(FETCHED)) == (set(), set())
