"""Answers as they come: the feed of a session, with the real engine against the simulator."""

import asyncio
import re

import pytest
from asgiref.sync import sync_to_async
from django.urls import reverse

from flows.engine import embedded
from flows.engine.live import hub
from flows.models import LIVE, State
from flows.playground.chat import edits, stream
from flows.playground.chat.ask import ask_question
from flows.playground.chat.stream import AnswerFeed, FollowedAnswer, follow
from flows.playground.chat.talk import CallProgress
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import ACTION, Setup
from tests.factories import make_connection
from tests.markup import one_line

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(simulator, alice):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    setup = Setup(connection="simulator", model="long-60")
    return Session.objects.create(name="Invoices", owner=alice, setup=setup.to_json())


@sync_to_async
def ask(session, prompt="Why?"):
    return ask_question(session, prompt, [], session.owner)


@sync_to_async
def stop(session):
    return edits.stop_calls(session, session.owner)


async def events_of(session, *, until=None):
    """All events, or those up to one that says `until`."""
    found = []
    shown = [pk async for pk in Answer.objects.filter(state__in=LIVE).values_list("pk", flat=True)]
    feed = follow(session, shown, can_edit=True)
    async with asyncio.timeout(60):
        async for piece in feed:
            found.append(piece.decode())
            if until and until in found[-1]:
                break
    await feed.aclose()
    return found


def markup(events):
    """What the browser reads of them, on one line."""
    return one_line(events.replace("data: ", ""))


@pytest.fixture
async def engine():
    await embedded.open_engine()
    yield
    await embedded.close_engine()


async def test_an_answer_streams_and_ends_with_its_markdown_and_its_figures(session, engine):
    turn = await ask(session)
    events = await events_of(session)
    answer = await Answer.objects.aget(turn=turn)
    assert f'hx-target="#answer-{answer.pk}"' in events[0]
    assert any('role="log"' in event for event in events[:2])  # it may wait for its turn first
    final = next(event for event in events if "First token" in event)
    assert 'class="answer-text markdown"' in final
    assert "word59" in final
    assert "First token" in final
    assert sum('class="answer-text markdown"' in event for event in events) == 1
    last = events[-1]
    assert '<div id="feed" hidden></div>' in last
    assert "data-send" in last
    assert "2 messages, about" in last
    assert answer.state == State.SUCCEEDED


async def test_text_is_appended_and_nothing_of_it_is_lost_or_sent_twice(session, engine):
    session.setup = {**session.setup, "model": "long-400"}
    await session.asave()
    turn = await ask(session)
    events = await events_of(session)
    answer = await Answer.objects.aget(turn=turn)
    opening = next(event for event in events if 'id="text-' in event)  # it may wait for its turn first
    first = re.search(r'id="text-\d+"[^>]*>([^<]*)</div>', opening)
    added = [re.findall(rf'hx-target="#text-{answer.pk}" hx-swap="beforeend">([^<]*)<', event) for event in events]
    text = first[1] + "".join(piece for pieces in added for piece in pieces)
    assert answer.text.startswith(text.strip())


async def test_a_reload_in_the_middle_shows_what_has_come_and_goes_on(session, engine):
    session.setup = {**session.setup, "model": "hang-in-stream"}
    await session.asave()
    await ask(session)
    await events_of(session, until="Simulated")
    again = await events_of(session, until="Simulated")
    assert ">Simulated" in again[0]
    # Who left has ended a subscription and nothing else.
    assert await stop(session) == 1
    rest = await events_of(session)
    assert "Stopped" in "".join(rest)
    answer = await Answer.objects.aget()
    assert answer.state == State.CANCELLED
    assert answer.text.startswith("Simulated")


async def test_a_wait_says_why_and_until_when(session, engine):
    session.setup = {**session.setup, "model": "retry-s-only-2"}
    await session.asave()
    await ask(session)
    events = await events_of(session, until="Waiting:")
    assert re.search(r"Waiting: [^<]+, goes on at \d\d:\d\d:\d\d", events[-1])
    await stop(session)


async def test_a_failure_ends_in_its_explanation(session, engine):
    session.setup = {**session.setup, "model": "content-filter"}
    await session.asave()
    await ask(session)
    events = "".join(await events_of(session))
    assert "The content filter blocked the prompt: violence, medium." in events
    assert 'role="alert"' in events


async def test_a_parameter_that_is_refused_is_marked_once_the_answer_begins(session, engine):
    session.setup = {**session.setup, "model": "reasoning-1", "parameters": {"top_p": 0.5}}
    await session.asave()
    await ask(session)
    events = await events_of(session)
    answer = await Answer.objects.aget()
    marked = [at for at, event in enumerate(events) if "refuses it" in event]
    ended = next(at for at, event in enumerate(events) if "First token" in event)
    assert len(marked) == 1
    assert marked[0] <= ended
    assert 'class="field-refusals is-unsent" id="refusals-setup-top_p"' in markup(events[marked[0]])
    assert "refusals-setup-temperature" not in "".join(events)
    assert answer.state == State.SUCCEEDED


async def test_columns_mark_what_each_of_their_deployments_refuses(session, engine):
    session.setup = {**session.setup, "model": "long-60", "parameters": {"top_p": 0.5}}
    session.comparing = True
    session.columns = [{}, {"model": "reasoning-1"}, {"model": "reasoning-1", "parameters": {"top_p": 0.2}}]
    await session.asave()
    await ask(session)
    events = "".join(await events_of(session))
    shown = markup(events)
    assert "B: reasoning-1 refuses it" in shown
    assert 'class="field-refusals" id="refusals-setup-top_p"' in shown
    assert 'class="field-refusals is-unsent" id="refusals-column-2-top_p"' in shown


async def test_an_answer_goes_on_though_its_session_is_deleted(session, engine):
    await ask(session)
    feed = AnswerFeed(await Session.objects.aget(pk=session.pk), True)
    await Session.objects.all().adelete()
    assert await sync_to_async(feed.news)() == []


async def test_columns_stream_beside_each_other_in_one_request(session, engine):
    session.comparing, session.columns = True, [{}, {"model": "fast-long-60"}, {"model": "cut-stream"}]
    await session.asave()
    await ask(session)
    events = "".join(await events_of(session))
    for answer in [answer async for answer in Answer.objects.all()]:
        assert f'hx-target="#answer-{answer.pk}"' in events
        assert answer.state in (State.SUCCEEDED, State.FAILED)


async def test_an_answer_that_ended_before_the_page_listened_is_shown_as_it_ended(session, engine):
    await ask(session)
    await events_of(session)
    answer = await Answer.objects.aget()
    events = [piece.decode() async for piece in follow(session, [answer.pk], can_edit=True)]
    assert f'hx-target="#answer-{answer.pk}"' in events[0]
    assert "word59" in events[0]
    assert '<div id="feed" hidden></div>' in events[-1]


async def test_nothing_going_ends_at_once(session):
    assert '<div id="feed" hidden></div>' in (await events_of(session))[-1]


async def test_an_answer_that_is_deleted_meanwhile_is_followed_no_longer(session, engine):
    session.setup = {**session.setup, "model": "hang-in-stream"}
    await session.asave()
    turn = await ask(session)
    feed = follow(session, [(await Answer.objects.aget()).pk], can_edit=True)
    async with asyncio.timeout(10):
        await anext(feed)
        await sync_to_async(lambda: edits.delete_turn(Turn.objects.select_related("session").get(pk=turn.pk)))()
        rest = "".join([piece.decode() async for piece in feed])
    assert '<div id="feed" hidden></div>' in rest


def test_the_first_piece_of_each_answer_goes_at_once_and_its_next_ones_at_their_own_pace(session):
    feed = AnswerFeed(
        session,
        True,
        [FollowedAnswer(1, 101, CallProgress("running")), FollowedAnswer(2, 102, CallProgress("running"))],
    )
    try:
        hub.publish_text(101, ACTION, "a")
        assert len("".join(feed.pieces()).split("#text-1")) == 2
        hub.publish_text(101, ACTION, "b")
        hub.publish_text(102, ACTION, "c")
        sent = "".join(feed.pieces())
        assert "#text-2" in sent
        assert "#text-1" not in sent
        assert 0 < feed.pause(float("inf")) <= stream.PACE
        feed.answers[0].due = 0
        assert 'hx-swap="beforeend">b<' in "".join(feed.pieces())
        assert "".join(feed.pieces()) == ""
    finally:
        hub.forget(101)
        hub.forget(102)


async def test_the_stream_is_open_to_those_who_see_the_session(client_alice, client_bob, session):
    address = reverse("playground:stream", args=[session.pk])
    assert (await sync_to_async(client_bob.get)(address)).status_code == 404
    response = await sync_to_async(client_alice.get)(address)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert (await sync_to_async(client_alice.post)(address)).status_code == 405
