"""Connections to databases and vaults, as a person keeps them: the same page, the same encryption, the same list."""

import asyncio
import io
import json
import sqlite3

import pytest
from django.core.management import CommandError, call_command
from django.db import connection as database
from django.test import AsyncClient
from django.urls import reverse

from connections.clients import close_client
from connections.models import Connection
from connections.secret import Secret
from flows.engine import embedded
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run


def posted(kind="postgresql", **changes):
    given = {"name": "customers", "kind": kind, "endpoint": "db.contoso.com", "database": "crm", "user_name": "reader"}
    return {**given, "auth": "key", "key": PLANTED_KEY, "encryption": "verified", **changes}


VAULT = {"kind": "key_vault", "endpoint": "contoso-vault", "auth": "entra", "method": "managed_identity", "key": ""}


def create(client, **changes):
    return client.post(reverse("connections:new"), posted(**changes))


def test_a_database_is_stored_encrypted_and_listed_in_its_group(client_alice):
    make_connection("contoso")
    assert create(client_alice).status_code == 302

    stored = Connection.objects.get(name="customers")
    assert (stored.endpoint, stored.user_name) == ("postgresql://db.contoso.com:5432/crm", "reader")
    assert stored.data_target().password == Secret(PLANTED_KEY)
    with database.cursor() as cursor:
        cursor.execute("SELECT key FROM connections_connection")
        assert all(PLANTED_KEY not in row[0] for row in cursor.fetchall())
    page = client_alice.get(reverse("connections:list")).content.decode()
    assert page.index("Models") < page.index("contoso") < page.index("Credentials and data") < page.index("customers")
    assert "db.contoso.com:5432" in page
    assert "/crm" in page
    assert PLANTED_KEY not in page + client_alice.get(reverse("connections:edit", args=[stored.pk])).content.decode()


def test_a_pasted_address_fills_the_fields_and_its_password_is_never_shown(client_alice):
    pasted = f"postgresql://ada:{PLANTED_KEY}@db.contoso.com:6000/shop?sslmode=disable"
    wrong = create(client_alice, name="", endpoint=pasted, database="", user_name="", key="")
    assert wrong.status_code == 422
    assert PLANTED_KEY not in wrong.content.decode()

    create(client_alice, endpoint=pasted, database="", user_name="", key="")

    stored = Connection.objects.get()
    assert (stored.endpoint, stored.user_name) == ("postgresql://db.contoso.com:6000/shop?encryption=plain", "ada")
    assert stored.key == Secret(PLANTED_KEY)


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"endpoint": "two words"}, "endpoint", "This is no server"),
        ({"database": ""}, "database", "Name the database"),
        ({"user_name": ""}, "user_name", "Name the user"),
        ({"key": ""}, "key", "needs a password"),
        ({"encryption": "perhaps"}, "encryption", "valid choice"),
        ({"auth": "entra", "method": "azure_cli", "encryption": "plain"}, "encryption", "never sent unencrypted"),
        ({"auth": "entra", "method": "azure_cli", "user_name": ""}, "user_name", "Name the user"),
        ({"auth": "entra", "method": "client_secret", "tenant_id": "t"}, "client_id", "portal shows"),
        ({"kind": "sqlite", "endpoint": "relative.db"}, "endpoint", "whole path"),
        ({**VAULT, "endpoint": "http://contoso"}, "endpoint", "no vault"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(client_alice, changes, field, words):
    response = create(client_alice, **changes)

    assert response.status_code == 422
    assert words in str(response.context["form"].errors[field])
    assert not Connection.objects.exists()


def test_the_other_kinds_have_what_they_need(client_alice):
    create(client_alice, **VAULT)
    create(client_alice, kind="sqlite", name="file", endpoint="/srv/a.db", auth="", key="")
    create(
        client_alice,
        kind="sql_server",
        name="azure",
        endpoint="c.database.windows.net",
        auth="entra",
        method="azure_cli",
    )

    vault, file, azure = (Connection.objects.get(name=name).data_target() for name in ("customers", "file", "azure"))
    assert (vault.address.url, vault.identity.method) == ("https://contoso-vault.vault.azure.net", "managed_identity")
    assert (file.address.database, file.identity, file.user) == ("/srv/a.db", None, "")
    assert (azure.address.port, azure.identity.method, azure.user) == (1433, "azure_cli", "")


def test_another_host_asks_for_the_password_again_and_another_database_does_not(client_alice):
    create(client_alice)
    stored = Connection.objects.get()
    url = reverse("connections:edit", args=[stored.pk])

    moved = client_alice.post(url, posted(endpoint="evil.example", key=""))
    assert moved.status_code == 422
    assert "not sent there" in str(moved.context["form"].errors["key"])
    assert client_alice.post(url, posted(database="other", key="")).status_code == 302
    stored.refresh_from_db()
    assert (stored.endpoint, stored.key) == ("postgresql://db.contoso.com:5432/other", Secret(PLANTED_KEY))


def test_choosing_a_kind_swaps_the_form_and_keeps_the_name(client_alice):
    url = reverse("connections:new")
    whole = client_alice.get(url, {"kind": "sqlite"}).content.decode()
    assert "FOUNDRYFLOW_SQLITE_DIRECTORIES" in whole
    swapped = client_alice.get(
        url, {"kind": "sql_server", "name": "crm"}, headers={"HX-Request": "true"}
    ).content.decode()
    assert "<html" not in swapped
    assert 'value="crm"' in swapped
    assert 'name="user_name"' in swapped
    assert 'name="model"' not in swapped


def test_the_panel_offers_the_kinds_of_its_property_only(client_alice):
    url = reverse("connections:new_in_panel")
    offered = client_alice.get(url, {"kinds": "postgresql,sqlite"}).content.decode()
    assert "SQLite file" in offered
    assert "Azure Key Vault" not in offered
    assert 'value="postgresql"' in offered
    assert "Kind of connection" not in client_alice.get(url).content.decode()

    made = client_alice.post(reverse("connections:create_in_panel"), posted(kinds="postgresql,sqlite"))
    assert json.loads(made.headers["HX-Trigger"]) == {"connection-created": {"name": "customers", "model": ""}}
    other = client_alice.post(
        reverse("connections:create_in_panel"), posted(kind="key_vault", kinds="postgresql", name="x")
    )
    assert Connection.objects.get(name="x").kind == "postgresql", other


def test_the_own_identity_is_no_guest_of_strangers(client_alice):
    create(client_alice, auth="entra", method="managed_identity")
    page = client_alice.get(reverse("connections:edit", args=[Connection.objects.get().pk])).content.decode()
    assert "gets no token of this server" in page


@pytest.fixture
def crm(tmp_path, settings):
    """A file that connections may open."""
    settings.SQLITE_DIRECTORIES = [str(tmp_path)]
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE customers (id, api_key)")
        made.execute("INSERT INTO customers VALUES (1, ?)", [PLANTED_KEY])
    made.close()
    return path


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "ok", "words"), [("crm.db", True, "The sign-in works"), ("none.db", False, "No such file")]
)
async def test_test_signs_in_with_the_unsaved_form_and_keeps_the_outcome(alice, crm, name, ok, words):
    address = f"sqlite://{crm.parent / name}"
    stored = await Connection.objects.acreate(name="crm", kind="sqlite", endpoint=address, key=Secret(""))
    client = AsyncClient()
    await client.aforce_login(alice)
    form = {"kind": "sqlite", "name": "crm", "endpoint": str(crm.parent / name)}

    new = await client.post(reverse("connections:test_new"), form, headers={"HX-Request": "true"})
    assert words in new.content.decode()
    whole = await client.post(reverse("connections:test", args=[stored.pk]), form)
    assert words in whole.content.decode()
    await stored.arefresh_from_db()
    assert stored.check_ok is ok
    await close_client()


@pytest.mark.django_db(transaction=True)
def test_the_command_adds_lists_and_tests_every_kind(crm, capsys, monkeypatch):
    call_command("connection", "add", "crm", kind="sqlite", endpoint=str(crm))
    call_command("connection", "test", "crm")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PLANTED_KEY}\n"))
    call_command("connection", "add", "pg", kind="postgresql", endpoint="127.0.0.1:1", database="d", user="u")
    with pytest.raises(CommandError, match="blocked_destination"):
        call_command("connection", "test", "pg")
    call_command("connection", "list")

    said = capsys.readouterr().out
    assert "crm: SQLite file" in said
    assert "answered as SQLite file" in said
    assert "pg  PostgreSQL  postgresql://127.0.0.1:1/d" in said
    assert PLANTED_KEY not in said


@pytest.mark.django_db(transaction=True)
def test_a_run_queries_a_stored_connection_and_shows_no_secret(crm):
    Connection.objects.create(name="crm", kind="sqlite", endpoint=f"sqlite://{crm}", key=Secret(""))
    properties = {"connection": "crm", "sql": "SELECT * FROM customers", "secret_columns": "api_key"}
    action = {"id": "q", "type": "query_database", "properties": properties}
    returned = {"id": "r", "type": "return", "properties": {"value": "{{ result[0].id }}"}}
    run = make_run(make_flow({"format": "foundryflow/1", "name": "x", "actions": [action, returned]}))
    asyncio.run(embedded.run_here(run))

    run.refresh_from_db()
    assert (run.state, run.output) == ("succeeded", 1), run.error
    assert run.actions.get(path="q").output == [{"id": 1, "api_key": "••••"}]


@pytest.mark.django_db(transaction=True)
def test_an_action_refuses_a_connection_of_another_kind():
    make_connection("contoso")
    action = {"id": "q", "type": "query_database", "properties": {"connection": "contoso", "sql": "SELECT 1"}}
    run = make_run(make_flow({"format": "foundryflow/1", "name": "x", "actions": [action]}))
    asyncio.run(embedded.run_here(run))

    run.refresh_from_db()
    assert run.error["kind"] == "connection_kind"
