"""A connection that is the endpoint of an agent: its test names no deployment, and says what it is."""

from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.test import AsyncClient
from django.urls import reverse

from connections.check_rounds import check_stored
from connections.clients import close_client
from connections.models import Connection
from flows.models import UsageSeries
from tests.factories import make_connection
from tests.markup import one_line

AGENT = "/api/projects/P/agents/helper/endpoint/protocols/openai"


def form_of(simulator, **changes):
    form = {"name": "helper", "endpoint": f"{simulator}{AGENT}", "key": "simulator", "default_model": "", "model": ""}
    return {**form, **changes}


@pytest.fixture
async def async_alice(alice):
    client = AsyncClient()
    await client.aforce_login(alice)
    yield client
    await close_client()


@sync_to_async
def stored_agent(simulator):
    return make_connection("helper", endpoint=f"{simulator}{AGENT}/responses?api-version=v1", key="simulator")


@pytest.mark.django_db(transaction=True)
async def test_a_form_is_tested_without_a_deployment_and_says_what_answered(async_alice, simulator):
    answer = await async_alice.post(reverse("connections:test_new"), form_of(simulator))
    page = one_line(answer.content.decode())
    assert "Agent helper answered." in page
    assert "prompt agent · gpt-5.2 · version 3" in page
    await async_alice.post(reverse("connections:new"), form_of(simulator))
    stored = await Connection.objects.aget()
    assert (stored.check_ok, stored.default_model, stored.label) == (True, "", "Foundry agent")


@pytest.mark.django_db(transaction=True)
async def test_a_model_is_tested_with_a_deployment(async_alice, simulator):
    answer = await async_alice.post(
        reverse("connections:test_new"), form_of(simulator, endpoint=f"{simulator}/api/projects/P")
    )
    assert "Type the name of a deployment to test with." in answer.content.decode()


@pytest.mark.django_db(transaction=True)
async def test_the_test_of_all_asks_the_agent(simulator):
    connection = await stored_agent(simulator)
    outcome = await check_stored(connection.pk)
    assert (outcome.ok, outcome.agent.name) == (True, "helper")
    await close_client()


@pytest.mark.django_db(transaction=True)
async def test_the_test_of_a_project_calls_a_deployment_and_no_agent(simulator):
    connection = await sync_to_async(make_connection)(
        "project", endpoint=f"{simulator}/api/projects/P/openai/v1", key="simulator"
    )
    await UsageSeries.objects.acreate(id=1, flow=1, connection="project", deployment="agent helper", error="")
    outcome = await check_stored(connection.pk)
    assert (outcome.ok, outcome.request["body"]["model"]) == (True, "gpt-4o-mini")
    await close_client()


@pytest.mark.django_db(transaction=True)
def test_the_command_says_what_answered(simulator):
    make_connection("helper", endpoint=f"{simulator}{AGENT}/responses?api-version=v1", key="simulator")
    said = StringIO()
    call_command("connection", "test", "helper", stdout=said)
    assert "helper: prompt agent · gpt-5.2 · version 3" in said.getvalue()
