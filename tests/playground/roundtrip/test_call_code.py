"""A recorded call as a program."""

from __future__ import annotations

import json

import pytest
from django.test import Client
from django.urls import reverse

from connections.models import Connection
from flows.models import ActionRun
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run
from tests.runs.conftest import record


@pytest.fixture
def called(db: None) -> ActionRun:
    make_connection("contoso")
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    facts = {"connection": "contoso", "host": "contoso.openai.azure.com", "deployment": "gpt-4o", "prompt": prompt}
    return record(make_run(make_flow(), question="Why?"), 1, "chat", None, type="chat_completion", title="Answer",
                  inputs={"connection": "contoso", "model": "gpt-4o", "user_prompt": "{{ changed }}", "temperature": 0.2},
                  facts=facts)  # fmt: skip


def program(client: Client, called: ActionRun, language: str) -> str:
    address = reverse("playground:call_code", args=[called.run_id])
    return client.get(address, {"path": called.path, "as": language}).content.decode()


def test_it_sends_what_was_sent_with_the_key_from_the_environment(client_bob: Client, called: ActionRun) -> None:
    curl, python = (program(client_bob, called, language) for language in ("curl", "python"))
    assert "https://contoso.openai.azure.com/openai/v1/chat/completions" in curl
    body = json.loads(curl.partition("<<'JSON'\n")[2].partition("\nJSON")[0])
    assert body["messages"] == called.facts["prompt"]
    assert (body["model"], body["temperature"]) == ("gpt-4o", 0.2)
    assert "$AZURE_OPENAI_API_KEY" in curl
    assert 'os.environ["AZURE_OPENAI_API_KEY"]' in python
    assert PLANTED_KEY not in curl + python


def test_a_connection_that_is_gone_is_known_by_its_host(client_bob: Client, called: ActionRun) -> None:
    Connection.objects.all().delete()
    assert "contoso.openai.azure.com" in program(client_bob, called, "curl")


def test_a_page_has_both(client_bob: Client, called: ActionRun) -> None:
    address = reverse("playground:call_code", args=[called.run_id])
    page = client_bob.get(address, {"path": "chat"}).content.decode()
    assert "Python, OpenAI SDK" in page
    assert client_bob.get(address, {"path": "gone"}).status_code == 404
    assert client_bob.get(address, {"path": "chat", "as": "cobol"}).status_code == 404


def test_what_the_record_does_not_say_is_said(client_bob: Client, called: ActionRun) -> None:
    called.facts = {}
    called.save()
    assert "does not say enough" in program(client_bob, called, "python")
