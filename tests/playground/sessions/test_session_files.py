"""Sessions as files: what is exported can be imported, holds no key, and whatever else comes is looked at."""

from __future__ import annotations

import json
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from connections.models import Connection
from flows.models import State
from flows.playground.chat.results import AnswerRenderer
from flows.playground.models import Answer, Session, Turn, Version
from flows.playground.sessions.session_file import LARGEST
from foundryflow.accounts import give_role
from foundryflow.roles import Role
from tests.factories import PLANTED_KEY
from tests.playground.session_factory import (
    PIXEL,
    SETUP,
    make_answer,
    make_full_session,
    make_run,
    make_session,
    make_turn,
)

IMPORT = reverse("playground:import")
SMALL = {"format": "foundryflow-session/1", "name": "Small"}
DATES = ("created_at",)


def upload(client, data):
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return client.post(IMPORT, {"file": SimpleUploadedFile("session.json", content)})


def exported(client, session):
    response = client.get(reverse("playground:export", args=[session.pk]))
    assert response.status_code == 200
    return json.loads(response.content)


def undated(value):
    if isinstance(value, dict):
        return {name: undated(inner) for name, inner in value.items() if name not in DATES}
    return [undated(inner) for inner in value] if isinstance(value, list) else value


# Export


def test_an_export_is_a_download_with_everything_in_it(client_alice, alice):
    session = make_full_session(alice)
    response = client_alice.get(reverse("playground:export", args=[session.pk]))
    assert response.headers["Content-Disposition"] == 'attachment; filename="invoice-question.json"'
    assert response.headers["Content-Type"] == "application/json"
    data = undated(json.loads(response.content))
    turns, versions = data.pop("turns"), data.pop("versions")
    assert data == {
        "format": "foundryflow-session/1",
        "name": "Invoice question",
        "setup": SETUP.to_json(),
        "columns": session.columns,
        "comparing": True,
        "variables": {"tone": "calm", "rows": '["a"]'},
        "draft": "And {{ then }}?",
        "head": 2,
    }
    assert [(turn["id"], turn["parent"], turn["prompt"], turn["images"]) for turn in turns] == [
        (1, None, "Why {{ tone }}?", [PIXEL]), (2, 1, "What now?", []), (3, 1, "What else?", []),
    ]  # fmt: skip
    assert [answer["text"] for answer in turns[0]["answers"]] == [
        "First **try**.",
        "Second try, ünïcode 🙂.",
        "",
        "Half",
    ]
    assert turns[0]["answers"][2] == {
        "column": 1, "number": 1, "chosen": True, "winner": False, "edited": False, "state": "failed", "text": "", "facts": {}, "usage": None,
        "warning": "", "setup": SETUP.to_json(),
        "error": {"kind": "refused", "message": "401: the key was refused.", "hint": "Copy key 1 again.", "status": 401, "request_id": "req-2"},
    }  # fmt: skip
    assert [(version["number"], version["note"]) for version in versions] == [(1, "first"), (2, "")]


def test_a_session_whose_name_has_no_letters_has_a_file_name_all_the_same(client_alice, alice):
    session = make_session(alice, "問題")
    response = client_alice.get(reverse("playground:export", args=[session.pk]))
    assert response.headers["Content-Disposition"] == f'attachment; filename="session-{session.pk}.json"'


def test_no_key_is_in_an_export(client_alice, alice):
    session = make_full_session(alice)
    make_run(session, make_answer(make_turn(session), "", state=State.QUEUED))
    stored = json.dumps(list(Answer.objects.values_list("facts", "error")))
    assert PLANTED_KEY in stored
    assert Connection.objects.get().key.reveal() == PLANTED_KEY
    content = client_alice.get(reverse("playground:export", args=[session.pk])).content.decode()
    assert "From the run." in content
    assert PLANTED_KEY not in content
    assert "key_fingerprint" not in content


def test_a_shared_session_is_exported_by_others(client_bob, alice):
    session = make_session(alice, shared=True)
    assert exported(client_bob, session)["name"] == "Invoice question"


# Round trip


def test_export_import_and_export_give_the_same(client_alice, client_bob, alice, bob):
    first = exported(client_alice, make_full_session(alice))
    assert upload(client_bob, first).status_code == 403  # a reader's
    give_role(bob, Role.EDITOR, by=None)
    response = upload(client_bob, first)
    session = Session.objects.get(owner=bob)
    assert response.url == reverse("playground:show", args=[session.pk])
    assert undated(exported(client_bob, session)) == undated(first)
    assert (session.shared, session.flow, session.origin) == (False, None, None)


def test_texts_are_rendered_anew_whatever_the_file_says(client_alice, alice):
    hostile = "<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    turn = {"id": 7, "prompt": hostile, "answers": [{"text": hostile, "html": hostile, "run": 1, "pk": 1}]}
    upload(client_alice, {**SMALL, "name": hostile, "turns": [turn], "shared": True, "owner": 99, "flow": 1})
    session, answer = Session.objects.get(), Answer.objects.get()
    assert (session.owner, session.shared, session.flow, session.name) == (alice, False, None, hostile)
    assert answer.text == hostile
    assert "<script" not in answer.html
    assert "<img" not in answer.html
    assert 'href="javascript' not in answer.html
    page = client_alice.get(reverse("playground:sessions"), {"q": "alert"}).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_a_file_may_be_as_short_as_a_name(client_alice):
    upload(client_alice, {**SMALL, "something": "new", "setup": {"model": "gpt-5.2", "colour": "blue"}})
    session = Session.objects.get()
    assert (session.name, session.setup["model"], session.columns, session.head) == ("Small", "gpt-5.2", [{}], None)


def test_the_import_page_says_what_will_happen(client_alice):
    page = client_alice.get(IMPORT).content.decode()
    assert "Becomes a session of your own, private at first." in page
    assert 'enctype="multipart/form-data"' in page


# Files that are none


def turn(**changes):
    return {**SMALL, "turns": [{"id": 1, "prompt": "Why?", **changes}]}


def answer(**changes):
    return turn(answers=[{"text": "x", **changes}])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"{", "Line 1: not JSON"),
        (b"\x80abc", "The file is not text."),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "thousands of digits"),
        (b"[]", "The file is not a JSON object."),
        ({"format": "foundryflow/1", "name": "x"}, "format is 'foundryflow/1'; this server reads 'foundryflow-session/1'."),
        ({"format": "foundryflow-session/1"}, "name: is missing."),
        ({**SMALL, "name": " "}, "name: is empty. Give the session a name."),
        ({**SMALL, "name": 3}, "name: is not a text."),
        ({**SMALL, "name": "x" * 201}, "name: is longer than 200 characters."),
        ({**SMALL, "setup": []}, "setup: is not a JSON object."),
        ({**SMALL, "setup": {"instructions": 1}}, "setup.instructions: is not a text."),
        ({**SMALL, "setup": {"examples": [{"user": 1}]}}, "setup.examples[0].user: is not a text."),
        ({**SMALL, "setup": {"history_messages": -1}}, "setup.history_messages: is less than 0."),
        ({**SMALL, "setup": {"history_tokens": True}}, "setup.history_tokens: is not a whole number."),
        ({**SMALL, "setup": {"parameters": []}}, "setup.parameters: is not a JSON object."),
        ({**SMALL, "columns": []}, "columns: is empty."),
        ({**SMALL, "columns": [{}] * 4}, "columns: has more than 3 entries."),
        ({**SMALL, "columns": [{"model": None}]}, "columns[0].model: is not a text."),
        ({**SMALL, "comparing": "yes"}, "comparing: is not true or false."),
        ({**SMALL, "variables": {"a b": "x"}}, "variables: has the name 'a b'."),
        ({**SMALL, "variables": {"a": [[[]] * 3] * 3, "b": json.loads("[" * 60 + "]" * 60)}}, "variables.b: is nested deeper than 40 levels."),
        (json.dumps({**SMALL, "variables": {"a": "~"}}).replace('"~"', "1e999").encode(), "variables.a: has a number that is not finite."),
        (json.dumps({**SMALL, "variables": {"a": "~"}}).replace('"~"', "[NaN]").encode(), "variables.a: has a number that is not finite."),
        ({**SMALL, "variables": {"a": {"\x00": 1}}}, "variables.a: has characters that no text can have."),
        ({**SMALL, "draft": "a\x00b"}, "draft: has characters that no text can have."),
        ({**SMALL, "draft": "\ud800"}, "draft: has characters that no text can have."),
        ({**SMALL, "draft": "x" * 1_000_001}, "draft: is longer than 1,000,000 characters."),
        ({**SMALL, "turns": {}}, "turns: is not a list."),
        ({**SMALL, "turns": [3]}, "turns[0]: is not a JSON object."),
        ({**SMALL, "turns": [{"id": 1}]}, "turns[0].prompt: is missing."),
        (turn(id="1"), "turns[0].id: is not a whole number."),
        (turn(parent=1), "turns[0].parent: there is no turn 1 before this one."),
        (turn(parent=9), "turns[0].parent: there is no turn 9 before this one."),
        ({**SMALL, "turns": [{"id": 1, "prompt": ""}, {"id": 1, "prompt": ""}]}, "turns[1].id: 1 is there twice."),
        ({**SMALL, "head": 5}, "head: there is no turn 5."),
        (turn(prompts={"7": "x"}), "turns[0].prompts: has the key '7'; columns have the numbers 0 to 2."),
        (turn(images=[PIXEL] * 6), "turns[0].images: has more than 5 entries."),
        (turn(images=[{}]), "turns[0].images[0]: is not a text."),
        (turn(images=["https://example.com/x.png"]), "turns[0].images[0]: is not a PNG, JPEG, GIF or WebP image"),
        (turn(images=["data:image/svg+xml;base64,PHN2Zz4="]), "turns[0].images[0]: is not a PNG"),
        (turn(images=["data:text/html;base64,PHN2Zz4="]), "turns[0].images[0]: is not a PNG"),
        (turn(images=["data:image/png;base64,PHNjcmlwdD4="]), "turns[0].images[0]: is not a PNG"),
        (turn(images=[PIXEL + '" onerror="alert(1)']), "turns[0].images[0]: is not a PNG"),
        (turn(answers=[3]), "turns[0].answers[0]: is not a JSON object."),
        (answer(column=3), "turns[0].answers[0].column: is more than 2."),
        (answer(number=0), "turns[0].answers[0].number: is less than 1."),
        (answer(state="running"), "turns[0].answers[0].state: is not 'succeeded', 'failed' or 'cancelled'."),
        (answer(chosen=1), "turns[0].answers[0].chosen: is not true or false."),
        (answer(facts=[]), "turns[0].answers[0].facts: is not a JSON object."),
        (answer(facts={"first_token_ms": "fast"}), "turns[0].answers[0].facts.first_token_ms: is not a number."),
        (answer(usage={"prompt_tokens": 1.5}), "turns[0].answers[0].usage.prompt_tokens: is not a whole number."),
        (answer(error="x"), "turns[0].answers[0].error: is not a JSON object."),
        (answer(warning="x" * 501), "turns[0].answers[0].warning: is longer than 500 characters."),
        (turn(answers=[{}, {}]), "turns[0].answers: two answers of a column have the same number."),
        (turn(answers=[{}, {"number": 2}]), "turns[0].answers: two answers of a column are chosen."),
        ({**SMALL, "versions": [{}]}, "versions[0].setup: is missing."),
        ({**SMALL, "versions": [{"setup": {}, "note": "x" * 201}]}, "versions[0].note: is longer than 200 characters."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_session_is_explained_and_nothing_is_imported(client_alice, data, words):
    response = upload(client_alice, data)
    assert response.status_code == 422
    page = unescape(response.content.decode())
    assert words in page
    assert ".." not in page
    assert not Session.objects.exists()
    assert not Turn.objects.exists()
    assert not Version.objects.exists()


def test_each_complaint_is_a_sentence_and_many_are_counted(client_alice):
    problems = upload(client_alice, {**SMALL, "turns": [{"id": n} for n in range(1, 31)]}).context["problems"]
    assert problems[:2] == ["turns[0].prompt: is missing.", "turns[1].prompt: is missing."]
    assert problems[20:] == ["10 more of this kind."]


def test_a_file_of_more_than_20_mb_is_not_read(client_alice):
    content = json.dumps({**SMALL, "padding": "x" * LARGEST}).encode()
    response = upload(client_alice, content)
    assert response.status_code == 422
    assert "The file is larger than 20 MB." in response.content.decode()


def test_no_file_is_explained(client_alice):
    response = client_alice.post(IMPORT)
    assert response.status_code == 422
    assert "Choose a file: a session exported as JSON." in response.content.decode()
    assert client_alice.put(IMPORT).status_code == 405


def test_a_long_session_is_imported_whole(client_alice):
    turns = [
        {"id": n, "parent": n - 1 or None, "prompt": f"Q{n}", "answers": [{"text": f"A{n}"}]} for n in range(1, 301)
    ]
    upload(client_alice, {**SMALL, "turns": turns, "head": 300})
    session = Session.objects.get()
    assert session.turns.count() == 300
    assert session.head.prompt == "Q300"
    assert session.head.parent.prompt == "Q299"
    assert session.head.answers.get().text == "A300"


def test_texts_beyond_a_million_characters_are_shown_as_they_are():
    renderer = AnswerRenderer(characters_left=10)
    assert renderer.html("**bold**") == "<p><strong>bold</strong></p>\n"
    assert renderer.html("**more**") == '<pre class="markdown-plain" tabindex="0">**more**</pre>'
    assert renderer.html("") == ""
