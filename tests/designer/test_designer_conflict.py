"""Two people at one flow: what vanished, and what a conflict keeps."""

import json
import re
from html import unescape

import pytest
from django.urls import reverse

from flows.designer.conflict import in_words
from flows.models import Flow, FlowSecret
from tests.factories import PLANTED_KEY, make_connection, make_flow
from tests.markup import one_line

HTMX = {"HX-Request": "true"}
CANARY = "sk-canary-71f0c2"


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
@pytest.mark.parametrize("base", [1, 2])
def test_an_edit_of_a_vanished_action_answers_with_the_chart(client_alice, loop, verb, base):
    post(client_alice, loop, "change", "inner", "remove", base=1)
    answer = post(client_alice, loop, "change", "inner", verb, base=base, action="inner")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "removed meanwhile" in page
    assert 'hx-target="#flowchart"' in page
    assert 'data-card="last"' in page
    assert Flow.objects.get().revisions.count() == 2


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
        answer = post(client_alice, loop, name, *args, base=1, title="Mine")
        assert answer.status_code == 409
        assert "removed meanwhile" in answer.content.decode()
    plain = client_alice.post(url(loop, "change", "last", "up"), {"base": 1}, follow=True)
    assert "removed meanwhile" in plain.content.decode()
    assert Flow.objects.get().revisions.count() == 2


def test_an_edit_that_changes_nothing_is_no_revision(client_alice, loop):
    for verb in ("up", "out"):
        assert post(client_alice, loop, "change", "first", verb, base=1).status_code == 200
    assert Flow.objects.get().revisions.count() == 1


def test_a_conflict_keeps_everything_typed(client_alice, alice):
    make_connection("simulator")
    flow = make_flow("bar-static")
    stored = flow.current.parsed().find("chat").properties
    theirs = {**stored, "title": "Theirs", "base": 1}
    assert post(client_alice, flow, "save_properties", "chat", **theirs).status_code == 200
    typed = {
        "base": 1, "title": "My title", "description": "My description", "disabled": "on", "retry-shown": "1",
        "attempts": "4", "delay": "2.5", "backoff": "3", "retry_on": ["timeout", "server"], "timeout": "77",
        "history": '[{"role": "user", "content": "{{ question }}"}]', "temperature": "0.25",
    }  # fmt: skip
    answer = post(client_alice, flow, "save_properties", "chat", **{**stored, **typed})
    page = answer.content.decode()
    assert answer.status_code == 409
    for words in ("Retry", "Timeout", "77", "attempts 4"):
        assert words in page
    # Beside the fields of the form nothing is named base, which a script would take for the field.
    assert page.count('name="base"') == 2
    mine = fields_of(page)
    again = post(
        client_alice,
        flow,
        "save_properties",
        "chat",
        **{**mine, "base": 2, "verbosity": "", "reasoning_effort": "", "connection": stored["connection"]},
    )
    assert again.status_code == 200
    action = Flow.objects.get().current.parsed().find("chat")
    assert (action.title, action.description, action.disabled, action.timeout) == (
        "My title",
        "My description",
        True,
        77,
    )
    assert action.json["retry"] == {"attempts": 4, "delay": 2.5, "backoff": 3, "on": ["timeout", "server"]}
    assert action.properties["temperature"] == 0.25
    assert "question" in json.dumps(action.properties["history"])


@pytest.mark.parametrize("status", [409, 422])
@pytest.mark.parametrize(
    "typed",
    [{"attempts": "1", "delay": "2.50", "backoff": "", "timeout": "7.0"}, {"attempts": "", "delay": "5", "backoff": "3", "timeout": ""}],
)  # fmt: skip
def test_retry_and_timeout_stay_as_they_were_typed_whatever_keeps_them_from_being_saved(
    client_alice, alice, status, typed
):
    """Also numbers that the document does not keep without others, and in the way they were written."""
    make_connection("simulator")
    flow = make_flow("bar-static")
    stored = flow.current.parsed().find("chat").properties
    post(client_alice, flow, "save_properties", "chat", **stored, title="Theirs", base=1)
    mine = {**stored, "title": " Mine ", "retry-shown": "1", "retry_on": ["timeout"], **typed}
    mine |= {"base": 1} if status == 409 else {"base": 2, "temperature": "hot"}
    answer = post(client_alice, flow, "save_properties", "chat", htmx=False, **mine)
    page = answer.content.decode()
    assert answer.status_code == status
    summary = [f"up to {typed['attempts']} tries"] * bool(typed["attempts"]) + [f"{typed['timeout']} s"] * bool(
        typed["timeout"]
    )
    assert f'<span class="disclosure-count">{", ".join(summary)}</span>' in page
    shown = fields_of(page)
    assert {name: shown[name] for name in typed} == {name: [value] for name, value in typed.items()}
    assert (shown["retry_on"], shown["title"]) == (["timeout"], [" Mine "])


def test_a_conflict_without_htmx_is_a_page_with_both_versions(client_alice, client_bob, alice, bob):
    flow = flow_of(log("a"), inputs=[{"name": "q", "type": "text"}])
    post(client_alice, flow, "save_properties", "a", base=1, title="Theirs", message="theirs")
    answer = post(client_alice, flow, "save_properties", "a", htmx=False, base=1, title="Mine", message="mine")
    page = one_line(answer.content.decode())
    assert answer.status_code == 409
    assert "<!DOCTYPE html>" in page
    assert "Alice changed this flow at" in page
    assert "<td>Mine</td><td>Theirs</td>" in page
    assert "<td>mine</td><td>theirs</td>" in page
    answer = client_alice.post(url(flow, "save_inputs"), {"base": 1, "name": "Other"})
    assert (answer.status_code, "<td>Other</td><td>Race</td>" in one_line(answer.content.decode())) == (409, True)


def test_a_step_in_conflict_shows_the_flow_as_it_is(client_alice, loop):
    post(client_alice, loop, "change", "first", "remove", base=1)
    answer = post(client_alice, loop, "change", "last", "up", base=1, action="first")
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Alice changed this flow meanwhile (revision 2). Your step was not made" in page
    assert 'data-card="first"' not in page
    assert "Choose an action to see its properties." in page
    plain = client_alice.post(url(loop, "change", "last", "up"), {"base": 1}, follow=True)
    assert "Your step was not made" in plain.content.decode()


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "empty"), ([], "empty"), (False, "empty"), (True, "yes"), ({"secret": "s0123456789ab"}, "a stored secret"),
     ({"attempts": 3, "on": []}, "attempts 3"), (2.50, "2.5"), ([1, "a"], "1; a"), ("x" * 300, "x" * 200)],
)  # fmt: skip
def test_values_of_two_versions_are_put_into_words(value, words):
    assert in_words(value) == words


def test_a_conflict_keeps_a_typed_secret_without_showing_it(client_alice, alice):
    flow = make_flow("bar-dynamic")
    connect = {"endpoint": "{{ tenant_endpoint }}", "connection_variable_name": "connection"}
    post(client_alice, flow, "save_properties", "conn", base=1, title="Theirs", api_key=PLANTED_KEY, **connect)
    answer = post(client_alice, flow, "save_properties", "conn", base=1, title="Mine", api_key=CANARY, **connect)
    page = answer.content.decode()
    assert (answer.status_code, CANARY in page, PLANTED_KEY in page) == (409, False, False)
    assert post(client_alice, flow, "save_properties", "conn", **{**fields_of(page), "base": 2}).status_code == 200
    key = Flow.objects.get().current.parsed().find("conn").properties["api_key"]["secret"]
    assert FlowSecret.objects.get(key=key).value.reveal() == CANARY


def test_a_conflict_at_start_keeps_the_inputs(client_alice, alice):
    flow = flow_of(log("a"), inputs=[{"name": "q", "type": "text"}])
    post(client_alice, flow, "change", "a", "duplicate", base=1)
    typed = {
        "name": "Mine", "deadline": "90", "concurrency": "7",
        "input-0-name": "q", "input-0-type": "text", "input-0-default": "mine", "input-0-description": "What",
        "input-1-name": "token", "input-1-type": "secret", "input-1-default": CANARY,
    }  # fmt: skip
    answer = client_alice.post(url(flow, "save_inputs"), {**typed, "base": 1}, headers=HTMX)
    page = answer.content.decode()
    assert (answer.status_code, CANARY in page, "data-keep-mine" in page) == (409, False, True)
    kept = {**fields_of(page), "base": 2, "input-0-type": "text", "input-1-type": "secret"}
    assert client_alice.post(url(flow, "save_inputs"), kept, headers=HTMX).status_code == 200
    document = Flow.objects.get().current.parsed()
    assert (document.name, document.deadline, document.concurrency) == ("Mine", 90, 7)
    assert (document.inputs[0].default, document.inputs[0].description) == ("mine", "What")
    assert FlowSecret.objects.get(key=document.inputs[1].default["secret"]).value.reveal() == CANARY


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
