"""Connections as a person keeps them: create, edit, delete, test; the key is never seen again."""

import json

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.clients import close_client
from connections.contexts import lessons_by_deployment
from connections.fields import KeyUnreadable, UnreadableSecret
from connections.forms import ConnectionForm
from connections.foundry.values import Limits, WhenReached
from connections.models import Connection
from connections.secret import Secret
from foundryflow.models import AuditEntry
from tests.factories import PLANTED_KEY, make_connection, make_flow
from tests.markup import one_line

ENDPOINT = "https://contoso.openai.azure.com/openai/v1"


def posted(**changes):
    return {"name": "contoso", "endpoint": ENDPOINT, "key": PLANTED_KEY, "default_model": "", **changes}


def test_a_connection_is_created_encrypted_and_audited(client_alice):
    response = client_alice.post(reverse("connections:new"), posted())
    assert response.status_code == 302
    assert Connection.objects.get().key == Secret(PLANTED_KEY)
    with database.cursor() as cursor:
        cursor.execute("SELECT key FROM connections_connection")
        assert PLANTED_KEY not in cursor.fetchone()[0]
    assert list(AuditEntry.objects.values_list("verb", "subject", "detail")) == [
        ("created", "contoso", "as Foundry v1, with a key")
    ]


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "needs a name"),
        ({"endpoint": "https://ai.azure.com/x"}, "endpoint", "portal page"),
        ({"key": ""}, "key", "needs a key"),
        ({"key": "https://contoso.openai.azure.com"}, "key", "That is a URL"),
        ({"key": "two words"}, "key", "no blanks"),
    ],
)
def test_bad_input_names_the_field_and_changes_nothing(client_alice, changes, field, words):
    response = client_alice.post(reverse("connections:new"), posted(**changes))
    assert response.status_code == 422
    assert words in str(response.context["form"].errors[field])
    assert PLANTED_KEY not in response.content.decode()
    assert not Connection.objects.exists()


def test_a_form_that_htmx_sends_is_refused_in_place_and_leads_on_as_a_whole_page(client_alice):
    htmx = {"HX-Request": "true"}
    refused = client_alice.post(reverse("connections:new"), posted(name=""), headers=htmx)
    assert (refused.status_code, "<html" in refused.content.decode()) == (422, False)
    saved = client_alice.post(reverse("connections:new"), posted(), headers=htmx)
    assert saved.headers["HX-Redirect"] == reverse("connections:list")
    edit = reverse("connections:edit", args=[Connection.objects.get().pk])
    assert client_alice.post(edit, posted(key=""), headers=htmx).headers["HX-Redirect"] == edit


def form(**data):
    return ConnectionForm(posted(**data))


def test_limits_are_typed_in_the_form_and_checked(db):
    other = make_connection("other")
    typed = form(name="a", max_calls="3", requests_per_minute="60", when_reached="spill", spill_over_to="other")
    assert typed.is_valid(), typed.errors
    connection = Connection()
    typed.fill(connection)
    connection.save()
    limits = Connection.objects.get(name="a").target().limits
    assert limits == Limits(calls=3, requests=60, when_reached=WhenReached.SPILL, spill_over_to="other")
    assert other.target().limits is None
    for wrong in ({"max_calls": "0"}, {"spill_over_to": "none"}, {"when_reached": "spill"}, {"tokens_per_day": "x"}):
        assert not form(**wrong).is_valid()
    circle = ConnectionForm(
        {"name": "other", "endpoint": other.endpoint, "when_reached": "spill", "spill_over_to": "a"}, stored=other
    )
    assert "comes back to this connection" in str(circle.errors["spill_over_to"])


def test_a_name_is_unique_and_checked_while_typing(client_alice):
    make_connection()
    assert client_alice.post(reverse("connections:new"), posted()).status_code == 422
    check = client_alice.get(reverse("connections:check_name"), {"name": "contoso"})
    assert "There is a connection of this name" in check.content.decode()


def test_an_endpoint_is_recognised_while_pasting(client_alice):
    answer = client_alice.post(
        reverse("connections:recognise"), {"endpoint": "contoso.openai.azure.com"}
    ).content.decode()
    assert "https://contoso.openai.azure.com/openai/v1/chat/completions" in answer
    answer = client_alice.post(reverse("connections:recognise"), {"endpoint": "https://ai.azure.com"}).content.decode()
    assert "portal page" in answer


def test_a_blank_key_keeps_the_stored_one(client_alice):
    stored = make_connection()
    assert (
        client_alice.post(reverse("connections:edit", args=[stored.pk]), posted(key="", name="renamed")).status_code
        == 302
    )
    stored.refresh_from_db()
    assert (stored.name, stored.key) == ("renamed", Secret(PLANTED_KEY))


def test_another_host_asks_for_the_key_again(client_alice):
    stored = make_connection()
    changed = posted(key="", endpoint="https://evil.openai.azure.com/openai/v1")
    response = client_alice.post(reverse("connections:edit", args=[stored.pk]), changed)
    assert response.status_code == 422
    assert "host of the endpoint has changed" in str(response.context["form"].errors["key"])
    response = client_alice.post(reverse("connections:test", args=[stored.pk]), {**changed, "model": "m"})
    assert response.status_code == 422


def test_a_key_is_in_no_page(client_alice):
    stored = make_connection()
    pages = [
        reverse("connections:list"),
        reverse("connections:edit", args=[stored.pk]),
        reverse("connections:delete", args=[stored.pk]),
    ]
    for page in pages:
        assert PLANTED_KEY not in client_alice.get(page).content.decode()
    assert f"fingerprint <code>{stored.fingerprint}</code>" in client_alice.get(pages[1]).content.decode()


def make_unreadable(stored):
    with database.cursor() as cursor:
        cursor.execute("UPDATE connections_connection SET key = 'gAAAAABmnot-a-token' WHERE id = %s", [stored.pk])


def test_a_key_that_cannot_be_decrypted_is_never_the_ciphertext(client_alice):
    stored = make_connection()
    make_unreadable(stored)
    found = Connection.objects.get()
    assert isinstance(found.key, UnreadableSecret)
    with pytest.raises(KeyUnreadable):
        found.target()
    for page in (reverse("connections:list"), reverse("connections:edit", args=[stored.pk])):
        assert "re-enter the key" in one_line(client_alice.get(page).content.decode()).lower()
    assert client_alice.post(reverse("connections:edit", args=[stored.pk]), posted(key="")).status_code == 422
    assert client_alice.post(reverse("connections:edit", args=[stored.pk]), posted(key="new")).status_code == 302
    assert Connection.objects.get().key == Secret("new")


def test_delete_shows_where_it_is_used_and_refuses_while_it_is(client_alice):
    stored = make_connection("simulator")
    flow = make_flow("bar-static")
    page = client_alice.get(reverse("connections:delete", args=[stored.pk])).content.decode()
    assert flow.name in page
    assert client_alice.post(reverse("connections:delete", args=[stored.pk])).status_code == 409
    flow.remove()
    assert client_alice.post(reverse("connections:delete", args=[stored.pk])).status_code == 302
    assert not Connection.objects.exists()


def test_a_connection_that_flows_use_keeps_its_name(client_alice):
    stored = make_connection("simulator")
    make_flow("bar-static")
    response = client_alice.post(reverse("connections:edit", args=[stored.pk]), posted(name="other", key=""))
    assert response.status_code == 422
    assert "Flows use it by its name" in str(response.context["form"].errors["name"])


def test_readers_see_the_list_and_change_nothing(client_bob):
    stored = make_connection()
    assert client_bob.get(reverse("connections:list")).status_code == 200
    assert client_bob.get(reverse("connections:edit", args=[stored.pk])).status_code == 403
    assert client_bob.post(reverse("connections:delete", args=[stored.pk])).status_code == 403


def test_a_connection_created_in_the_panel_tells_its_name(client_alice):
    response = client_alice.post(reverse("connections:create_in_panel"), posted())
    assert json.loads(response.headers["HX-Trigger"]) == {"connection-created": {"name": "contoso", "model": ""}}
    response = client_alice.post(reverse("connections:create_in_panel"), posted())
    assert response.status_code == 422
    assert PLANTED_KEY not in response.content.decode()


@pytest.fixture
async def async_alice(alice):
    """The test of a connection is an async view: its client lives on the loop of the test."""
    client = AsyncClient()
    await client.aforce_login(alice)
    yield client
    await close_client()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("key", "words"), [("simulator", "The deployment answered"), ("wrong", "the key was refused")])
async def test_test_sends_one_tiny_call_with_the_unsaved_form(async_alice, simulator, key, words):
    form = posted(endpoint=f"{simulator}/openai/v1", key=key, model="fast")
    response = await async_alice.post(reverse("connections:test_new"), form, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not await Connection.objects.aexists()


@pytest.mark.django_db(transaction=True)
async def test_a_test_of_a_deployment_that_embeds_says_so(async_alice, simulator):
    form = posted(endpoint=f"{simulator}/openai/v1", key="simulator", model="text-embedding-3-small")
    response = await async_alice.post(reverse("connections:test_new"), form, headers={"HX-Request": "true"})
    assert "<b>The deployment makes embeddings</b> of 8 numbers, and does not chat." in one_line(
        response.content.decode()
    )


@pytest.mark.django_db(transaction=True)
async def test_a_text_is_embedded_by_a_test_and_shown_by_its_first_values(async_alice, simulator):
    stored = await sync_to_async(make_connection)("sim", endpoint=f"{simulator}/openai/v1", key="simulator")
    form = posted(name="sim", endpoint=stored.endpoint, key="", model="text-embedding-3-small", embed="Two words")
    url = reverse("connections:test", args=[stored.pk])
    shown = one_line((await async_alice.post(url, form, headers={"HX-Request": "true"})).content.decode())
    assert "<b>The deployment makes embeddings</b> of 8 numbers. Key, address and deployment are right." in shown
    assert "First values" in shown
    form |= {"model": "gpt-4o-mini"}
    refused = (await async_alice.post(url, form, headers={"HX-Request": "true"})).content.decode()
    assert "gpt-4o-mini makes no embeddings." in refused
    assert "Not embedded" in refused
    await stored.arefresh_from_db()
    assert stored.check_ok  # the connection is as well as it was
    learned = await sync_to_async(get_learned)(stored)
    assert learned == [("gpt-4o-mini", "Embeddings", "None are made; flows that ask for them get a warning")]


@pytest.mark.django_db(transaction=True)
async def test_what_the_service_lists_is_kept_with_the_connection(async_alice, simulator):
    address = f"{simulator}/api/projects/shop"
    stored = await sync_to_async(make_connection)("sim", endpoint=f"{address}/openai/v1", key="simulator")
    form = posted(name="sim", endpoint=stored.endpoint, key="", model="gpt-4o-mini")
    await async_alice.post(reverse("connections:test", args=[stored.pk]), form, headers={"HX-Request": "true"})
    await stored.arefresh_from_db()
    assert "gpt-4o" in stored.without_embeddings
    assert "text-embedding-3-small" not in stored.without_embeddings
    stored.endpoint = f"{simulator}/openai/v1"
    assert stored.without_embeddings == frozenset()


def get_learned(connection):
    return [(model, row.title, row.effect) for model, rows in lessons_by_deployment(connection) for row in rows]


@pytest.mark.django_db(transaction=True)
async def test_the_outcome_of_a_test_is_kept_for_the_list(async_alice, simulator):
    stored = await sync_to_async(make_connection)("sim", endpoint=f"{simulator}/openai/v1", key="simulator")
    form = posted(name="sim", endpoint=stored.endpoint, key="", model="fast")
    await async_alice.post(reverse("connections:test", args=[stored.pk]), form)
    await stored.arefresh_from_db()
    assert (stored.check_ok, stored.check_status) == (True, 200)


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_runs_in_the_same_number_of_queries(client_alice, count):
    for n in range(count):
        make_connection(f"c{n}")
    make_flow()
    client_alice.get(reverse("connections:list"))
    with CaptureQueriesContext(
        database,
    ) as queries:
        client_alice.get(reverse("connections:list"))
    assert len(queries) == 6
