"""Use in flow: a reviewed change of one action, or a new flow."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.contrib.messages import get_messages
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from flows.language.document import parse
from flows.models import Flow
from flows.playground.models import Answer, Session, Turn
from flows.playground.setup import Setup, setup_of
from tests.factories import make_connection, make_flow
from tests.markup import one_line

pytestmark = pytest.mark.django_db
Json = dict[str, Any]


@pytest.fixture
def flow(alice: User) -> Flow:
    make_connection("simulator")
    return make_flow(by=alice)


def chat_of(flow: Flow) -> Json:
    found = Flow.objects.get(pk=flow.pk).current.parsed().find("chat")
    assert found
    return dict(found.properties)


def make_session(owner: User, flow: Flow | None = None, **changed: Any) -> Session:
    """As opened from the chat completion of the flow, then changed."""
    setup, prompt = setup_of(chat_of(flow)) if flow else (Setup("simulator", "gpt-4o-mini"), "Hi {{ name }}")
    prompt = changed.pop("prompt", prompt)
    setup = Setup.from_json({**setup.to_json(), **changed.pop("setup", {})})
    named: Json = {"name": "Invoice question", "setup": setup.to_json(), "draft": prompt}
    return Session.objects.create(
        owner=owner, from_flow=flow, from_action="chat" if flow else "", **{**named, **changed}
    )


def address(session: Session, **query: Any) -> str:
    return reverse("playground:use", args=[session.pk]) + (f"?{urlencode(query)}" if query else "")


def shown(client: Client, session: Session, **query: Any) -> Any:
    return client.get(address(session, **query))


def hidden(html: str) -> Json:
    return dict(re.findall(r'<input type="hidden" name="(base|reviewed)" value="([^"]*)"', html))


def reviewed(client: Client, session: Session, **query: Any) -> Json:
    return hidden(shown(client, session, **query).content.decode())


def used(client: Client, session: Session, given: Json | None = None, **query: Any) -> Any:
    """Posted as the page that was reviewed posts it."""
    return client.post(address(session, **query), {**reviewed(client, session, **query), **(given or {})})


def test_the_review_shows_what_changes_and_what_stays(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(
        alice, flow, prompt="Answer in French:\n{{ question }}", setup={"parameters": {"temperature": 0.1}}
    )
    page = shown(client_alice, session)
    review = page.context["page"].review
    assert [row.label for row in review.rows] == ["User prompt", "Temperature"]
    assert [(line.kind, line.text) for line in review.rows[0].lines] == [
        ("added", "Answer in French:"),
        ("same", "{{ question }}"),
    ]
    kept = {row.label: row.value for row in review.unchanged_rows}
    assert (kept["Result variable name"], kept["Model"]) == ("response", "gpt-4o-mini")
    html = page.content.decode()
    assert "Answer in French:" in html
    assert "revision 1" in html


def test_the_change_is_committed_against_the_revision_that_was_reviewed(
    client_alice: Client, alice: User, flow: Flow
) -> None:
    before = chat_of(flow)
    session = make_session(alice, flow, prompt="Why {{ question }}?", setup={"instructions": "Be brief."})
    response = used(client_alice, session)
    assert response.url == f"/flows/{flow.slug}/?action=chat"
    revision = Flow.objects.get(pk=flow.pk).current
    assert (revision.number, revision.note, revision.created_by) == (
        2,
        "from playground session Invoice question",
        alice,
    )
    assert chat_of(flow) == {**before, "user_prompt": "Why {{ question }}?", "system_prompt": "Be brief."}


def test_what_was_opened_and_not_changed_is_no_difference(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow)
    assert "No difference" in shown(client_alice, session).content.decode()
    response = used(client_alice, session)
    assert response.url == f"/flows/{flow.slug}/?action=chat"
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "Nothing to change: Answer is as in the session."
    ]
    assert flow.revisions.count() == 1


def test_a_newer_revision_is_a_conflict_and_shows_the_difference_to_it(
    client_alice: Client, alice: User, bob: User, flow: Flow
) -> None:
    session = make_session(alice, flow, prompt="Why {{ question }}?")
    form = reviewed(client_alice, session)
    theirs = flow.current.parsed().with_properties("chat", {**chat_of(flow), "user_prompt": "Theirs"})
    flow.commit(theirs, by=bob, base=1)
    response = client_alice.post(address(session), form)
    assert response.status_code == 409
    html = response.content.decode()
    assert "Bob changed this flow" in one_line(html)
    assert "Theirs" in html
    assert chat_of(flow)["user_prompt"] == "Theirs"
    assert client_alice.post(address(session), hidden(html)).status_code == 302
    assert chat_of(flow)["user_prompt"] == "Why {{ question }}?"


def test_a_session_that_changed_since_the_review_is_reviewed_again(
    client_alice: Client, alice: User, flow: Flow
) -> None:
    session = make_session(alice, flow, prompt="One {{ question }}")
    form = reviewed(client_alice, session)
    Session.objects.update(draft="Two {{ question }}")
    response = client_alice.post(address(session), form)
    assert response.status_code == 409
    assert "The session was changed meanwhile" in response.content.decode()
    assert flow.revisions.count() == 1


@pytest.mark.parametrize("form", [{}, {"base": "x"}, {"base": "99"}, {"base": "1", "reviewed": "no"}])
def test_what_was_not_reviewed_is_not_committed(client_alice: Client, alice: User, flow: Flow, form: Json) -> None:
    session = make_session(alice, flow, prompt="Why?")
    assert client_alice.post(address(session), form).status_code == 409
    assert flow.revisions.count() == 1


def test_variables_that_the_flow_lacks_are_offered_as_inputs(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt="{{ rows[0] }} {{ tone }}", variables={"rows": '["a"]', "tone": "calm"})
    assert "The flow lacks 2 variables here" in shown(client_alice, session).content.decode()
    used(client_alice, session, {"add": ["rows", "question", "nonsense"]})
    inputs = Flow.objects.get(pk=flow.pk).current.parsed().inputs
    assert [(each.name, each.type) for each in inputs] == [("question", "text"), ("rows", "list")]


def test_the_place_is_chosen_by_the_address(client_alice: Client, alice: User, flow: Flow) -> None:
    call = {"type": "chat_completion", "properties": {"connection": "simulator", "model": "m", "user_prompt": "x"}}
    inner = {"id": "body", "title": "", "actions": [{"id": "inner", **call}]}
    loop = {
        "id": "each",
        "type": "for_each",
        "title": "Each part",
        "properties": {"items": "{{ [1] }}"},
        "branches": [inner],
    }
    other = make_flow({"format": "foundryflow/1", "name": "Other", "actions": [{"id": "first", **call}, loop]})
    session = make_session(alice, flow, prompt="New")
    page = shown(client_alice, session, flow=other.slug, action="inner").context["page"]
    assert page.place.calls == [("first", "Chat completion"), ("inner", "Chat completion, in Each part")]
    used(client_alice, session, flow=other.slug, action="inner")
    made = Flow.objects.get(pk=other.pk).current.parsed()
    assert [made.find(id).properties["user_prompt"] for id in ("first", "inner")] == ["x", "New"]  # type: ignore[union-attr]
    session.refresh_from_db()
    assert (session.from_flow, session.from_action) == (other, "inner")


def test_a_place_that_is_not_there_falls_back_or_is_not_found(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow)
    assert shown(client_alice, session, flow=flow.slug, action="gone").context["page"].place.located.action.id == "chat"
    assert shown(client_alice, session, flow="nothing").status_code == 404
    empty = make_flow({"format": "foundryflow/1", "name": "Empty", "actions": []})
    page = shown(client_alice, session, flow=empty.slug)
    assert "Empty has no chat completion" in page.content.decode()
    assert client_alice.post(address(session, flow=empty.slug), {}).status_code == 422


def test_flows_of_sessions_are_not_offered(client_alice: Client, alice: User, flow: Flow) -> None:
    hidden_flow = Flow.objects.create_flow(
        parse({"format": "foundryflow/1", "name": "S", "actions": []}), by=alice, room="playground"
    )
    session = make_session(alice, flow)
    assert [slug for slug, _ in shown(client_alice, session).context["page"].flows] == [flow.slug]
    assert shown(client_alice, session, flow=hidden_flow.slug).status_code == 404


def test_a_flow_that_cannot_be_read_says_so(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow)
    broken = flow.revisions.create(number=2, document={"format": "other"})
    Flow.objects.update(head=broken)
    page = shown(client_alice, session)
    assert "This flow cannot be read" in page.content.decode()
    assert client_alice.post(address(session), {}).status_code == 422


def test_a_new_flow_is_made_with_inputs_call_and_return(client_alice: Client, alice: User) -> None:
    make_connection("simulator")
    session = make_session(alice, setup={"examples": [{"user": "q", "assistant": "a"}]}, variables={"name": "Ada"})
    response = used(client_alice, session, {"name": "Greeting"})
    flow = Flow.objects.get()
    assert response.url == f"/flows/{flow.slug}/?action=chat"
    assert (flow.name, flow.slug, flow.room) == ("Greeting", "greeting", "designer")
    assert [each.name for each in flow.current.parsed().inputs] == ["name"]
    assert chat_of(flow)["history"] == [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    assert flow.current.note == "from playground session Invoice question"
    session.refresh_from_db()
    assert (session.from_flow, session.from_action) == (flow, "chat")
    assert "No difference" in shown(client_alice, session).content.decode()


def test_a_new_flow_needs_a_name_and_a_review(client_alice: Client, alice: User) -> None:
    session = make_session(alice)
    response = used(client_alice, session, {"name": " "})
    assert response.status_code == 422
    assert "A flow needs a name." in response.content.decode()
    assert client_alice.post(address(session), {"name": "x"}).status_code == 409
    assert not Flow.objects.exists()


def test_a_session_without_a_prompt_has_nothing_to_bring(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt=" ")
    assert "This session has no prompt yet" in shown(client_alice, session).content.decode()
    assert client_alice.post(address(session), {"base": "1"}).status_code == 422
    assert client_alice.post(address(session, flow=""), {"name": "x"}).status_code == 422


def add_turn(
    session: Session,
    prompt: str,
    *,
    columns: int = 1,
    winner: int | None = None,
    setup: Json | None = None,
    **more: Any,
) -> Turn:
    turn = Turn.objects.create(session=session, parent=session.head, prompt=prompt, **more)
    for column in range(columns):
        settings = session.setup_of(column).to_json() if setup is None else setup
        Answer.objects.create(
            turn=turn, column=column, setup=settings, state="succeeded", text="A", winner=column == winner
        )
    session.head = turn
    session.save()
    return turn


def test_the_prompt_is_that_of_the_newest_turn_or_the_draft_by_choice(
    client_alice: Client, alice: User, flow: Flow
) -> None:
    session = make_session(alice, flow, prompt="")
    add_turn(session, "First {{ question }}")
    add_turn(session, "Second {{ question }}")
    source = shown(client_alice, session).context["page"].source
    assert (source.prompt, source.has_choice) == ("Second {{ question }}", False)
    Session.objects.update(draft="Third {{ question }}")
    assert shown(client_alice, session).context["page"].source.prompt == "Second {{ question }}"
    assert shown(client_alice, session, prompt="draft").context["page"].source.prompt == "Third {{ question }}"
    used(client_alice, session, prompt="draft")
    assert chat_of(flow)["user_prompt"] == "Third {{ question }}"


def test_earlier_messages_of_a_run_are_not_the_prompt(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt="Now {{ question }}")
    add_turn(session, "Long ago", setup={})
    assert shown(client_alice, session).context["page"].source.prompt == "Now {{ question }}"


def test_of_several_columns_the_winner_of_the_newest_turn_is_used_unless_another_is_chosen(
    client_alice: Client, alice: User, flow: Flow
) -> None:
    columns = [{}, {"model": "second", "parameters": {"temperature": 0.9}}, {"model": "third"}]
    session = make_session(alice, flow, prompt="", columns=columns, comparing=True)
    add_turn(session, "All {{ question }}", columns=3, winner=1, prompts={"2": "Own {{ question }}"})
    page = shown(client_alice, session)
    assert "settings of column B, the winner" in page.content.decode()
    review = page.context["page"].review
    assert (review.properties["model"], review.properties["temperature"]) == ("second", 0.9)
    other = shown(client_alice, session, column=2).context["page"].review
    assert (other.properties["model"], other.properties["user_prompt"]) == ("third", "Own {{ question }}")
    assert shown(client_alice, session, column=9).context["page"].source.column == 1
    used(client_alice, session, column=2)
    assert chat_of(flow)["model"] == "third"


def test_settings_that_changed_after_the_answer_are_said(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow)
    add_turn(session, "x {{ question }}")
    assert "changed after its answer" not in shown(client_alice, session).content.decode()
    Session.objects.update(setup={**session.setup, "model": "other"})
    assert "changed after its answer" in shown(client_alice, session).content.decode()


def test_folded_context_and_template_are_said(client_alice: Client, alice: User, flow: Flow) -> None:
    stored = {**chat_of(flow), "context": "{{ question }}", "prompt_template": "@@context\n@@userPrompt"}
    flow.commit(flow.current.parsed().with_properties("chat", stored), by=alice, base=1)
    session = make_session(alice, flow, prompt="Other")
    html = shown(client_alice, session).content.decode()
    assert "The prompt of the session holds the context and prompt template of this action, too." in html
    assert html.count("Removed: in the session it is a part of the prompt.") == 2
    used(client_alice, session)
    assert "context" not in chat_of(flow)


def test_a_dynamic_connection_and_retry_stay_and_are_said(client_alice: Client, alice: User) -> None:
    make_connection("simulator")
    call = {
        "id": "chat",
        "type": "chat_completion",
        "retry": {"attempts": 3},
        "timeout": 30,
        "properties": {
            "connection": "simulator",
            "dynamic_connection": "conn",
            "model": "m",
            "user_prompt": "x",
            "history": "{{ past }}",
        },
    }
    flow = make_flow({"format": "foundryflow/1", "name": "F", "inputs": [{"name": "conn", "type": "connection"}, {"name": "past", "type": "list"}], "actions": [call]})  # fmt: skip
    session = make_session(alice, flow, prompt="y", setup={"connection": "other"})
    page = shown(client_alice, session)
    assert "whatever Connection says" in page.content.decode()
    kept = {row.label: row.value for row in page.context["page"].review.unchanged_rows}
    assert (kept["Retry"], kept["Timeout"], kept["History"]) == ("3 tries", "30 s", "{{ past }}")
    assert kept["Result variable name"] == "response"


def test_with_htmx_the_choices_renew_one_region(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt="New")
    response = client_alice.get(address(session, flow=""), headers={"HX-Request": "true"})
    assert response.content.decode().startswith('<hx-partial hx-target="#use"')
    assert "Create flow" in response.content.decode()


def test_a_shared_session_is_used_by_other_editors_and_stays_as_it_is(
    client_alice: Client, alice: User, bob: User, flow: Flow
) -> None:
    session = make_session(bob, None, prompt="Shared {{ question }}")
    assert client_alice.get(address(session)).status_code == 404
    Session.objects.update(shared=True)
    used(client_alice, session, flow=flow.slug)
    assert chat_of(flow)["user_prompt"] == "Shared {{ question }}"
    session.refresh_from_db()
    assert session.from_flow is None


def test_readers_and_wrong_methods_are_refused(client_alice: Client, client_bob: Client, bob: User, flow: Flow) -> None:
    session = make_session(bob, flow, prompt="x")
    for method in (client_bob.get, client_bob.post):
        assert method(address(session)).status_code == 403
    assert client_alice.put(address(session)).status_code == 405
    assert flow.revisions.count() == 1


def test_texts_are_escaped(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt="<script>alert(1)</script>", name="<b>n</b>")
    html = shown(client_alice, session).content.decode()
    assert "<script>alert" not in html
    assert "<b>n" not in html


def test_a_deleted_flow_leaves_the_session_without_a_place(client_alice: Client, alice: User, flow: Flow) -> None:
    session = make_session(alice, flow, prompt="x")
    flow.remove()
    assert shown(client_alice, session).context["page"].preview


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_takes_the_same_number_of_queries_however_many_flows(
    client_alice: Client, alice: User, flow: Flow, count: int
) -> None:
    session = make_session(alice, flow, prompt="x")
    for number in range(count):
        make_flow({"format": "foundryflow/1", "name": f"F{number}", "actions": []})
    with CaptureQueriesContext(database) as queries:
        shown(client_alice, session)
    assert len(queries) == 6
