"""The verbs of a session, with the real engine against the simulator."""

import asyncio

import pytest

from flows.engine import embedded
from flows.models import Flow, Run, State
from flows.playground.chat import ask, edits
from flows.playground.chat.ask import NotAskable
from flows.playground.chat.branch import Tree, conversation
from flows.playground.chat.results import collect_result
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import CONVERSATION, IMAGES, Setup
from tests.factories import make_connection

pytestmark = pytest.mark.django_db(transaction=True)
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@pytest.fixture
def session(simulator, alice):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    return make_session(alice)


def make_session(owner, **setup):
    stored = Setup(connection="simulator", model="gpt-4o-mini").to_json() | setup
    return Session.objects.create(name=ask.UNNAMED, owner=owner, setup=stored)


def answer_all(session):
    """Runs what is queued and settles it."""
    for answer in Answer.objects.filter(turn__session=session, state=State.QUEUED).select_related("run"):
        asyncio.run(embedded.run_here(answer.run))
        assert collect_result(Answer.objects.get(pk=answer.pk))
    session.refresh_from_db()


def asked(session, prompt, **more):
    session.save()
    turn = ask.ask_question(session, prompt, more.pop("images", []), session.owner, **more)
    answer_all(session)
    return turn


def texts(session, column=0):
    return [message["content"] for message in conversation(session, column, Tree.of(session).path(session.head_id))]


def test_a_question_becomes_a_run_of_the_sessions_own_flow(session):
    turn = asked(session, "Why?")
    answer = turn.answers.get()
    assert answer.text == "Simulated answer of gpt-4o-mini. You said: Why?"
    assert (answer.run.via, answer.run.flow, answer.run.priority) == ("playground", session.flow, 10)
    assert not Flow.objects.in_designer().exists()
    assert {"first_token_ms", "total_ms", "finish_reason", "request_id"} <= set(answer.facts)
    assert "prompt" not in answer.facts
    assert answer.usage["total_tokens"] > 0
    assert answer.setup["model"] == "gpt-4o-mini"
    assert (session.name, session.head) == ("Why?", turn)


def test_a_long_first_question_gives_a_short_name(session):
    asked(session, "word " * 40)
    assert session.name == ("word " * 12)[:59].rstrip() + "…"


def test_the_next_question_carries_what_was_said(session):
    asked(session, "Why?")
    turn = asked(session, "And then?")
    said = turn.answers.get().run.inputs[CONVERSATION]
    assert said == [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "Simulated answer of gpt-4o-mini. You said: Why?"},
    ]


def test_former_questions_are_sent_as_they_were_rendered_then(session):
    session.variables = {"who": "Ada"}
    asked(session, "Greet {{ who }}.")
    session.variables = {"who": "Bo"}
    session.save()
    turn = asked(session, "Greet {{ who }}.")
    answer = turn.answers.get()
    assert answer.run.inputs[CONVERSATION][0]["content"] == "Greet Ada."
    assert answer.text.endswith("You said: Greet Bo.")


def test_the_same_template_with_other_values_is_the_same_revision(session):
    for who in ("Ada", "Bo"):
        session.variables = {"who": who}
        asked(session, "Greet {{ who }}.")
    assert session.flow.revisions.count() == 1
    asked(session, "Something else")
    assert session.flow.revisions.count() == 2


def test_a_variable_that_a_template_reaches_into_is_json(session):
    session.variables = {"order": '{"id": 7}'}
    assert asked(session, "Order {{ order.id }}").answers.get().text.endswith("You said: Order 7")


def test_a_question_may_name_its_variables_among_the_inputs(session):
    session.variables = {"who": "Ada"}
    asked(session, "Greet {{ inputs.who }}.")
    assert texts(session)[0] == "Greet Ada."


def test_the_window_limits_what_is_sent(session):
    session.setup = {**session.setup, "history_messages": 2}
    for prompt in ("one", "two", "three"):
        turn = asked(session, prompt)
    assert [m["content"] for m in turn.answers.get().run.inputs[CONVERSATION]][:1] == ["two"]
    assert len(turn.answers.get().run.inputs[CONVERSATION]) == 2


def test_images_go_along_and_stay_in_the_conversation(session):
    first = asked(session, "What is it?", images=[PIXEL])
    assert first.answers.get().text.endswith("You sent 1 image.")
    second = asked(session, "Sure?")
    content = second.answers.get().run.inputs[CONVERSATION][0]["content"]
    assert [part["type"] for part in content] == ["text", "image_url"]
    assert second.answers.get().run.inputs[IMAGES] == []


def test_failed_answers_and_their_questions_are_left_out(session):
    asked(session, "Why?")
    session.setup = {**session.setup, "model": "bad-key"}
    failed = asked(session, "Broken")
    answer = failed.answers.get()
    assert (answer.state, answer.error["kind"]) == (State.FAILED, "auth_key")
    assert "raw" not in answer.error
    assert texts(session)[0::2] == ["Why?"]


@pytest.mark.parametrize(
    ("setup", "prompt", "field"),
    [
        ({"connection": ""}, "Why?", "connection"),
        ({"connection": "gone"}, "Why?", "connection"),
        ({"model": " "}, "Why?", "model"),
        ({}, "  ", "prompt"),
        ({}, "{{ open", "prompt"),
        ({"model": "{{ open"}, "Why?", "model"),
        ({"instructions": "{% for %}"}, "Why?", "instructions"),
        ({"examples": [{"user": "{{ a b }}", "assistant": "x"}]}, "Why?", "example-0-user"),
    ],
)
def test_what_is_missing_or_unreadable_is_said_before_anything_is_called(session, setup, prompt, field):
    session.setup = {**session.setup, **setup}
    with pytest.raises(NotAskable) as error:
        ask.ask_question(session, prompt, [], session.owner)
    assert list(error.value.problems) == [field]
    assert not Turn.objects.exists()
    assert not Run.objects.exists()


def test_a_session_is_named_after_its_first_question_without_a_hole(session):
    for prompt, name in (
        ("Why {{ who }}?", ask.UNNAMED),
        ("Why {{ who | default('now') }}?", "Why now?"),
        ("And?", "Why now?"),
    ):
        asked(session, prompt)
        assert session.name == name


def test_examples_that_are_not_whole_are_not_sent(session):
    session.setup = {**session.setup, "examples": [{"user": "a", "assistant": "b"}, {"user": "", "assistant": ""}]}
    turn = asked(session, "Why?")
    prompt = turn.answers.get().run.actions.get(path="answer").facts["prompt"]
    assert [message["content"] for message in prompt] == ["a", "b", "Why?"]


def test_another_try_is_chosen_and_asks_the_same_with_the_settings_of_now(session):
    turn = asked(session, "Why?")
    session.setup = {**session.setup, "model": "gpt-4o"}
    session.save()
    first = Answer.objects.select_related("turn__session").get()
    [second] = ask.ask_again(first, session.owner)
    answer_all(session)
    assert list(turn.answers.values_list("number", "chosen")) == [(1, False), (2, True)]
    assert texts(session)[1] == "Simulated answer of gpt-4o. You said: Why?"
    edits.choose_answer(first)
    assert texts(session)[1] == "Simulated answer of gpt-4o-mini. You said: Why?"
    edits.delete_answer(Answer.objects.select_related("turn__session").get(pk=first.pk))
    assert Answer.objects.get() == second
    assert Answer.objects.get().chosen


def test_several_more_tries_leave_the_chosen_one_alone(session):
    turn = asked(session, "Why?")
    ask.ask_again(turn.answers.select_related("turn__session").get(), session.owner, times=3)
    answer_all(session)
    assert list(turn.answers.values_list("number", "chosen")) == [(1, True), (2, False), (3, False), (4, False)]
    assert set(turn.answers.values_list("state", flat=True)) == {State.SUCCEEDED}


def test_an_edited_question_that_is_sent_again_is_a_branch_beside_it(session):
    asked(session, "one")
    two = asked(session, "two")
    session.draft = "not sent yet"
    session.save()
    two.session = session
    other = ask.ask_instead(two, "two, but better", session.owner)
    answer_all(session)
    assert texts(session)[0::2] == ["one", "two, but better"]
    assert (other.parent, session.head, session.draft) == (two.parent, other, "not sent yet")
    edits.show_branch_of(two)
    session.refresh_from_db()
    assert texts(session)[0::2] == ["one", "two"]


def test_a_question_is_reworded_in_place(session):
    turn = asked(session, "one")
    edits.reword_question(turn, "uno {{ x }}")
    assert texts(session) == ["uno ", "Simulated answer of gpt-4o-mini. You said: one"]
    with pytest.raises(NotAskable):
        edits.reword_question(turn, "{{ open")


def test_the_conversation_goes_on_from_an_edited_answer(session):
    asked(session, "one")
    edits.edit_answer(Answer.objects.get(), "Better **said**.")
    assert texts(session)[1] == "Better **said**."
    assert Answer.objects.get().edited
    assert Answer.objects.get().html


def test_what_came_after_a_deleted_question_goes_on_from_what_came_before(session):
    one, two, three = (asked(session, prompt) for prompt in ("one", "two", "three"))
    two.session = session
    edits.delete_turn(Turn.objects.select_related("session").get(pk=two.pk))
    session.refresh_from_db()
    assert texts(session)[0::2] == ["one", "three"]
    edits.delete_turn(Turn.objects.select_related("session").get(pk=three.pk))
    session.refresh_from_db()
    assert session.head == one


def test_a_branch_begins_at_any_turn(session):
    one = asked(session, "one")
    asked(session, "two")
    edits.continue_from(one)
    session.refresh_from_db()
    asked(session, "another two")
    assert texts(session)[0::2] == ["one", "another two"]
    assert len(Tree.of(session).siblings(session.head_id)) == 2


def test_stop_ends_what_is_queued_and_what_had_come_stays(session):
    turn = ask.ask_question(session, "Why?", [], session.owner)
    assert edits.stop_calls(session, session.owner) == 1
    answer = turn.answers.get()
    assert collect_result(answer)
    assert answer.state == State.CANCELLED
    assert edits.stop_calls(session, session.owner) == 0


def test_an_answer_whose_run_was_deleted_says_so(session):
    turn = ask.ask_question(session, "Why?", [], session.owner)
    Run.objects.all().delete()
    answer = turn.answers.get()
    assert collect_result(answer)
    assert (answer.state, answer.error["kind"]) == (State.FAILED, "gone")


def test_settling_again_changes_nothing(session):
    answer = asked(session, "Why?").answers.get()
    edits.edit_answer(answer, "Mine")
    assert collect_result(answer)
    assert Answer.objects.get().text == "Mine"


def test_more_room_is_given_to_the_column_that_has_a_limit_of_its_own(session):
    session.columns = [{}, {"parameters": {"max_completion_tokens": 5}}]
    edits.raise_token_limit(session, 1, 600)
    assert session.columns[1]["parameters"]["max_completion_tokens"] == 600
    edits.raise_token_limit(session, 0, 700)
    assert session.setup["parameters"]["max_completion_tokens"] == 700


def test_columns_are_asked_together_and_each_goes_on_from_its_own_answers(session):
    asked(session, "alone")
    session.comparing, session.columns = True, [{}, {"model": "gpt-4o"}]
    asked(session, "both")
    turn = asked(session, "again", prompts={"1": "again, differently"})
    second = turn.answers.get(column=1)
    assert [message["content"] for message in second.run.inputs[CONVERSATION]] == [
        "alone",
        "Simulated answer of gpt-4o-mini. You said: alone",
        "both",
        "Simulated answer of gpt-4o. You said: both",
    ]
    assert second.text.endswith("You said: again, differently")
