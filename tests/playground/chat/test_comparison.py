"""Columns side by side: their settings, their locks, their figures, and how answers spread."""

import asyncio

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.models import LearntLesson
from flows.engine import embedded
from flows.models import State
from flows.playground.chat import ask, comparison
from flows.playground.chat.comparison import differences, locks_of
from flows.playground.chat.figures import ValueRange, spread_of
from flows.playground.chat.results import collect_result
from flows.playground.chat.save_settings import save_settings
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import Setup
from tests.factories import make_connection
from tests.markup import one_line

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def session(alice):
    make_connection("contoso")
    setup = Setup(connection="contoso", model="gpt-4o-mini", instructions="Be brief.", parameters={"temperature": 0.2})
    return Session.objects.create(name="Invoices", owner=alice, setup=setup.to_json())


@pytest.fixture
def comparing(session):
    comparison.toggle_comparison(session)
    session.save()
    return session


def url(name, pk, *more):
    return reverse(f"playground:{name}", args=[pk, *more])


def body(response):
    return response.content.decode()


def talk_of(session, count):
    for number in range(count):
        turn = Turn.objects.create(session=session, parent=session.head, prompt=f"Question {number}")
        for column in range(len(session.columns)):
            Answer.objects.create(
                turn=turn, column=column, state=State.SUCCEEDED, text=f"Answer {number}{column}", html="<p>x</p>",
                setup=session.setup_of(column).to_json(), usage={"prompt_tokens": 884, "completion_tokens": 61 + column},
                facts={"first_token_ms": 390, "total_ms": 1200, "finish_reason": "stop"},
            )  # fmt: skip
        session.head = turn
    session.save()
    return session.head


def test_the_second_column_begins_as_the_first(client_alice, client_bob, session):
    assert client_bob.post(url("compare", session.pk)).status_code == 403
    assert client_alice.get(url("compare", session.pk)).status_code == 405
    client_alice.post(url("compare", session.pk))
    session.refresh_from_db()
    assert session.comparing
    assert session.columns == [{}, {"connection": "contoso", "model": "gpt-4o-mini"}]
    page = body(client_alice.get(url("show", session.pk)))
    assert "Ask both…" in page
    assert 'id="column-1-model"' in page
    client_alice.post(url("compare", session.pk))
    session.refresh_from_db()
    assert (session.comparing, len(session.columns)) == (False, 2)


def test_a_column_saves_its_own_connection_and_deployment(client_alice, comparing):
    fields = {"model": "gpt-4o", "column-1-connection": "west", "column-1-model": "gpt-5.2"}
    assert client_alice.post(url("save", comparing.pk), fields, **HTMX).status_code == 200
    comparing.refresh_from_db()
    assert comparing.setup["model"] == "gpt-4o"
    assert comparing.columns[1] == {"connection": "west", "model": "gpt-5.2"}


def test_an_untied_column_has_settings_of_its_own_and_says_what_differs(client_alice, comparing):
    address = url("column", comparing.pk, "tie")
    client_alice.post(address, {"column": "1"})
    fields = {"column-1-instructions": "Be long.", "column-1-temperature": "", "column-1-reasoning_effort": "low"}
    saved = body(client_alice.post(url("save", comparing.pk), fields, **HTMX))
    for words in ("Instructions", "Reasoning effort: low", "Temperature: provider default", "differ from the left"):
        assert words in saved
    comparing.refresh_from_db()
    assert comparing.setup_of(1).instructions == "Be long."
    assert comparing.setup_of(1).parameters == {"reasoning_effort": "low"}
    assert comparing.setup_of(0).parameters == {"temperature": 0.2}
    client_alice.post(address, {"column": "1"})
    comparing.refresh_from_db()
    assert comparing.setup_of(1).instructions == "Be brief."


def test_the_settings_on_the_left_name_the_columns_whose_deployment_refuses_them(client_alice, comparing):
    """The whole page and the answer to another deployment say the same."""
    for model, parameter in (("o-series", "seed"), ("gpt-4o-mini", "top_p"), ("o-series", "top_p")):
        LearntLesson.objects.create(
            endpoint="https://contoso.openai.azure.com/openai/v1", model=model, parameter=parameter,
            learned_at=timezone.now(),
        )  # fmt: skip
    posted = {"connection": "contoso", "model": "gpt-4o-mini", "column-1-model": "o-series"}
    changed = body(client_alice.post(url("save", comparing.pk), posted, **HTMX))
    page = body(client_alice.get(url("show", comparing.pk)))
    for shown in (page, changed):
        shown = one_line(shown)
        assert 'class="field-refusals" id="refusals-setup-seed"' in shown
        assert "B: o-series refuses it" in shown
        assert 'class="field-refusals is-unsent" id="refusals-setup-top_p"' in shown
        assert "A: gpt-4o-mini refuses it" in shown


def test_a_wrong_parameter_of_a_column_is_said_beside_its_field(client_alice, comparing):
    comparison.toggle_tie(comparing, 1)
    comparing.save()
    response = client_alice.post(url("save", comparing.pk), {"column-1-temperature": "9"}, **HTMX)
    assert response.status_code == 422
    assert 'id="message-column-1-temperature"' in body(response)
    comparing.refresh_from_db()
    assert comparing.columns[1]["parameters"]["temperature"] == 0.2


@pytest.mark.parametrize("field", ["prompt", "instructions", "parameters"])
def test_a_field_is_the_same_for_all_or_each_columns_own(client_alice, comparing, field):
    assert locks_of(comparing)[field]
    for locked in (False, True):
        client_alice.post(url("column", comparing.pk, "lock"), {"field": field})
        comparing.refresh_from_db()
        assert locks_of(comparing)[field] is locked
        assert (field in comparing.columns[1]) is not locked


def test_an_own_prompt_gets_a_field_and_is_asked(client_alice, comparing):
    comparison.toggle_lock(comparing, "prompt")
    comparing.save()
    assert 'id="draft-1"' in body(client_alice.get(url("show", comparing.pk)))
    fields = {"prompt": "For A", "column-1-prompt": "For B"}
    client_alice.post(url("ask", comparing.pk), fields, **HTMX)
    turn = Turn.objects.get()
    assert (turn.prompt, turn.prompts) == ("For A", {"1": "For B"})
    comparing.refresh_from_db()
    assert comparing.columns[1]["prompt"] == ""


def test_what_a_column_lacks_is_said_beside_its_field(client_alice, comparing):
    fields = {"prompt": "Why?", "column-1-model": " "}
    response = client_alice.post(url("ask", comparing.pk), fields, **HTMX)
    assert response.status_code == 422
    assert 'id="message-column-1-model"' in body(response)
    assert not Turn.objects.exists()


def test_columns_are_added_up_to_three_and_removed_with_their_answers_kept(client_alice, comparing):
    address = url("column", comparing.pk, "add")
    for _ in range(2):
        client_alice.post(address)
    comparing.refresh_from_db()
    assert len(comparing.columns) == 3
    comparing.columns = [{}, {"model": "b"}, {"model": "c"}]
    comparing.save()
    turn = talk_of(comparing, 1)
    turn.prompts = {"1": "for b", "2": "for c"}
    turn.save()
    client_alice.post(url("column", comparing.pk, "remove"), {"column": "1"})
    comparing.refresh_from_db()
    turn.refresh_from_db()
    assert comparing.columns == [{}, {"model": "c"}]
    assert turn.prompts == {"2": "for b", "1": "for c"}
    assert dict(turn.answers.values_list("column", "text")) == {0: "Answer 00", 1: "Answer 02", 2: "Answer 01"}
    client_alice.post(url("column", comparing.pk, "remove"), {"column": "1"})
    comparing.refresh_from_db()
    assert len(comparing.columns) == 2


def test_a_save_that_began_before_a_column_was_added_does_not_take_it_away(client_alice, session):
    stale = Session.objects.get(pk=session.pk)
    client_alice.post(url("compare", session.pk))
    save_settings(stale, {"instructions": "Mine"})
    session.refresh_from_db()
    assert (session.comparing, len(session.columns), session.setup["instructions"]) == (True, 2, "Mine")


def test_verbs_of_columns_are_for_editors_and_known(client_alice, client_bob, comparing):
    assert client_bob.post(url("column", comparing.pk, "add")).status_code == 403
    assert client_alice.post(url("column", comparing.pk, "sing")).status_code == 404
    assert client_alice.get(url("column", comparing.pk, "add")).status_code == 405
    for verb, fields in (("tie", {"column": "9"}), ("lock", {"field": "all"}), ("remove", {"column": "x"})):
        client_alice.post(url("column", comparing.pk, verb), fields)
    comparing.refresh_from_db()
    assert comparing.columns == [{}, {"connection": "contoso", "model": "gpt-4o-mini"}]


def test_only_differences_are_named():
    left = Setup(parameters={"temperature": 0.2, "seed": 7})
    assert differences(left, left) == []
    assert differences(left, Setup(parameters={"seed": 7, "stop": ["a"]})) == [
        "Stop: own",
        "Temperature: provider default",
    ]


def test_the_figures_of_the_newest_answers_stand_in_one_table(client_alice, comparing):
    talk_of(comparing, 2)
    page = body(client_alice.get(url("show", comparing.pk)))
    table = page[page.index('id="figures"') :]
    for words in ("0.39 s", "1.20 s", "884", "61", "62", "stop"):
        assert words in table


def test_differences_are_shown_word_by_word(client_alice, comparing):
    talk_of(comparing, 1)
    shown = body(client_alice.get(url("differences", comparing.pk)))
    assert "<del>Answer 00</del>" in shown or "<del>00</del>" in shown
    assert "<ins>" in shown
    assert "<del>" not in body(client_alice.get(url("differences", comparing.pk), {"hide": ""}))


def test_one_answer_of_a_question_is_the_winner(client_alice, comparing):
    turn = talk_of(comparing, 1)
    first, second = turn.answers.all()
    for answer in (first, second):
        client_alice.post(url("answer", answer.pk, "winner"), **HTMX)
        assert list(turn.answers.filter(winner=True)) == [answer]


@pytest.mark.parametrize("count", [1, 30])
def test_the_comparison_takes_the_same_number_of_queries(client_alice, comparing, count):
    talk_of(comparing, count)
    with CaptureQueriesContext(database) as queries:
        client_alice.get(url("show", comparing.pk))
    assert len(queries) == 15


@pytest.mark.django_db(transaction=True)
def test_five_more_answers_of_each_column_show_their_spread(client_alice, client_bob, simulator, alice):
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")
    setup = Setup(connection="simulator", model="gpt-4o-mini")
    session = Session.objects.create(name="x", owner=alice, setup=setup.to_json())
    comparison.toggle_comparison(session)
    session.save()
    turn = ask.ask_question(session, "Why?", [], alice)
    response = client_alice.post(url("turn", turn.pk, "spread"), **HTMX)
    assert Answer.objects.filter(turn=turn).count() == 12
    assert body(response).count("How 6 answers spread") == 1
    for answer in Answer.objects.select_related("run"):
        asyncio.run(embedded.run_here(answer.run))
        assert collect_result(Answer.objects.get(pk=answer.pk))
    rows = spread_of(turn, 2, ())
    assert [(row.done, row.distinct, row.letter) for row in rows] == [(6, 1, "A"), (6, 1, "B")]
    assert all(row.first.least and row.total.middle and row.tokens.most for row in rows)
    shown = body(client_alice.get(url("tries", turn.pk)))
    assert shown.count("Show this one") == 10
    assert client_bob.get(url("tries", turn.pk)).status_code == 404


def test_a_range_of_nothing_is_empty():
    assert ValueRange.of([], str) == ValueRange("", "", "")
    assert ValueRange.of([3, 1, 2], lambda value: f"{value:g}") == ValueRange("1", "2", "3")
