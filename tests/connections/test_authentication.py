"""Entra ID and gateway headers on the connection: as write-only as the key, and bound to the host they were typed for."""

import pytest
from django.urls import reverse

from connections.foundry.values import Header, Identity
from connections.models import Connection
from connections.secret import Secret
from tests.factories import PLANTED_KEY, make_connection, make_flow

ENDPOINT = "https://contoso.openai.azure.com/openai/v1"
PLANTED_SECRET = "planted-client-secret-1"
ENTRA = {"auth": "entra", "method": "client_secret", "tenant_id": "t-1", "client_id": "c-1"}


def posted(**changes):
    return {"name": "contoso", "endpoint": ENDPOINT, "key": "", **changes}


def test_a_client_secret_is_stored_encrypted_and_never_shown(client_alice):
    data = posted(**ENTRA, client_secret=PLANTED_SECRET)
    assert client_alice.post(reverse("connections:new"), data).status_code == 302
    stored = Connection.objects.get()
    assert stored.target().identity == Identity("client_secret", "t-1", "c-1", Secret(PLANTED_SECRET))
    shown = client_alice.get(reverse("connections:edit", args=[stored.pk])).content.decode()
    assert PLANTED_SECRET not in shown
    assert stored.identity_secret.fingerprint in shown


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({}, "client_secret", "client secret"),
        ({"client_secret": "s", "tenant_id": ""}, "tenant_id", "app registration"),
        ({"method": "certificate"}, "certificate", "certificate"),
        ({"method": "certificate", "certificate": "no pem"}, "certificate", "both PEM blocks"),
    ],
)
def test_what_is_missing_is_said_at_its_field(client_alice, changes, field, words):
    answer = client_alice.post(reverse("connections:new"), posted(**{**ENTRA, **changes}))
    assert answer.status_code == 422
    assert words in str(answer.context["form"].errors[field])


@pytest.mark.parametrize("method", ["managed_identity", "azure_cli"])
def test_the_identity_of_the_server_needs_no_secret(client_alice, method):
    assert client_alice.post(reverse("connections:new"), posted(auth="entra", method=method)).status_code == 302
    assert Connection.objects.get().target().identity == Identity(method)


def test_a_blank_secret_keeps_the_stored_one_until_the_host_changes(client_alice):
    client_alice.post(reverse("connections:new"), posted(**ENTRA, client_secret=PLANTED_SECRET))
    page = reverse("connections:edit", args=[Connection.objects.get().pk])
    assert client_alice.post(page, posted(**ENTRA, default_model="m")).status_code == 302
    assert Connection.objects.get().identity_secret == Secret(PLANTED_SECRET)
    moved = client_alice.post(page, posted(**ENTRA, endpoint="https://other.openai.azure.com"))
    assert "host of the endpoint has changed" in str(moved.context["form"].errors["client_secret"])


def test_a_key_does_not_reach_another_host_by_way_of_another_method(client_alice):
    stored = make_connection()
    page = reverse("connections:edit", args=[stored.pk])
    away = posted(endpoint="https://evil.example/v1", auth="entra", method="managed_identity")
    assert client_alice.post(page, away).status_code == 302
    assert Connection.objects.get().key == Secret("")
    back = client_alice.post(page, posted(endpoint="https://evil.example/v1", auth="key"))
    assert back.status_code == 422


def test_headers_of_a_gateway_reach_the_client(client_alice):
    data = posted(
        key=PLANTED_KEY,
        endpoint="https://gw.contoso.com/openai/deployments/d",
        key_header="other",
        other_key_header="X-Gateway-Key",
        extra_header="X-Team",
        extra_header_value="blue-team-1",
    )
    assert client_alice.post(reverse("connections:new"), data).status_code == 302
    target = Connection.objects.get().target()
    assert (target.key_header, target.extra_header) == ("X-Gateway-Key", Header("X-Team", Secret("blue-team-1")))
    shown = client_alice.get(reverse("connections:edit", args=[Connection.objects.get().pk])).content.decode()
    assert "X-Gateway-Key" in shown
    assert "blue-team-1" not in shown


@pytest.mark.parametrize("name", ["Host", "content-length", "two words", "Bad\r\nHeader"])
def test_a_header_that_would_break_the_request_is_refused(client_alice, name):
    answer = client_alice.post(reverse("connections:new"), posted(key=PLANTED_KEY, extra_header=name))
    assert answer.status_code == 422


RENTED = "https://mine.eastus.inference.ml.azure.com/v1"


def test_the_form_says_that_a_rented_host_gets_no_token_of_this_server(client_alice):
    made = posted(endpoint=RENTED, auth="entra", method="managed_identity")
    page = client_alice.post(reverse("connections:new"), made, follow=True)
    assert "gets no token of this server" in page.content.decode()
    stored = Connection.objects.get()
    page = client_alice.get(reverse("connections:edit", args=[stored.pk]))
    assert "gets no token of this server" in page.content.decode()
    tested = client_alice.post(reverse("connections:test_new"), {**made, "model": "m"}, headers={"HX-Request": "true"})
    assert "gets no token of this server" in tested.content.decode()
    own = posted(name="own", endpoint="https://r.openai.azure.com/openai/v1", auth="entra", method="managed_identity")
    page = client_alice.post(reverse("connections:new"), own, follow=True)
    assert "gets no token" not in page.content.decode()


def test_a_flow_that_would_call_a_rented_host_by_the_servers_identity_has_a_problem(client_alice, alice):
    make_connection("simulator", endpoint=RENTED, key="")
    Connection.objects.update(auth="managed_identity")
    page = client_alice.get(reverse("designer:show", args=[make_flow(by=alice).slug]))
    assert "gets no token of this server" in page.content.decode()


GATEWAY = {**ENTRA, "client_secret": "s3cret-of-the-app", "key": "", "endpoint": "https://gw.contoso.com/openai/v1"}


def test_a_gateway_has_a_scope_of_its_own(client_alice):
    made = posted(**GATEWAY, token_scope="api://0f1e/.default")
    assert client_alice.post(reverse("connections:new"), made).status_code == 302
    stored = Connection.objects.get()
    assert (stored.token_scope, stored.target().token_scope) == ("api://0f1e/.default",) * 2
    address = reverse("connections:edit", args=[stored.pk])
    assert "api://0f1e/.default" in client_alice.get(address).content.decode()
    back_to_key = posted(endpoint=GATEWAY["endpoint"], key=PLANTED_KEY, auth="key", token_scope="0f1e")
    assert client_alice.post(address, back_to_key).status_code == 302
    stored.refresh_from_db()
    assert stored.token_scope == ""


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token_scope": "0f1e"}, "A scope looks like api://"),
        ({"token_scope": "api://0f1e"}, "A scope looks like api://"),
        ({"token_scope": "https://management.azure.com/.default"}, "A scope looks like api://"),
        ({"token_scope": "api://a/.default", "endpoint": "https://r.openai.azure.com/openai/v1"}, "has a scope of its own"),
    ],
)  # fmt: skip
def test_a_scope_that_is_none_or_that_nobody_asks_for_is_refused(client_alice, changes, words):
    response = client_alice.post(reverse("connections:new"), posted(**{**GATEWAY, **changes}))
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Connection.objects.exists()
