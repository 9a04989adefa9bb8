"""A service that sends the key back leaves it nowhere: in no table, page, event, answer of the API or line of the log."""

import asyncio
import json
import logging
from collections import defaultdict

import pytest
from django.db import connection as database

from flows.engine import embedded
from flows.engine.live import hub
from flows.models import State
from foundryflow.models import ApiKey
from tests.connections.foundry.test_masking import reveals
from tests.factories import make_connection, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)
KEY = "canary+9fQ2/xL7Zr0mWc4TnBv8s="
PLACES = ("text", "fields", "error", "late", "html", "header", "stream")
FORMS = ("plain", "escaped", "partly", "base64-1")  # all of them: connections/foundry/test_foundry_echoes.py
DEPLOYMENTS = [f"echo-key-{place}-{form}" for place in PLACES for form in FORMS]


def chat(**properties):
    properties = {"connection": "echo", "model": "{{ item }}", "user_prompt": "Why?", **properties}
    return {"id": "chat", "type": "chat_completion", "properties": properties}


def document():
    said = {"id": "said", "type": "log", "properties": {"message": "{{ response.text }} {{ response.raw }}"}}
    caught = {"id": "caught", "type": "log", "properties": {"message": "{{ exception.message }} {{ exception }}"}}
    guarded = {"id": "g", "type": "try_catch", "properties": {}, "branches": [
        {"id": "g-try", "title": "", "actions": [chat(), said]}, {"id": "g-catch", "title": "", "actions": [caught]},
    ]}  # fmt: skip
    each = {"id": "each", "type": "for_each", "properties": {"items": "{{ models }}"}, "branches": [
        {"id": "body", "title": "", "actions": [guarded]},
    ]}  # fmt: skip
    last = {**chat(model="echo-key-text-percent", result_variable_name="last"), "id": "last"}
    back = {"id": "ret", "type": "return", "properties": {"value": "{{ last }}"}}
    inputs = [{"name": "models", "type": "list"}]
    return {"format": "foundryflow/1", "name": "echo", "inputs": inputs, "actions": [each, last, back]}


def test_the_key_is_nowhere(simulator, client_alice, alice, caplog, monkeypatch):
    caplog.set_level(logging.INFO)
    make_connection("echo", endpoint=f"{simulator}/openai/v1", key=KEY)
    flow = make_flow(document(), by=alice)
    heard = defaultdict(str)
    append = hub.publish_text

    def listened(run_id, path, text):
        heard[path] += text
        append(run_id, path, text)

    monkeypatch.setattr(hub, "publish_text", listened)
    run = make_run(flow, by=alice, models=DEPLOYMENTS)
    asyncio.run(embedded.run_here(run))
    run.refresh_from_db()
    assert run.state == State.SUCCEEDED, run.error
    assert run.actions.filter(action_id="chat").count() == len(DEPLOYMENTS)
    assert run.actions.filter(action_id="chat", state=State.SUCCEEDED).count() == 3 * len(FORMS)
    assert len(heard) > 2 * len(FORMS)
    found = [caplog.text, json.dumps(run.output), *heard.values()]
    with database.cursor() as cursor:
        for table in database.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [str(value) for row in cursor.fetchall() for value in row]
    _, token = ApiKey.objects.issue("reader", ["read"], by=None)
    bearer = {"Authorization": f"Bearer {token}"}
    pages = [f"/runs/{run.pk}/", f"/runs/{run.pk}/download/", "/runs/", "/connections/"]
    pages += [f"/runs/{run.pk}/?action={record.pk}" for record in run.actions.filter(action_id="chat")[:6]]
    found += [client_alice.get(page).content.decode() for page in pages]
    found += [client_alice.get(f"/api/runs/{run.pk}", headers=bearer).content.decode()]
    assert len(found) > 300
    for text in set(found):
        assert not reveals(text, KEY)
