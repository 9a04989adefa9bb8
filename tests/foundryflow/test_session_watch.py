"""Whoever listens to a stream is looked at again and again: session, person and role."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.test import AsyncClient

from flows.engine.live import hub
from foundryflow import session_watch
from foundryflow.accounts import give_role
from foundryflow.roles import Role
from foundryflow.session_watch import Listener, SessionWatch, refused_listeners
from foundryflow.sign_in.session_limits import SEEN, SINCE
from tests.factories import make_flow, make_run


@pytest.fixture
def listener(client_bob, bob):
    return Listener(client_bob.session.session_key, bob.pk, Role.READER)


def change_session(client, **values):
    session = client.session
    session.update(values)
    session.save()


def test_somebody_whose_session_goes_on_listens_on(listener):
    assert refused_listeners([listener]) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda client, bob: SessionStore(client.session.session_key).delete(),
        lambda client, bob: client.logout(),
        lambda client, bob: User.objects.filter(pk=bob.pk).update(is_active=False),
        lambda client, bob: give_role(bob, Role.EDITOR, by=None),
        lambda client, bob: (bob.set_password("a wholly other password"), bob.save()),
        lambda client, bob: bob.delete(),
        lambda client, bob: change_session(client, **{SEEN: 0}),
        lambda client, bob: change_session(client, **{SINCE: 0}),
    ],
    ids=["ended", "signed out", "deactivated", "another role", "new password", "removed", "idle", "too long"],
)
def test_somebody_who_may_not_any_more_is_refused(listener, client_bob, bob, change):
    change(client_bob, bob)
    assert refused_listeners([listener]) == [listener]


def test_one_look_asks_for_everybody(listener, client_alice, alice, django_assert_num_queries):
    both = [listener, Listener(client_alice.session.session_key, alice.pk, Role.ADMINISTRATOR)]
    with django_assert_num_queries(2):
        assert refused_listeners(both) == []


async def test_two_streams_of_one_session_end_together_and_leave_nothing_behind(monkeypatch):
    refused = []
    monkeypatch.setattr(session_watch, "PAUSE", 0.01)
    monkeypatch.setattr(session_watch, "refused_listeners", lambda listeners: refused)
    watch, who = SessionWatch(), Listener("key", 1, Role.READER)
    streams = [asyncio.create_task(watch.wait(who)) for _ in range(2)]
    other = asyncio.create_task(watch.wait(Listener("other", 2, Role.READER)))
    await asyncio.sleep(0)
    refused.append(who)
    await asyncio.wait_for(asyncio.gather(*streams), 5)
    assert not other.done()
    other.cancel()
    await asyncio.gather(other, return_exceptions=True)
    async with asyncio.timeout(5):  # the look that goes on in a thread ends first
        while asyncio.all_tasks() != {asyncio.current_task()}:
            await asyncio.sleep(0.01)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", [{"is_active": False}, {"password": "another hash"}])
async def test_the_stream_of_a_page_ends_though_nothing_happens_in_its_run(monkeypatch, change):
    monkeypatch.setattr(session_watch, "PAUSE", 0.05)
    monkeypatch.setattr(hub, "closing", False)  # as an engine that has stopped in this process leaves it
    bo = await User.objects.acreate_user("bo@contoso.example", password="a long enough password")
    run = await sync_to_async(lambda: make_run(make_flow(), question="x"))()
    client = AsyncClient()
    await client.aforce_login(bo)
    response = await client.get(f"/runs/{run.pk}/stream/")
    assert response.status_code == 200

    async def follow():
        return [piece async for piece in response]

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.3)
    assert not following.done(), following.result()
    await User.objects.filter(pk=bo.pk).aupdate(**change)
    await asyncio.wait_for(following, 10)
    assert (await client.get(f"/runs/{run.pk}/stream/", headers={"HX-Request": "true"})).status_code == 401
