"""What is suggested for the name of an agent: those that runs have asked, and what the project lists."""

from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient
from django.urls import reverse

from flows.designer.deployments import known_deployments
from flows.models import UsageSeries
from tests.factories import make_connection

ADDRESS = reverse("designer:agents", args=["answer"])


@pytest.fixture
def ask(ask_designer):
    return partial(ask_designer, ADDRESS)


@sync_to_async
def project(simulator, path="", **more):
    return make_connection("project", endpoint=f"{simulator}/api/projects/P{path}", key="simulator", **more)


async def test_those_that_runs_have_asked_come_at_once(ask, simulator):
    connection = await project(simulator)
    await UsageSeries.objects.acreate(id=1, flow=1, connection="project", deployment="agent researcher", error="")
    page = await ask(connection="project")
    assert 'data-value="researcher"' in page
    assert f'hx-get="{ADDRESS}?connection=project&amp;ask=1"' in page
    assert await sync_to_async(known_deployments)(connection) == []


async def test_the_project_lists_its_agents_with_what_they_are(ask, simulator):
    await project(simulator)
    page = await ask(connection="project", ask="1")
    assert 'data-value="helper"' in page
    assert "prompt agent · gpt-5.2 · version 3" in page
    assert "7 listed by project." in page


async def test_a_project_that_gives_no_list_says_to_type_the_name(ask, simulator):
    connection = await project(simulator)
    connection.key = "wrong"
    await connection.asave()
    assert "gives no list; type the name" in await ask(connection="project", ask="1")


@pytest.mark.parametrize(
    ("path", "words"),
    [("/agents/helper/endpoint/protocols/openai/responses?api-version=v1", "is the endpoint of one agent")],
)
async def test_where_there_is_nothing_to_choose_it_says_why(ask, simulator, path, words):
    await project(simulator, path)
    await sync_to_async(make_connection)("resource")
    assert words in await ask(connection="project")
    assert "resource has no agents" in await ask(connection="resource")
    assert "Choose a connection" in await ask(connection="")
    assert "There is no connection gone to ask." in await ask(connection="gone", ask="1")


async def test_only_who_edits_a_flow_that_is_there_may_ask(alice, bob, transactional_db):
    client = AsyncClient()
    await client.aforce_login(bob)
    assert (await client.get(ADDRESS)).status_code == 403
    await client.aforce_login(alice)
    assert (await client.get(ADDRESS)).status_code == 404
