"""What is suggested for the name of a deployment: what was called before, and what the service lists."""

import asyncio
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse
from django.utils import timezone

from connections.models import LearntLesson
from flows.designer import deployments, suggestions
from flows.designer.deployments import known_deployments
from flows.designer.suggestions import Suggestion, merge_suggestions
from flows.models import UsageSeries
from tests.factories import make_connection

ADDRESS = reverse("designer:deployments", args=["answer"])


@pytest.fixture
def ask(ask_designer):
    return partial(ask_designer, ADDRESS)


def used(number, deployment, connection="contoso", error=""):
    UsageSeries.objects.create(id=number, flow=1, connection=connection, deployment=deployment, error=error)


@pytest.mark.django_db
def test_those_that_a_test_or_a_run_has_called_are_known():
    connection = make_connection()
    connection.default_model = "gpt-5.2"
    connection.save()
    used(1, "gpt-5.2")
    used(2, "o4-mini")
    used(3, "wrong", error="not_found_deployment")
    used(4, "theirs", connection="other")
    LearntLesson.objects.create(
        endpoint=connection.endpoint, model="grok-3", parameter="seed", value="", learned_at=timezone.now()
    )
    assert known_deployments(connection) == [
        Suggestion("gpt-5.2", "used by its test · used in runs"),
        Suggestion("o4-mini", "used in runs"),
        Suggestion("grok-3", "called before"),
    ]


def test_each_is_suggested_once():
    found = [Suggestion("a", "gpt-5.2"), Suggestion("b", ""), Suggestion("a", "used in runs")]
    assert merge_suggestions(found) == [Suggestion("a", "gpt-5.2 · used in runs"), Suggestion("b", "")]


async def test_what_is_known_comes_at_once_and_the_service_is_asked_next(ask, monkeypatch):
    await sync_to_async(make_connection)()
    await sync_to_async(used)(1, "o4-mini")
    monkeypatch.setattr(deployments, "foundry_client", lambda: pytest.fail("the service was asked"))
    page = await ask(connection="contoso")
    assert 'data-value="o4-mini"' in page
    assert f'hx-get="{ADDRESS}?connection=contoso&amp;ask=1"' in page


async def test_the_service_lists_its_deployments(ask, simulator):
    connection = await sync_to_async(make_connection)("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    connection.spill_over_to = await sync_to_async(make_connection)()
    await connection.asave()
    page = await ask(connection="simulator", ask="1")
    assert 'data-value="gpt-4o-mini"' in page
    assert "listed by simulator." in page
    assert "hx-get" not in page


async def test_a_service_that_does_not_answer_in_time_is_not_waited_for(ask, monkeypatch):
    class Silent:
        async def deployments(self, target):
            await asyncio.sleep(60)

    await sync_to_async(make_connection)()
    await sync_to_async(used)(1, "o4-mini")
    monkeypatch.setattr(suggestions, "LISTING", 0.01)
    monkeypatch.setattr(deployments, "foundry_client", Silent)
    page = await ask(connection="contoso", ask="1")
    assert 'data-value="o4-mini"' in page
    assert "contoso gives no list" in page


async def test_without_a_connection_it_says_what_to_do(ask):
    assert "Choose a connection" in await ask(connection="")
    assert "There is no connection gone to ask." in await ask(connection="gone", ask="1")


async def test_only_who_edits_a_flow_that_is_there_may_ask(alice, bob, transactional_db):
    client = AsyncClient()
    await client.aforce_login(bob)
    assert (await client.get(ADDRESS)).status_code == 403
    await client.aforce_login(alice)
    assert (await client.get(ADDRESS)).status_code == 404
