"""The page of a session: what it shows, to whom, and in how many queries."""

import pytest
from asgiref.sync import sync_to_async
from django.db import connection as database
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from connections.clients import close_client
from flows.playground.chat import ask
from flows.playground.models import Session, Turn
from tests.factories import PLANTED_KEY, make_connection
from tests.playground.chat.session_page.session_steps import body, talk_of, url


def test_the_first_visit_makes_a_session_with_the_only_connection(client_alice, alice):
    connection = make_connection("contoso")
    type(connection).objects.update(default_model="gpt-4o-mini")
    response = client_alice.get(reverse("playground:index"))
    session = Session.objects.get()
    assert response.url == url("show", session.pk)
    assert (session.owner, session.setup["connection"], session.setup["model"]) == (alice, "contoso", "gpt-4o-mini")
    assert client_alice.get(reverse("playground:index")).url == response.url


def test_a_new_session_begins_with_the_deployment_used_last(client_alice, session):
    assert client_alice.get(reverse("playground:new")).status_code == 405
    client_alice.post(reverse("playground:new"))
    made = Session.objects.exclude(pk=session.pk).get()
    assert (made.name, made.setup["model"]) == (ask.UNNAMED, "gpt-4o-mini")


def test_a_reader_without_shared_sessions_is_told_so(client_bob):
    assert "Nobody has shared a session yet" in body(client_bob.get(reverse("playground:index")))


def test_the_page_shows_settings_questions_and_figures(client_alice, session):
    talk_of(session, 2)
    page = body(client_alice.get(url("show", session.pk)))
    for words in (
        "Question 1",
        "<p>Answer 1</p>",
        "0.42 s",
        "2.10 s",
        "742 in · 118 out",
        "stop",
        "r-1",
        "4 messages, about",
    ):
        assert words in page
    assert PLANTED_KEY not in page


def test_others_see_shared_sessions_alone_and_change_nothing(client_bob, session):
    assert client_bob.get(url("show", session.pk)).status_code == 404
    Session.objects.update(shared=True)
    page = body(client_bob.get(url("show", session.pk)))
    assert "read only" in page
    assert "composer" not in page
    assert client_bob.post(url("save", session.pk), {"instructions": "Mine"}).status_code == 403


def test_another_editor_may_only_fork(client_bob, bob, session):
    bob.is_staff = True
    bob.save()
    Session.objects.update(shared=True)
    assert client_bob.post(url("save", session.pk), {"instructions": "Mine"}).status_code == 403
    assert client_bob.post(url("ask", session.pk), {"prompt": "Why?"}).status_code == 403
    assert not Turn.objects.exists()


def test_runs_of_a_flow_lead_back_to_the_session(client_alice, session):
    ask.ask_question(session, "Why?", [], session.owner)
    response = client_alice.get(session.flow.get_absolute_url())
    assert response.url == url("show", session.pk)


@pytest.mark.parametrize("count", [1, 30, 500])
def test_the_page_takes_the_same_number_of_queries(client_alice, session, count):
    talk_of(session, count)
    with CaptureQueriesContext(database) as queries:
        client_alice.get(url("show", session.pk))
    assert len(queries) == 14


def test_a_long_session_shows_its_newest_30_turns_and_the_earlier_ones_when_asked(client_alice, session):
    talk_of(session, 500)
    page = body(client_alice.get(url("show", session.pk)))
    assert page.count('class="turn"') == 30
    assert "Earlier (470)" in page
    oldest = Turn.objects.order_by("pk")[470]
    more = body(client_alice.get(url("earlier", session.pk), {"before": oldest.pk}))
    assert more.count('class="turn"') == 30
    assert "Question 469" in more
    assert "Earlier (440)" in more
    assert client_alice.get(url("earlier", session.pk)).status_code == 404


@pytest.mark.django_db(transaction=True)
async def test_deployments_are_listed_where_the_service_lists_them(alice, bob, simulator):
    await sync_to_async(make_connection)("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    await sync_to_async(make_connection)("nowhere", endpoint="https://nowhere.invalid/openai/v1")
    address, client = reverse("playground:deployments"), AsyncClient()
    try:
        await client.aforce_login(alice)
        assert '<option value="gpt-4o-mini">' in body(await client.get(address, {"connection": "simulator"}))
        of_a_column = {"column": "1", "column-1-connection": "simulator"}
        assert '<option value="gpt-4o-mini">' in body(await client.get(address, of_a_column))
        assert "<option" not in body(await client.get(address, {"connection": "nowhere"}))
        assert "<option" not in body(await client.get(address, {"connection": "gone"}))
        await client.aforce_login(bob)
        assert (await client.get(address)).status_code == 403
    finally:
        await close_client()
