"""The page of a session: what it shows, what it saves, what it refuses."""

import base64
import json
import re
from decimal import Decimal

import pytest
from asgiref.sync import sync_to_async
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.test import AsyncClient
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from connections.clients import close_client
from connections.models import LearntLesson
from flows.models import Run, State
from flows.playground.chat import ask
from flows.playground.chat.images import LARGEST
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import ACTION, Setup
from flows.pricing.models import ModelPrice
from tests.factories import PLANTED_KEY, make_connection
from tests.markup import one_line
from tests.playground.session_factory import make_answer, make_run, make_turn

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def session(alice):
    make_connection("contoso")
    setup = Setup(connection="contoso", model="gpt-4o-mini")
    return Session.objects.create(name="Invoices", owner=alice, setup=setup.to_json())


def url(name, pk, *more):
    return reverse(f"playground:{name}", args=[pk, *more])


def body(response):
    return response.content.decode()


def talk_of(session, count):
    """A branch of answered questions, without their runs."""
    parent = session.head
    for number in range(count):
        parent = Turn.objects.create(session=session, parent=parent, prompt=f"Question {number}")
        Answer.objects.create(
            turn=parent,
            state=State.SUCCEEDED,
            text=f"Answer {number} " + "word " * 100,
            html=f"<p>Answer {number}</p>",
            setup=session.setup,
            facts={"first_token_ms": 420, "total_ms": 2100, "finish_reason": "stop", "request_id": "r-1"},
            usage={"prompt_tokens": 742, "completion_tokens": 118},
        )
    session.head = parent
    session.save()
    return parent


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


def saved(client, session, **fields):
    response = client.post(url("save", session.pk), fields, **HTMX)
    session.refresh_from_db()
    return response


def test_what_is_typed_is_saved(client_alice, session):
    response = saved(
        client_alice, session, connection="contoso", model="gpt-4o", instructions="Be brief.", temperature="0.2",
        max_completion_tokens="600", stop="a\r\nb", reasoning_effort="low", history_messages="4", prompt="Why {{ x }}?",
        **{"examples-shown": "1", "example-0-user": "Hi", "example-0-assistant": "Hello", "variable-x": "7"},
    )  # fmt: skip
    assert response.status_code == 200
    assert Setup.from_json(session.setup) == Setup.from_json(
        {
            "connection": "contoso", "model": "gpt-4o", "instructions": "Be brief.", "history_messages": 4,
            "examples": [{"user": "Hi", "assistant": "Hello"}],
            "parameters": {"temperature": 0.2, "max_completion_tokens": 600, "stop": ["a", "b"], "reasoning_effort": "low"},
        }
    )  # fmt: skip
    assert (session.variables, session.draft) == ({"x": "7"}, "Why {{ x }}?")
    assert f"Saved {timezone.localtime():%H:%M}" in body(response)
    assert response.headers["HX-Trigger"] == "setup-saved"


def test_what_is_told_beside_an_answer_is_asked_for_and_kept(client_alice, session):
    asked = {"reasoning_summary": "auto", "service_tier": "flex", "repair": "once"}
    response = saved(
        client_alice, session, **asked, top_logprobs="0", extra_parameters='{"top_k": 5}', response_format="json_object"
    )
    assert response.status_code == 200
    known = {**asked, "top_logprobs": 0, "extra_parameters": {"top_k": 5}, "response_format": "json_object"}
    assert session.setup["parameters"] == known
    shown = body(client_alice.get(url("show", session.pk)))
    assert re.search(r'<textarea[^>]*id="setup-extra_parameters"[^>]*>\{\n  &quot;top_k&quot;: 5\n\}</textarea>', shown)
    assert Setup.from_json(session.setup).properties("Why?")["extra_parameters"] == {"top_k": 5}
    assert saved(client_alice, session, extra_parameters='{"top_k": {{ k }}}').status_code == 200
    assert session.setup["parameters"]["extra_parameters"] == '{"top_k": {{ k }}}'
    assert 'id="variable-k"' in body(client_alice.get(url("show", session.pk)))


def test_thoughts_stand_beside_an_answer_and_chances_of_tokens_open(client_alice, client_bob, session):
    answer = make_answer(make_turn(session), state=State.RUNNING)
    run = make_run(session, answer)
    told = [
        {
            "token": "<b>",
            "logprob": 0,
            "top_logprobs": [{"token": "<b>", "logprob": 0}, {"token": " c", "logprob": -1}],
        },
        {"token": "odd", "logprob": None},
    ]
    output = {"text": "<b>odd", "reasoning": "I <think>.", "logprobs": told}
    usage = {"prompt_tokens": 1_200, "completion_tokens": 3, "total_tokens": 1_203, "estimated_tokens": 1_203}
    repair = {"answer": "odd", "problems": ["At a: no."], "usage": usage}
    record = run.actions.get(path=ACTION)
    record.facts |= {"repair": repair}
    run.actions.update(output=output, usage=usage, facts=record.facts)
    session.head = answer.turn
    session.save()
    shown = one_line(body(client_alice.get(url("show", session.pk))))
    assert "I &lt;think&gt;." in shown
    assert "≈ 1,200 in · ≈ 3 out" in shown
    assert "Repaired <b>once</b>" in shown
    assert "≈ 1,200 in · ≈ 3 out: At a: no." in shown
    assert "Log probabilities of 2 tokens" in shown
    assert "36.8 %" not in shown
    opened = one_line(body(client_alice.get(url("answer_tokens", answer.pk), **HTMX)))
    assert '<code>&lt;b&gt;</code></td><td class="num">100.0 %</td>' in opened
    assert "c</code> 36.8 %" in opened
    assert client_bob.get(url("answer_tokens", answer.pk)).status_code == 404
    Run.objects.all().delete()
    assert "deleted with the run" in body(client_alice.get(url("answer_tokens", answer.pk), **HTMX))


def test_characters_that_no_database_keeps_are_left_out(client_alice, session):
    response = saved(
        client_alice, session, prompt="Why {{ x }}?\0",
        **{"examples-shown": "1", "example-0-user": "H\0i", "example-0-assistant": "Hello", "variable-x": "7\0"},
    )  # fmt: skip
    assert response.status_code == 200
    assert (session.variables, session.draft) == ({"x": "7"}, "Why {{ x }}?")
    assert session.setup["examples"] == [{"user": "Hi", "assistant": "Hello"}]


def test_what_is_not_posted_stays(client_alice, session):
    saved(client_alice, session, temperature="0.2")
    saved(client_alice, session, instructions="Be brief.")
    assert session.setup["model"] == "gpt-4o-mini"
    assert session.setup["parameters"] == {"temperature": 0.2}
    saved(client_alice, session, temperature="")
    assert session.setup["parameters"] == {}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("temperature", "3", "less than or equal to 2"),
        ("temperature", "warm", "Enter a number"),
        ("max_completion_tokens", "1.5", "Type a whole number"),
        ("stop", "a\nb\nc\nd\ne", "At most 4"),
        ("reasoning_effort", "huge", "not one of the available choices"),
        ("top_logprobs", "21", "less than or equal to 20"),
        ("extra_parameters", "{", "Extra parameters are not JSON"),
        ("extra_parameters", '{"messages": 1}', "Extra parameters name messages"),
        ("instructions", "{{ open", "message-instructions"),
        ("history_tokens", "-1", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_understood_is_said_beside_its_field(client_alice, session, field, value, words):
    response = saved(client_alice, session, **{field: value, "model": "gpt-4o"})
    assert response.status_code == 422
    assert words in body(response).replace("&#x27;", "'")
    assert session.setup["model"] == "gpt-4o"
    assert field == "instructions" or field not in session.setup["parameters"]


def test_a_text_that_cannot_be_read_yet_is_kept(client_alice, session):
    saved(client_alice, session, instructions="{{ open")
    assert session.setup["instructions"] == "{{ open"


@pytest.mark.parametrize(
    ("schema", "status"),
    [('{"type": "object", "properties": {}}', 200), ('{"name": "x", "schema": {"type": "object"}}', 200), ("{", 422), ("[]", 422), ("", 422)],
)  # fmt: skip
def test_a_schema_is_checked(client_alice, session, schema, status):
    assert saved(client_alice, session, response_format="json_schema", schema=schema).status_code == status
    assert ("response_format" in session.setup["parameters"]) == (status == 200)


def test_fields_for_variables_follow_the_templates_and_keep_what_was_typed(client_alice, session):
    first = body(saved(client_alice, session, prompt="{{ who }} and {{ order.id }}", instructions="For {{ who }}."))
    assert first.index('name="variable-who"') < first.index('name="variable-order"')
    assert "JSON or a number: a template reaches into it." in first
    second = body(saved(client_alice, session, prompt="", **{"variable-who": "Ada", "variable-order": '{"id": 7}'}))
    assert 'name="variable-order"' not in second
    assert "Ada" in second
    third = body(saved(client_alice, session, prompt="{{ order.id }}", **{"variable-who": "Ada"}))
    assert "{&quot;id&quot;: 7}" in third
    unchanged = saved(client_alice, session, prompt="{{ order.id }}", **{"variable-who": "Ada", "variable-order": "1"})
    assert 'id="variables"' not in body(unchanged)


def test_examples_are_added_and_removed(client_alice, session):
    added = body(saved(client_alice, session, **{"examples-shown": "1", "add-example": "1"}))
    assert 'name="example-0-user"' in added
    fields = {f"example-{at}-{role}": f"{role} {at}" for at in range(2) for role in ("user", "assistant")}
    saved(client_alice, session, **fields, **{"examples-shown": "1", "remove-example": "0"})
    assert [example["user"] for example in session.setup["examples"]] == ["user 1"]


def test_a_parameter_that_the_deployment_refused_is_said_not_to_be_sent(client_alice, session):
    LearntLesson.objects.create(
        endpoint="https://contoso.openai.azure.com/openai/v1", model="gpt-4o-mini", parameter="temperature",
        learned_at=timezone.now(),
    )  # fmt: skip
    page = body(client_alice.get(url("show", session.pk)))
    assert "gpt-4o-mini refuses it (learned" in page
    assert 'placeholder="not sent"' in page
    other = body(saved(client_alice, session, connection="contoso", model="gpt-4o"))
    assert 'placeholder="not sent"' not in other


def test_asking_answers_with_the_question_and_a_live_feed(client_alice, session):
    response = client_alice.post(url("ask", session.pk), {"prompt": "Why?", "model": "gpt-4o"}, **HTMX)
    answer = Answer.objects.get()
    assert response.status_code == 200
    assert 'hx-sse:connect="' in body(response)
    assert "Queued: waits for a free place" in body(response)
    assert "data-stop" in body(response)
    assert json.loads(response.headers["HX-Trigger"]) == {"asked": {}}
    assert answer.setup["model"] == "gpt-4o"
    session.refresh_from_db()
    assert session.draft == ""


def test_asking_without_htmx_leads_back_to_the_page(client_alice, session):
    assert client_alice.post(url("ask", session.pk), {"prompt": "Why?"}).url == url("show", session.pk)
    assert client_alice.get(url("ask", session.pk)).status_code == 405


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"prompt": ""}, "Type a question."),
        ({"prompt": "Why?", "connection": ""}, "Choose a connection."),
        ({"prompt": "Why?", "model": ""}, "Type the name of a deployment."),
        ({"prompt": "Why?", "temperature": "9"}, "less than or equal to 2"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_beside_its_field(client_alice, session, fields, message):
    response = client_alice.post(url("ask", session.pk), fields, **HTMX)
    assert response.status_code == 422
    assert message in body(response)
    assert not Run.objects.exists()
    session.refresh_from_db()
    assert session.draft == fields["prompt"]
    assert client_alice.post(url("ask", session.pk), fields).status_code == 422


def test_a_question_with_holes_says_which_and_loses_nothing(client_alice, session):
    posted = {"prompt": "Why {{ who }} in {{ city }}?", "variable-who": "Ada", "examples-shown": "1"}
    response = client_alice.post(url("ask", session.pk), posted, **HTMX)
    assert response.status_code == 422
    assert response.headers["HX-Trigger"] == "variables-empty"
    shown = one_line(body(response))
    assert "Not sent: city is empty" in shown
    assert re.search(r'id="variable-city"[^>]*aria-invalid="true"', shown)
    assert not re.search(r'id="variable-who"[^>]*aria-invalid', shown)
    assert 'name="leave-empty" value="city"' in shown
    session.refresh_from_db()
    assert (session.draft, session.variables) == ("Why {{ who }} in {{ city }}?", {"who": "Ada"})
    page = client_alice.post(url("ask", session.pk), posted)
    assert page.status_code == 422
    assert 'aria-invalid="true"' in body(page)
    assert client_alice.post(url("ask", session.pk), {**posted, "variable-city": "Oslo"}, **HTMX).status_code == 200


def test_a_question_goes_out_with_a_hole_that_is_meant(client_alice, session):
    posted = {"prompt": "Why {{ who }} in {{ city }}?", "leave-empty": "city"}
    assert "Not sent: who is empty" in body(client_alice.post(url("ask", session.pk), posted, **HTMX))
    posted["leave-empty"] = ["city", "who"]
    assert client_alice.post(url("ask", session.pk), posted, **HTMX).status_code == 200
    assert Turn.objects.get().variables == {"who": "", "city": ""}


def test_another_try_asks_for_what_the_settings_name_by_now(client_alice, session):
    turn = talk_of(session, 1)
    Turn.objects.update(prompt="Why {{ who }}?", variables={"who": ""})
    posted = {"examples-shown": "1", "instructions": "Be {{ tone }}."}
    for address in (url("answer", turn.answers.get().pk, "again"), url("turn", turn.pk, "spread")):
        refused = client_alice.post(address, posted, **HTMX)
        assert refused.status_code == 422
        assert "Not sent: tone is empty" in body(refused)
    filled = {**posted, "variable-tone": "kind"}
    assert client_alice.post(url("answer", turn.answers.get().pk, "again"), filled, **HTMX).status_code == 200


def test_everything_that_a_question_lacks_is_said_at_once(client_alice, session):
    posted = {"prompt": "Why {{ who }}?", "connection": "", "model": ""}
    shown = body(client_alice.post(url("ask", session.pk), posted, **HTMX))
    for words in (
        "Choose a connection.",
        "Type the name of a deployment.",
        "Type a value first.",
        "see the marked fields",
    ):
        assert words in shown


def test_an_edited_question_gets_fields_for_its_own_variables_until_it_is_closed(client_alice, session):
    turn = talk_of(session, 1)
    asked = {"text": "And {{ city }}?", "examples-shown": "1"}
    response = client_alice.post(url("turn", turn.pk, "ask"), asked, **HTMX)
    assert response.status_code == 422
    assert 'id="variable-city"' in body(response)
    saving = {"prompt": "", "variable-city": "Oslo"}
    assert 'id="variables"' not in body(saved(client_alice, session, **saving, text="And {{ city }}?"))
    assert 'id="variables"' in body(saved(client_alice, session, **saving))
    assert client_alice.post(url("turn", turn.pk, "ask"), asked, **HTMX).status_code == 200


def test_images_are_looked_at_and_become_part_of_the_question(client_alice, session):
    files = [SimpleUploadedFile("a.png", PNG, "text/html")]
    client_alice.post(url("ask", session.pk), {"prompt": "What?", "images": files}, **HTMX)
    turn = Turn.objects.get()
    assert turn.images == [f"data:image/png;base64,{base64.b64encode(PNG).decode()}"]
    response = client_alice.get(url("image", turn.pk, "0"))
    assert (response.headers["Content-Type"], response.content) == ("image/png", PNG)
    assert response.headers["Content-Security-Policy"] == "default-src 'none'"
    assert client_alice.get(url("image", turn.pk, "1")).status_code == 404
    assert client_alice.get(url("image", turn.pk, "x")).status_code == 404
    assert url("image", turn.pk, "0") in body(client_alice.get(url("show", session.pk)))


def test_images_of_others_are_not_there(client_bob, session):
    turn = Turn.objects.create(session=session, prompt="x", images=["data:image/png;base64,AAAA"])
    assert client_bob.get(url("image", turn.pk, "0")).status_code == 404


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("page.png", b"<svg onload=alert(1)>")], "not a PNG, JPEG, GIF or WebP"),
        ([("big.png", PNG + b"x" * LARGEST)], "larger than 4 MB"),
        ([(f"{n}.png", PNG) for n in range(6)], "at most 5"),
    ],
)
def test_what_is_no_image_or_too_much_is_refused(client_alice, session, files, words):
    uploads = [SimpleUploadedFile(name, content) for name, content in files]
    response = client_alice.post(url("ask", session.pk), {"prompt": "What?", "images": uploads}, **HTMX)
    assert response.status_code == 422
    assert words in body(response)
    assert not Turn.objects.exists()


def test_a_stored_image_that_is_none_is_not_handed_out(client_alice, session):
    turn = Turn.objects.create(session=session, prompt="x", images=["data:text/html;base64,PHNjcmlwdD4="])
    assert client_alice.get(url("image", turn.pk, "0")).status_code == 404


def test_stop_is_answered_with_the_state_of_things(client_alice, session):
    ask.ask_question(session, "Why?", [], session.owner)
    response = client_alice.post(url("stop", session.pk), **HTMX)
    assert "Stopped" in body(response)
    assert "data-send" in body(response)
    assert client_alice.get(url("stop", session.pk)).status_code == 405


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


def test_an_image_that_is_elsewhere_is_not_handed_out(client_alice, session):
    turn = Turn.objects.create(session=session, prompt="x", images=["https://elsewhere.example/a.png"])
    assert client_alice.get(url("image", turn.pk, "0")).status_code == 404


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
