"""Whatever is pasted into the endpoint field is taken apart, and its key is seen nowhere."""

import json

import pytest
from django.urls import reverse

from connections.models import Connection
from connections.secret import Secret
from tests.factories import PLANTED_KEY

CURL = (
    "curl https://contoso.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21 \\\r\n"
    f'  -H "api-key: {PLANTED_KEY}" -d \'{{"messages": []}}\''
)
CANONICAL = "https://contoso.openai.azure.com/openai/deployments/gpt-4o?api-version=2024-10-21"


def posted(**changes):
    return {"name": "contoso", "endpoint": CURL, "key": "", "default_model": "", **changes}


def test_a_pasted_command_becomes_a_connection(client_alice):
    assert client_alice.post(reverse("connections:new"), posted()).status_code == 302
    stored = Connection.objects.get()
    assert (stored.endpoint, stored.key, stored.default_model) == (CANONICAL, Secret(PLANTED_KEY), "gpt-4o")


def test_a_key_that_was_typed_wins_over_the_one_in_the_command(client_alice):
    client_alice.post(reverse("connections:new"), posted(key="typed-key-0123456789"))
    assert Connection.objects.get().key == Secret("typed-key-0123456789")


def test_the_key_in_a_command_does_not_come_back_with_a_refused_form(client_alice):
    answer = client_alice.post(reverse("connections:new"), posted(name=""))
    assert answer.status_code == 422
    assert PLANTED_KEY not in answer.content.decode()
    assert CANONICAL.replace("&", "&amp;") in answer.content.decode()


def test_a_key_in_an_address_that_is_refused_does_not_come_back(client_alice):
    for text in (
        f"https://ai.azure.com/?api-key={PLANTED_KEY}",
        f"curl https://ai.azure.com -H 'api-key: {PLANTED_KEY}'",
    ):
        answer = client_alice.post(reverse("connections:new"), posted(endpoint=text))
        assert answer.status_code == 422
        assert PLANTED_KEY not in answer.content.decode()


def test_while_typing_the_page_is_told_where_the_key_stands_not_what_it_is(client_alice):
    text = f"# 🔑\r\n{CURL}"
    answer = client_alice.post(reverse("connections:recognise"), {"endpoint": text})
    assert PLANTED_KEY not in answer.content.decode() + json.dumps(dict(answer.headers))
    parts = json.loads(answer.headers["HX-Trigger"])["endpoint-pasted"]
    in_page = text.replace("\r\n", "\n").encode("utf-16-le")
    assert in_page[parts["start"] * 2 : parts["end"] * 2].decode("utf-16-le") == PLANTED_KEY
    assert (parts["endpoint"], parts["model"], parts["length"]) == (CANONICAL, "gpt-4o", len(in_page) // 2)


def test_a_plain_address_is_left_as_it_is_typed(client_alice):
    answer = client_alice.post(reverse("connections:recognise"), {"endpoint": "contoso.openai.azure.com"})
    assert "HX-Trigger" not in answer.headers


@pytest.mark.parametrize(
    "pasted", ["sk-abc123", " sk-abc123/ ", "https://sk-abc123/", PLANTED_KEY, "0123456789abcdef" * 2]
)
def test_a_key_in_the_endpoint_is_named_and_not_recognised(client_alice, pasted):
    answer = client_alice.post(reverse("connections:recognise"), {"endpoint": pasted})
    said = answer.content.decode()
    assert "This is a key" in said
    assert "Recognised" not in said
    assert pasted.strip() not in said
    refused = client_alice.post(reverse("connections:new"), posted(endpoint=pasted))
    assert refused.status_code == 422
    assert pasted.strip() not in refused.content.decode()


def test_a_key_by_itself_moves_to_the_key_field(client_alice):
    answer = client_alice.post(reverse("connections:recognise"), {"endpoint": f" {PLANTED_KEY}"})
    parts = json.loads(answer.headers["HX-Trigger"])["endpoint-pasted"]
    assert parts == {"length": len(PLANTED_KEY) + 1, "start": 1, "end": len(PLANTED_KEY) + 1, "is_key": True}


@pytest.mark.parametrize("word", ["contoso", "gateway/", "KEY"])
def test_a_bare_word_is_no_address(client_alice, word):
    said = client_alice.post(reverse("connections:recognise"), {"endpoint": word}).content.decode()
    assert "only a word" in said


@pytest.mark.parametrize(
    "address",
    [
        "localhost",
        "gateway:8080",
        "http://gateway/v1",
        "contoso.openai.azure.com",
        "https://sk-resource.openai.azure.com",
    ],
)
def test_names_with_more_than_a_word_are_addresses(client_alice, address):
    assert "Recognised" in client_alice.post(reverse("connections:recognise"), {"endpoint": address}).content.decode()
