"""A secret inside an endpoint moves to the key field or is refused, and is never kept, shown or recorded."""

import importlib
import json

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.urls import reverse

from connections.endpoint.embedded_secrets import path_has_secret, without_secrets
from connections.endpoint.endpoint import EndpointError, SecretInEndpoint
from connections.endpoint.recognise import parse_endpoint, secret_warning
from connections.models import Connection, LearntLesson
from connections.secret import Secret
from flows.actions.services import MemoryServices
from flows.catalog.files import import_flow
from flows.interpreter.journal import MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import DocumentError, parse
from flows.language.errors import RunFailed
from flows.models import Flow, Revision
from tests.factories import make_connection

KEY = "planted-key-5f2c9a7d1e"
V1 = "https://gw.contoso.com/v1"

MOVED = [
    f"{V1}?{name}={KEY}"
    for name in (
        "api-key", "api_key", "apikey", "apiKey", "API-KEY", "key", "subscription-key", "Subscription_Key",
        "Ocp-Apim-Subscription-Key", "access-key", "x-api-key", "account_key", "functions-key",
    )
] + [f"{V1}?region=eu&api-key={KEY}", f"{V1}?api-key={KEY}&key={KEY}"]  # fmt: skip

REFUSED = [
    *(
        f"{V1}?{name}={KEY}"
        for name in (
            "code", "sig", "signature", "token", "access_token", "auth", "secret", "client_secret", "password", "pwd",
            "jwt", "id-token", "refresh_token", "X-Amz-Signature", "credential", "sas", "bearer", "sastoken",
        )
    ),
    f"https://user:{KEY}@gw.contoso.com/v1",
    f"https://{KEY}@gw.contoso.com/v1",
    f"user:{KEY}@gw.contoso.com/v1",
    f"https://gw.contoso.com/api_key={KEY}/v1",
    f"https://gw.contoso.com/v1;sig={KEY}",
    f"https://gw.contoso.com/api-key/{KEY}/v1",
    f"https://gw.contoso.com/token/{KEY}/v1",
    f"https://gw.contoso.com/v1%3Bcode%3D{KEY}",
    f"https://gw.contoso.com/sk-{KEY}/v1",
    f"https://gw.contoso.com/{'aB3' * 28}/v1",
    f"{V1}?x=1;api-key={KEY}",
    f"{V1}?next=https%3A%2F%2Fx%2F%3Fkey%3D{KEY}",
    f"{V1}?x=eyJhbGciOiJI{KEY}.eyJzdWIi.c2ln",
    f"{V1}?x=0123456789abcdef0123456789abcdef",
    f"{V1}?api-key={KEY}&key=another-{KEY}",
    f"https://r.openai.azure.com/openai/v1?code={KEY}",
    KEY,
]  # fmt: skip
# Looks like one of them, and is none.
PLAIN = [
    "https://gateway.ai.cloudflare.com/v1/0123456789abcdef0123456789abcdef/gw/openai",
    "https://r.openai.azure.com/openai/deployments/gpt-4o-mini-2024-07-18/chat/completions?api-version=2024-10-21",
    "https://r.services.ai.azure.com/api/projects/a-long-project-name-of-2026-with-digits",
    "https://gw.contoso.com/v1?region=westeurope&tenant=1f0c1c5e-5b1e-4c63-9d1b-1f0c1c5e5b1e",
    "https://gw.contoso.com/tokens/v1",
    "https://gw.contoso.com/keys/v1?max_tokens=5",
    "ollama-of-the-team:11434/v1",
]


@pytest.mark.parametrize("pasted", MOVED)
def test_a_key_in_the_query_moves_to_the_key_field(pasted):
    endpoint = parse_endpoint(pasted)
    assert endpoint.found_key == Secret(KEY)
    assert KEY not in endpoint.url
    assert KEY not in (endpoint.chat_url or "")


@pytest.mark.parametrize("pasted", REFUSED)
def test_every_other_secret_is_refused_without_being_repeated(pasted):
    with pytest.raises(SecretInEndpoint) as caught:
        parse_endpoint(pasted)
    for text in (str(caught.value), without_secrets(pasted), secret_warning(pasted)):
        assert KEY not in text
        assert "aB3aB3" not in text
        assert "0123456789abcdef" not in text


@pytest.mark.parametrize("pasted", PLAIN)
def test_what_only_looks_like_a_secret_is_left_alone(pasted):
    endpoint = parse_endpoint(pasted)
    assert endpoint.found_key is None
    assert parse_endpoint(endpoint.url) == endpoint
    assert not secret_warning(pasted)
    assert without_secrets(endpoint.url) == endpoint.url.split("?")[0]


@pytest.mark.parametrize(
    "pasted",
    [f"{KEY}://x", f"https://r.openai.azure.com/{KEY}", f"https://r.services.ai.azure.com/api/projects/P/{KEY}", f"{V1} {KEY}"],
)  # fmt: skip
def test_no_refusal_repeats_what_was_pasted(pasted):
    with pytest.raises(EndpointError) as caught:
        parse_endpoint(pasted)
    assert KEY not in str(caught.value)


def posted(endpoint, **more):
    return {"name": "contoso", "endpoint": endpoint, "key": "", "auth": "key", **more}


@pytest.mark.parametrize("pasted", REFUSED)
def test_the_form_sends_no_secret_back_and_stores_none(client_alice, pasted):
    for url in (
        reverse("connections:new"),
        reverse("connections:create_in_panel"),
        reverse("connections:recognise"),
        reverse("connections:test_new"),
    ):
        page = client_alice.post(url, posted(pasted, key="another-key", model="m"))
        assert KEY not in page.content.decode() + str(page.headers)
    assert not Connection.objects.exists()


def test_the_form_moves_a_key(client_alice):
    page = client_alice.post(reverse("connections:new"), posted(MOVED[1]))
    assert page.status_code == 302
    stored = Connection.objects.get()
    assert (stored.endpoint, stored.key) == (V1, Secret(KEY))


@pytest.mark.django_db
@pytest.mark.parametrize("pasted", REFUSED[:3] + REFUSED[18:22])
def test_the_command_refuses_and_stores_nothing(pasted, monkeypatch):
    monkeypatch.setattr("connections.management.commands.connection.read_line", lambda prompt: "another-key")
    with pytest.raises(CommandError) as caught:
        call_command("connection", "add", "contoso", "--endpoint", pasted)
    assert KEY not in str(caught.value)
    assert not Connection.objects.exists()


def created(endpoint, **more):
    action = {
        "id": "c",
        "type": "create_azure_ai_connection",
        "properties": {"api_key": "{{ k }}", "endpoint": endpoint},
    }
    inputs = [{"name": "k", "type": "secret"}, {"name": "e", "type": "text"}]
    return {"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]}


@pytest.mark.parametrize("pasted", [*REFUSED, *MOVED, f"curl {V1}/chat/completions -H 'api-key: {KEY}'"])
async def test_a_dynamic_endpoint_with_a_secret_is_a_typed_error_that_records_none(pasted):
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await execute(parse(created("{{ e }}")), {"k": "the-key-of-the-flow", "e": pasted}, journal, MemoryServices())
    assert failed.value.error.kind == "endpoint"
    assert failed.value.error.hint
    assert KEY not in f"{failed.value.error.message} {failed.value.error.hint} {journal.events!r}"


@pytest.mark.django_db
@pytest.mark.parametrize("pasted", [*REFUSED[:2], MOVED[0], V1 + "?api-key={{ k }}"])
def test_a_flow_with_a_secret_in_an_endpoint_is_not_imported(pasted):
    with pytest.raises(DocumentError) as caught:
        import_flow(json.dumps(created(pasted)), by=None)
    assert "key inside" in str(caught.value)
    assert KEY not in str(caught.value)
    assert not Flow.objects.exists()


def test_the_panel_neither_keeps_nor_shows_a_secret_in_an_endpoint(client_alice, alice):
    flow, _ = import_flow(json.dumps(created(V1)), by=alice)
    url = reverse("designer:save_properties", args=[flow.slug, "c"])
    typed = {"base": 1, "title": "c", "api_key": "{{ k }}", "endpoint": MOVED[0], "connection_variable_name": "c"}
    page = client_alice.post(url, typed, headers={"HX-Request": "true"})
    assert page.status_code == 422
    assert "key inside" in page.content.decode()
    assert KEY not in page.content.decode()
    assert all(KEY not in json.dumps(revision.document) for revision in Revision.objects.all())


@pytest.mark.django_db
def test_stored_addresses_lose_their_secrets_and_lessons_of_strangers_go():
    migration = importlib.import_module("connections.migrations.0004_no_secrets_in_endpoints")
    make_connection("moved", endpoint=MOVED[1], key="")
    make_connection("kept", endpoint=MOVED[1], key="its-own-key")
    make_connection("refused", endpoint=f"{V1}?secret={KEY}")
    make_connection("plain", endpoint=f"{V1}?region=eu")
    lesson = {"instead": "https://ai.azure.com/.default", "learned_at": "2026-01-01T00:00Z", "parameter": "(scope)"}
    for endpoint in ("https://r.openai.azure.com/openai/v1", "https://x.eastus.inference.ml.azure.com/v1", V1):
        LearntLesson.objects.create(endpoint=endpoint, model="m", **lesson)
    migration.move_keys(apps, None)
    migration.forget(apps, None)
    found = {row.name: (row.endpoint, row.key) for row in Connection.objects.all()}
    assert found["moved"] == (V1, Secret(KEY))
    assert found["kept"] == (V1, Secret("its-own-key"))
    assert found["refused"][0] == V1
    assert found["plain"][0] == f"{V1}?region=eu"
    assert [row.endpoint for row in LearntLesson.objects.all()] == ["https://r.openai.azure.com/openai/v1"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("https://gw.contoso.com/v1", "https://gw.contoso.com/v1"),
        (" 'https://gw.contoso.com/v1', ", "https://gw.contoso.com/v1"),
        ("https://gw.contoso.com/v1?api-key=planted", "https://gw.contoso.com/v1"),
        ("https://gw.contoso.com/v1#planted?x;y", "https://gw.contoso.com/v1"),
        ("HTTPS://gw.contoso.com/v1", "HTTPS://gw.contoso.com/v1"),
        ("planted-key://gw.contoso.com/v1", "https://gw.contoso.com/v1"),
        ("https://user:planted@gw.contoso.com/v1", "https://gw.contoso.com/v1"),
        ("https://gw.contoso.com/v1/key/planted-0123456789/v2", "https://gw.contoso.com/v1/key"),
        ("https://gw.contoso.com/sk-planted-0123456789/v1", "https://gw.contoso.com"),
        ("sk-planted", ""),
        ("https://sk-planted/v1", ""),
        ("abcdefghijklmnop", ""),
        ("abcdefghijklmno", "abcdefghijklmno"),
        ("abcdefghijklmnop:80/v1", "abcdefghijklmnop:80/v1"),
        ("https://abcdefghijklmnop/v1", "https://abcdefghijklmnop/v1"),
        ("gateway.contoso.com/v1", "gateway.contoso.com/v1"),
        ("two words", "two words"),
        ("two abcdefghijklmno", "two abcdefghijklmno"),
        ("two abcdefghijklmnop", ""),
        ("three more abcdefghijklmnop", ""),
        ("curl https://gw.contoso.com/v1?k=planted -H 'api-key: planted-0123456789'", "https://gw.contoso.com/v1"),
    ],
)
def test_as_much_of_a_pasted_text_is_shown_as_cannot_be_secret(text, shown):
    assert without_secrets(text) == shown


@pytest.mark.parametrize(
    ("path", "has_one"),
    [
        ("/key/0123456789abcdef", True),
        ("/key/0123456789abcde", False),
        ("/key/abcdefghijklmnopq", False),
        ("/tokens/0123456789abcdef", False),
        ("/API%2Dkey/0123456789abcdef/x", True),
        ("/v1;sig=x", True),
        ("/token/v1", False),
        ("/a/sk-0123456789abcdef", True),
        ("/a/0123456789abcdef0123456789abcdef", False),
    ],
)
def test_a_path_has_a_secret_by_its_names_or_its_looks(path, has_one):
    assert path_has_secret(path) is has_one
