"""Two people at one flow: what vanished, and what a conflict keeps."""

import re
from html import unescape

import pytest
from django.urls import reverse

from flows.designer.conflict import in_words
from flows.models import Flow
from tests.factories import make_connection, make_flow

HTMX = {"HX-Request": "true"}


def flow_of(*actions, inputs=(), **more):
    return make_flow(
        {"format": "foundryflow/1", "name": "Race", "inputs": list(inputs), "actions": list(actions), **more}
    )


def log(id, **more):
    return {"id": id, "type": "log", "properties": {"message": id}, **more}


def url(flow, name, *args):
    return reverse(f"designer:{name}", args=[flow.slug, *args])


def post(client, flow, name, *args, htmx=True, **data):
    return client.post(url(flow, name, *args), data, headers=HTMX if htmx else {})


def fields_of(page):
    """What a browser would post of the properties form, as far as inputs and switches go."""
    posted = {}
    for tag in re.findall(r"<(?:input|textarea)[^>]*form=\"properties-form\"[^>]*>(?:[^<]*</textarea>)?", page):
        attribute = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attribute.get("type") == "checkbox" and not re.search(r"\schecked", tag):
            continue
        text = re.search(r">([^<]*)</textarea>", tag)
        value = text[1] if text else attribute.get("value", "on")
        posted.setdefault(attribute["name"], []).append(unescape(value))
    return posted


@pytest.fixture
def loop(alice):
    body = {"id": "each-body", "title": "", "actions": [log("inner")]}
    return flow_of(
        log("first"),
        {"id": "each", "type": "for_each", "properties": {"items": [1]}, "branches": [body]},
        log("last"),
    )


@pytest.mark.parametrize("verb", ["up", "down", "into", "out", "duplicate", "toggle", "remove", "add-branch"])
def test_an_edit_of_a_vanished_action_answers_with_the_chart(client_alice, loop, verb):
    post(client_alice, loop, "change", "inner", "remove", base=1)
    answer = post(client_alice, loop, "change", "inner", verb, base=2, action="inner")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "removed meanwhile" in page
    assert 'hx-target="#flowchart"' in page
    assert 'data-card="last"' in page
    assert Flow.objects.get().revisions.count() == 2


@pytest.mark.parametrize("verb", ["out", "toggle"])
def test_an_edit_of_what_was_removed_meanwhile_is_not_made(client_alice, loop, verb):
    post(client_alice, loop, "change", "inner", "remove", base=1)
    answer = post(client_alice, loop, "change", "inner", verb, base=1, action="inner")
    assert (answer.status_code, "removed meanwhile" in answer.content.decode()) == (409, True)
    assert Flow.objects.get().current.number == 2


def test_what_both_remove_is_removed(client_alice, loop):
    for _ in range(2):
        assert post(client_alice, loop, "change", "inner", "remove", base=1).status_code == 200
    assert Flow.objects.get().current.number == 2


@pytest.mark.parametrize(
    "place",
    [{"after": "each"}, {"owner": "each", "branch": "each-body", "at": 0}, {"owner": "", "branch": "gone", "at": 0}],
)
def test_inserting_beside_what_vanished_answers_with_the_chart(client_alice, loop, place):
    post(client_alice, loop, "change", "each", "remove", base=1)
    answer = post(client_alice, loop, "insert", base=2, type="log", **place)
    assert (answer.status_code, 'data-card="last"' in answer.content.decode()) == (409, True)
    assert Flow.objects.get().revisions.count() == 2


def test_the_panel_of_an_action_that_another_person_removed_gives_the_chart(client_alice, loop):
    post(client_alice, loop, "change", "last", "remove", base=1)
    for name, args in (("save_properties", ["last"]), ("change", ["last", "duplicate"])):
        answer = post(client_alice, loop, name, *args, base=2, title="Mine")
        assert answer.status_code == 409
        assert "removed meanwhile" in answer.content.decode()
    plain = client_alice.post(url(loop, "change", "last", "up"), {"base": 2}, follow=True)
    assert "removed meanwhile" in plain.content.decode()
    assert Flow.objects.get().revisions.count() == 2


def test_an_edit_that_changes_nothing_is_no_revision(client_alice, loop):
    for verb in ("up", "out"):
        assert post(client_alice, loop, "change", "first", verb, base=1).status_code == 200
    assert Flow.objects.get().revisions.count() == 1


@pytest.mark.parametrize(
    "typed",
    [{"attempts": "1", "delay": "2.50", "backoff": "", "timeout": "7.0"}, {"attempts": "", "delay": "5", "backoff": "3", "timeout": ""}],
)  # fmt: skip
def test_retry_and_timeout_stay_as_they_were_typed_when_something_else_is_wrong(client_alice, alice, typed):
    """Also numbers that the document does not keep without others, and in the way they were written."""
    make_connection("simulator")
    flow = make_flow("bar-static")
    stored = flow.current.parsed().find("chat").properties
    mine = {**stored, "title": " Mine ", "retry-shown": "1", "retry_on": ["timeout"], **typed}
    mine |= {"base": 1, "temperature": "hot"}
    answer = post(client_alice, flow, "save_properties", "chat", htmx=False, **mine)
    page = answer.content.decode()
    assert answer.status_code == 422
    summary = [f"up to {typed['attempts']} tries"] * bool(typed["attempts"]) + [f"{typed['timeout']} s"] * bool(
        typed["timeout"]
    )
    assert f'<span class="disclosure-count">{", ".join(summary)}</span>' in page
    shown = fields_of(page)
    assert {name: shown[name] for name in typed} == {name: [value] for name, value in typed.items()}
    assert (shown["retry_on"], shown["title"]) == (["timeout"], [" Mine "])


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "empty"), ([], "empty"), (False, "empty"), (True, "yes"), ({"secret": "s0123456789ab"}, "a stored secret"),
     ({"attempts": 3, "on": []}, "attempts 3"), (2.50, "2.5"), ([1, "a"], "1; a"), ("x" * 300, "x" * 200)],
)  # fmt: skip
def test_values_of_two_versions_are_put_into_words(value, words):
    assert in_words(value) == words


def test_a_warning_at_a_field_looks_like_one(client_alice, alice):
    connect = {
        "id": "conn",
        "type": "create_azure_ai_connection",
        "properties": {"api_key": "{{ key }}", "endpoint": "{{ gone }}"},
    }
    flow = flow_of(connect, inputs=[{"name": "key", "type": "text"}])
    page = client_alice.get(url(flow, "show") + "?action=conn").content.decode()
    assert re.search(r'class="field-problem is-warn" id="message-api_key"', page)
    assert "API key comes from the text input key" in page
    assert re.search(r'class="field-problem" id="message-endpoint"', page)
    assert re.search(r'class="field-problem" id="message-connection_variable_name"\s*></p>', page)
