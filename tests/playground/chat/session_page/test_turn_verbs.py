"""The buttons of a question and of an answer, and what is said of how an answer ended."""

from decimal import Decimal

import pytest

from flows.models import State
from flows.playground.models import Answer, Turn
from flows.pricing.models import ModelPrice
from tests.playground.chat.session_page.session_steps import HTMX, body, talk_of, url

VERBS = ("ask", "reword", "delete", "branch", "switch")


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_a_question(client_alice, client_bob, session, verb):
    head = talk_of(session, 2)
    first = head.parent
    address = url("turn", first.pk, verb)
    assert client_alice.get(address).status_code == 405
    assert client_bob.post(address).status_code == 403
    response = client_alice.post(address, {"text": "Better"}, **HTMX)
    assert response.status_code == 200
    assert 'id="talk"' in body(response)
    session.refresh_from_db()
    if verb == "ask":
        assert (session.head.prompt, session.head.parent) == ("Better", None)
    if verb == "reword":
        assert Turn.objects.get(pk=first.pk).prompt == "Better"
    if verb == "delete":
        assert not Turn.objects.filter(pk=first.pk).exists()
        assert "Question 1" in body(response)
    if verb == "branch":
        assert session.head == first
        assert "The next question begins another branch here." in body(response)
    if verb == "switch":
        assert session.head == head


@pytest.mark.parametrize("verb", ["ask", "reword"])
def test_an_unreadable_edit_is_refused_beside_its_field(client_alice, session, verb):
    turn = talk_of(session, 1)
    response = client_alice.post(url("turn", turn.pk, verb), {"text": "{{ open"}, **HTMX)
    assert response.status_code == 422
    assert f'id="message-text-{turn.pk}"' in body(response)
    session.refresh_from_db()
    assert session.head == turn


def test_unknown_verbs_and_turns_are_not_there(client_alice, session):
    turn = talk_of(session, 1)
    assert client_alice.post(url("turn", turn.pk, "sing")).status_code == 404
    assert client_alice.post(url("turn", 999, "delete")).status_code == 404
    assert client_alice.post(url("answer", turn.answers.get().pk, "sing")).status_code == 404
    assert client_alice.post(url("answer", 999, "again")).status_code == 404


def test_a_question_and_an_answer_open_for_editing(client_alice, client_bob, session):
    turn = talk_of(session, 1)
    answer = turn.answers.get()
    for address in (url("turn_form", turn.pk), url("answer_form", answer.pk)):
        assert "<textarea" in body(client_alice.get(address))
        assert "<textarea" not in body(client_alice.get(address, {"plain": ""}))
        assert client_bob.get(address).status_code == 403


def test_verbs_of_an_answer(client_alice, session):
    turn = talk_of(session, 1)
    answer = turn.answers.get()
    client_alice.post(url("answer", answer.pk, "edit"), {"text": "Mine"}, **HTMX)
    assert Answer.objects.get().text == "Mine"
    again = body(client_alice.post(url("answer", answer.pk, "again"), **HTMX))
    assert "2 of 2" in again
    assert 'hx-sse:connect="' in again
    client_alice.post(url("answer", answer.pk, "choose"), **HTMX)
    answer.refresh_from_db()
    assert answer.chosen
    client_alice.post(url("answer", answer.pk, "winner"), **HTMX)
    answer.refresh_from_db()
    assert answer.winner
    assert client_alice.post(url("answer", answer.pk, "delete")).url == url("show", session.pk)
    assert Answer.objects.get().number == 2


def test_the_cost_is_shown_where_somebody_said_what_the_model_costs(client_alice, session):
    talk_of(session, 1)
    assert "Cost" not in body(client_alice.get(url("show", session.pk)))
    ModelPrice.objects.create(pattern="gpt-4o*", input=Decimal("10"), output=Decimal("100"))
    assert "$0.019" in body(client_alice.get(url("show", session.pk)))


def test_a_cut_answer_is_tried_again_with_more_room(client_alice, session):
    turn = talk_of(session, 1)
    cut = {
        "facts": {"finish_reason": "length"},
        "setup": {**session.setup, "parameters": {"max_completion_tokens": 20}},
    }
    Answer.objects.update(**cut, usage={"completion_tokens": 20})
    page = body(client_alice.get(url("show", session.pk)))
    assert "Cut at 20 tokens." in page
    assert "Raise to 600 and try again" in page
    answer = turn.answers.get()
    assert client_alice.post(url("answer", answer.pk, "raise"), {"tokens": "x"}).status_code == 404
    client_alice.post(url("answer", answer.pk, "raise"), {"tokens": "600"}, **HTMX)
    session.refresh_from_db()
    assert session.setup["parameters"]["max_completion_tokens"] == 600
    assert turn.answers.get(number=2).setup["parameters"]["max_completion_tokens"] == 600


def test_a_failure_and_a_filter_are_explained(client_alice, session):
    talk_of(session, 2)
    first, second = Answer.objects.order_by("pk")
    Answer.objects.filter(pk=first.pk).update(
        state=State.FAILED, text="", html="",
        error={"kind": "auth_key", "message": "The key was refused.", "hint": "Copy it again.", "status": 401, "request_id": "r-9"},
    )  # fmt: skip
    Answer.objects.filter(pk=second.pk).update(facts={"finish_reason": "content_filter"}, warning="Filtered: violence")
    page = body(client_alice.get(url("show", session.pk)))
    for words in (
        "The key was refused.",
        "Copy it again.",
        "auth_key",
        "401",
        "r-9",
        "Filtered: violence.",
        "The content filter ended",
    ):
        assert words in page
