"""Questions with their images: what is asked, and what a question lacks."""

import base64
import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from flows.models import Run
from flows.playground.chat import ask
from flows.playground.chat.images import LARGEST
from flows.playground.models import Answer, Turn
from tests.markup import one_line
from tests.playground.chat.session_page.session_steps import HTMX, body, saved, talk_of, url

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


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


def test_an_image_that_is_elsewhere_is_not_handed_out(client_alice, session):
    turn = Turn.objects.create(session=session, prompt="x", images=["https://elsewhere.example/a.png"])
    assert client_alice.get(url("image", turn.pk, "0")).status_code == 404
