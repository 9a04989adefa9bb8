"""Open in playground: a session made of a recorded call sends what the run sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from flows.engine import embedded
from flows.language.files import GivenFile
from flows.models import ActionRun, Flow, Run, State
from flows.playground.chat import ask
from flows.playground.models import Session
from tests.documents_of import load
from tests.factories import PLANTED_KEY, make_connection, make_flow, make_run
from tests.markup import one_line

pytestmark = pytest.mark.django_db(transaction=True)
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def connection(simulator: str, db: None) -> None:
    make_connection("simulator", endpoint=f"{simulator}/openai/v1", key="simulator")


def chat(id: str, prompt: str, **properties: Any) -> Json:
    properties = {"connection": "simulator", "model": "gpt-4o-mini", "user_prompt": prompt, **properties}
    return {
        "id": id,
        "type": "chat_completion",
        "title": id.title(),
        "properties": {"result_variable_name": id, **properties},
    }


def action(id: str, type: str, *branches: Json, **properties: Any) -> Json:
    made: Json = {"id": id, "type": type, "properties": properties}
    return {**made, "branches": list(branches)} if branches else made


def branch(id: str, *actions: Json, **more: Any) -> Json:
    return {"id": id, "title": "", "actions": list(actions), **more}


def declare(id: str, **values: Any) -> Json:
    rows = [{"name": name, "type": type, "value": value} for name, (type, value) in values.items()]
    return action(id, "declare_variables", variables=rows)


def document(*actions: Json, name: str = "Round trip", **inputs: str) -> Json:
    declared = [{"name": each, "type": type} for each, type in inputs.items()]
    return {"format": "foundryflow/1", "name": name, "inputs": declared, "actions": list(actions)}


def ran(flow: Flow, **inputs: Any) -> Run:
    run = make_run(flow, **inputs)
    asyncio.run(embedded.run_here(run))
    return Run.objects.get(pk=run.pk)


def opened(client: Client, run: Run, path: str) -> tuple[Session, list[str]]:
    """The session, and what the page says about it."""
    response = client.post(f"{reverse('playground:open_action', args=[run.pk])}?{urlencode({'path': path})}")
    session = Session.objects.latest("pk")
    assert response.url == reverse("playground:show", args=[session.pk])
    client.cookies.pop("messages", None)  # which nobody reads here
    return session, [str(message) for message in get_messages(response.wsgi_request)]


def asked(session: Session) -> ActionRun:
    """The record of what the session sends when its draft is asked."""
    turn = ask.ask_question(session, session.draft, [], session.owner)
    (answer,) = turn.answers.all()
    assert answer.run
    asyncio.run(embedded.run_here(answer.run))
    return answer.run.actions.get(path="answer")


def prompt_of(run: Run, path: str) -> Any:
    return run.actions.get(path=path).facts["prompt"]


CUSTOMER = {"name": "Ada", "orders": [{"id": 7, "open": True}, {"id": 8, "open": False}]}
EACH = action(
    "each",
    "for_each",
    branch(
        "body",
        chat("ask", "Part {{ index + 1 }}: {{ item }} of {{ words | length }}, {{ said }}"),
        action("keep", "set_variable", variable="said", value="{{ said }}{{ item }}"),
    ),
    items="{{ words }}",
)
SHAPES: dict[str, tuple[Json, Json, str]] = {
    "a plain input": (document(chat("ask", "{{ question }}"), question="text"), {"question": "Why \"so\"?\n{{ no }}"}, "ask"),
    "parts of an object": (document(chat("ask", "{{ customer.name | upper }}: {% for o in customer.orders if o.open %}{{ o.id }}{% endfor %}"), customer="object"), {"customer": CUSTOMER}, "ask"),
    "an object as JSON": (document(chat("ask", "{{ customer }} {{ customer | tojson(2) }}"), customer="object"), {"customer": CUSTOMER}, "ask"),
    "inputs together": (document(chat("ask", "{{ inputs.question }} {{ inputs['customer'].name }}"), question="text", customer="object"), {"question": "q", "customer": CUSTOMER}, "ask"),
    "numbers": (document(chat("ask", "{{ n }} {{ n + 1 }} {% if n > 2 %}many{% endif %} {{ price * 2 }}"), n="number", price="number"), {"n": 3, "price": 1.5}, "ask"),
    "a boolean": (document(chat("ask", "{% if flag %}yes{% else %}no{% endif %} {{ other }}"), flag="boolean", other="boolean"), {"flag": False, "other": False}, "ask"),
    "an answer as text": (document(chat("first", "One"), chat("ask", "Improve: {{ first }}")), {}, "ask"),
    "parts of an answer": (document(chat("first", "One"), chat("ask", "{{ first.text }} ({{ first.usage.total_tokens }}, {{ first.model }})")), {}, "ask"),
    "a loop": (document(declare("v", said=("text", "")), EACH, words="list"), {"words": ["a", "b", "c"]}, "each[2]/ask"),
    "a loop side by side": (document(declare("v", said=("text", "x")), {**EACH, "properties": {"items": "{{ words }}", "parallelism": 3}}, words="list"), {"words": ["a", "b", "c"]}, "each[1]/ask"),
    "results of a loop": (document(action("each", "for_each", branch("body", chat("one", "{{ item }}")), items="{{ words }}", result="{{ one }}", results_variable_name="found"), chat("ask", "{{ found | join('\n') }}"), words="list"), {"words": ["a", "b"]}, "ask"),
    "results of a loop, taken apart": (document(action("each", "for_each", branch("body", chat("one", "{{ item }}")), items="{{ words }}", result="{{ one }}", results_variable_name="found"), chat("ask", "{% for f in found %}{{ f.text }}: {{ f.usage.total_tokens }};{% endfor %}"), words="list"), {"words": ["a", "b"]}, "ask"),
    "a catch": (document(action("g", "try_catch", branch("g-try", action("t", "throw", message="no", kind="no_stock")), branch("g-catch", chat("ask", "{{ exception.kind }}: {{ exception.message }} at {{ exception.path }}")))), {}, "g/ask"),
    "a while": (document(declare("v", n=("number", 0)), action("w", "while", branch("body", chat("ask", "Round {{ n }} {{ index }}"), action("up", "set_variable", variable="n", value="{{ n + 2 }}")), condition="n < 6")), {}, "w[2]/ask"),
    "a branch": (document(declare("v", n=("number", 5)), action("i", "if_else", branch("yes", declare("inner", word=("text", "in {{ n }}")), chat("ask", "{{ word }}"), condition="n > 3"))), {}, "i/ask"),
    "context and template": (document(chat("ask", "{{ question }}", context="{{ docs }}", prompt_template="Use @@context.\nAnswer: @@userPrompt", system_prompt="Be {{ tone }}."), question="text", docs="list", tone="text"), {"question": "q", "docs": ["a", {"b": 1}], "tone": "calm"}, "ask"),
    "context alone": (document(chat("ask", "{{ question }}", context="{{ docs }}"), question="text", docs="text"), {"question": "q", "docs": "D"}, "ask"),
    "examples": (document(chat("ask", "{{ question }}", history=[{"role": "user", "content": "Hi {{ who }}"}, {"role": "assistant", "content": "Yes"}]), question="text", who="text"), {"question": "q", "who": "Ada"}, "ask"),
    "a history in a variable": (document(chat("ask", "{{ question }}", history="{{ past }}", system_prompt="S"), question="text", past="list"), {"question": "q", "past": [{"role": "user", "content": "use {{ x }}"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}, {"role": "assistant", "content": "c"}]}, "ask"),
    "examples before a history": (document(chat("ask", "{{ question }}", history=[{"role": "user", "content": "e"}, {"role": "assistant", "content": "f"}, "{{ past }}"]), question="text", past="list"), {"question": "q", "past": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}, "ask"),
    "a model in a variable": (document(chat("ask", "{{ question }}", model="{{ deployment }}", temperature="{{ t }}"), question="text", deployment="text", t="number"), {"question": "q", "deployment": "gpt-4o-mini", "t": 0.5}, "ask"),
    "a default": (document(chat("ask", "{{ question }} {{ tone | default('calm') }}"), question="text", tone="text"), {"question": "q", "tone": "sharp"}, "ask"),
    "an input that is empty": (document(chat("ask", "[{{ question }}] ok"), question="text"), {}, "ask"),
    "another flow's result": (document(action("sub", "run_flow", flow="bar-static", inputs={"question": "Hm?"}, result_variable_name="told"), chat("ask", "{{ told }}")), {}, "ask"),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_session_sends_what_the_run_sent(client_alice: Client, shape: str) -> None:
    made, inputs, path = SHAPES[shape]
    make_flow("bar-static")
    run = ran(make_flow(made), **inputs)
    assert run.actions.get(path=path).state == State.SUCCEEDED
    session, said = opened(client_alice, run, path)
    assert said == []
    assert asked(session).facts["prompt"] == prompt_of(run, path)


@pytest.mark.parametrize("name", ["bar-static", "bar-dynamic", "answer-a-customer"])
def test_the_calls_of_the_sample_flows_are_opened_as_they_were_sent(
    client_alice: Client, simulator: str, name: str
) -> None:
    made = load(name)
    given = {"question": "Where is my order?", "endpoint": f"{simulator}/openai/v1", "api_key": "simulator"}
    run = ran(
        make_flow(made), **{each["name"]: given[each["name"]] for each in made["inputs"] if each["name"] in given}
    )
    for record in run.actions.filter(type="chat_completion", state=State.SUCCEEDED):
        session, said = opened(client_alice, run, record.path)
        assert all("whose key is not stored" in each for each in said)
        if session.setup["connection"] == "simulator":
            assert asked(session).facts["prompt"] == record.facts["prompt"]
        assert (session.from_flow, session.from_action) == (run.flow, record.action_id)


def test_templates_stay_templates_and_values_are_typed(client_alice: Client) -> None:
    made = document(
        chat("ask", "{{ customer.name }} {{ n + 1 }} {{ words }}", system_prompt="Be {{ tone }}.", temperature=0.5, seed=7),
        customer="object", n="number", words="list", tone="text",
    )  # fmt: skip
    run = ran(make_flow(made), customer=CUSTOMER, n=3, words=["ä", 1], tone=" calm ")
    session, _ = opened(client_alice, run, "ask")
    assert session.name == f"Ask, run {run.pk}"
    assert session.draft == "{{ customer.name }} {{ n + 1 }} {{ words }}"
    assert session.setup["instructions"] == "Be {{ tone }}."
    assert session.setup["parameters"] == {"temperature": 0.5, "seed": 7}
    assert session.variables["n"] == "3"
    assert session.variables["words"] == '["ä", 1]'
    assert session.variables["tone"] == " calm "
    assert session.variables["customer"].startswith('{"name": "Ada", "orders": [')


def test_the_values_are_those_that_the_action_had_and_not_later_ones(client_alice: Client) -> None:
    set_to = lambda id, value: action(id, "set_variable", variable="said", value=value)  # noqa: E731 - three alike
    made = document(declare("v", said=("text", "one")), chat("a", "{{ said }}"), set_to("s", "two"), chat("b", "{{ said }}"), set_to("t", "three"))  # fmt: skip
    run = ran(make_flow(made))
    assert [opened(client_alice, run, path)[0].variables for path in ("a", "b")] == [{"said": "one"}, {"said": "two"}]


def test_a_failed_call_is_opened_to_be_tried_again(client_alice: Client) -> None:
    failing = chat("ask", "{{ question }}", model="content-filter")
    run = ran(make_flow(document(failing, question="text")), question="Why?")
    assert run.state == State.FAILED
    session, said = opened(client_alice, run, "ask")
    assert (session.variables, session.setup["model"], said) == ({"question": "Why?"}, "content-filter", [])


def test_a_call_that_could_not_be_rendered_is_opened_with_what_it_had(client_alice: Client) -> None:
    run = ran(make_flow(document(chat("ask", "{{ customer.nothing }} {{ n }}"), customer="object", n="number")), customer={"a": 1}, n=2)  # fmt: skip
    session, said = opened(client_alice, run, "ask")
    assert session.variables == {"customer": '{"a": 1}', "n": "2"}
    assert said == []


def test_a_dynamic_connection_is_said_and_its_key_is_nowhere(client_alice: Client, simulator: str) -> None:
    conn = action("conn", "create_azure_ai_connection", api_key="{{ key }}", endpoint=f"{simulator}/openai/v1")
    declared = declare("v", key=("secret", "{{ token }}"), word=("text", "so"))
    call = chat("ask", "{{ word }} by {{ connection }}", dynamic_connection="connection")
    made = document(declared, conn, call, token="secret")
    run = ran(make_flow(made), token=PLANTED_KEY)
    session, said = opened(client_alice, run, "ask")
    assert said == [
        "The run used the connection in the variable connection, whose key is not stored. This session uses simulator."
    ]
    assert session.variables == {"word": "so", "connection": "connection"}
    assert PLANTED_KEY not in json.dumps([session.setup, session.variables, session.draft])
    assert asked(session).facts["prompt"] == prompt_of(run, "ask")
    alone = document(declared, conn, {**call, "properties": {**call["properties"], "connection": ""}}, token="secret")
    _, said = opened(client_alice, ran(make_flow(alone), token=PLANTED_KEY), "ask")
    assert said == [
        "The run used the connection in the variable connection, whose key is not stored. Choose a connection."
    ]


def test_a_secret_among_the_values_is_left_empty_and_said(client_alice: Client) -> None:
    box = declare("v", key=("secret", "{{ token }}"), box=("object", {"key": "{{ token }}", "name": "A"}))
    run = ran(make_flow(document(box, chat("ask", "{{ box.name }}"), token="secret")), token=PLANTED_KEY)
    session, said = opened(client_alice, run, "ask")
    assert session.variables == {"box": '{"key": "", "name": "A"}'}
    assert said == ["Secrets are not stored, so they are left empty: box."]
    failed = ran(make_flow(document(chat("ask", "{{ token }}"), token="secret", name="Second")), token=PLANTED_KEY)
    session, said = opened(client_alice, failed, "ask")
    assert (session.variables, said) == ({}, ["Secrets are not stored, so they are left empty: token."])


def test_values_behind_a_secret_condition_are_those_of_the_way_that_was_taken(client_alice: Client) -> None:
    choice = action(
        "i", "if_else", branch("yes", declare("w", word=("text", "inside")), chat("ask", "{{ word }}"), condition="key")
    )
    run = ran(make_flow(document(declare("v", key=("secret", "{{ token }}")), choice, token="secret")), token="x")
    session, said = opened(client_alice, run, "i/ask")
    assert (session.variables, said) == ({"word": "inside"}, [])


def test_a_history_of_questions_and_answers_becomes_turns(client_alice: Client) -> None:
    past = [said("user", "one {{ x }}"), said("assistant", "1"), said("user", "two"), said("assistant", "2")]
    run = ran(make_flow(document(chat("ask", "three", history="{{ past }}"), past="list")), past=past)
    session, notes = opened(client_alice, run, "ask")
    turns = list(session.turns.all())
    assert [turn.prompt for turn in turns] == ["{% raw %}one {{ x }}{% endraw %}", "two"]
    assert [turn.parent for turn in turns] == [None, turns[0]]
    assert session.head == turns[1]
    assert [(a.text, a.state, a.run, a.chosen) for turn in turns for a in turn.answers.all()] == [
        ("1", State.SUCCEEDED, None, True), ("2", State.SUCCEEDED, None, True),
    ]  # fmt: skip
    assert (notes, session.draft, session.variables) == ([], "three", {})


def said(role: str, content: Any) -> Json:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("past", "why"),
    [
        ([said("system", "S"), said("user", "u")], "its messages are not questions and answers by turns"),
        ([said("user", "u"), said("assistant", "a"), said("user", "v")], "its messages are not questions and answers by turns"),
        ([said("user", "{{ a }}{% endraw %}"), said("assistant", "a")], "a question in it holds a template"),
        ([said("user", [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {"url": "https://x/a.png"}}]), said("assistant", "a")], "a question in it is made of more than a text and images"),
    ],
)  # fmt: skip
def test_a_history_that_a_session_cannot_keep_is_left_out_and_said(
    client_alice: Client, past: list[Json], why: str
) -> None:
    run = ran(make_flow(document(chat("ask", "three", history="{{ past }}"), past="list")), past=past)
    session, notes = opened(client_alice, run, "ask")
    assert not session.turns.exists()
    assert notes == [f"The history of the run is left out: {why}."]


def test_images_of_the_history_are_kept_and_those_of_the_prompt_must_be_attached_again(client_alice: Client) -> None:
    image = "data:image/png;base64,iVBORw0KGgo="
    past = [
        said("user", [{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": image}}]),
        said("assistant", "a"),
    ]
    made = document(chat("ask", "{{ n }}", history="{{ past }}", images=[image]), past="list", n="number")
    run = ran(make_flow(made), past=past, n=1)
    session, notes = opened(client_alice, run, "ask")
    assert session.turns.get().images == [image]
    assert notes == ["1 image of the run must be attached again."]


def test_files_of_the_run_must_be_attached_again(client_alice: Client) -> None:
    made = document(chat("ask", "{{ n }}", files="{{ bill }}"), bill="file", n="number")
    run = ran(make_flow(made), bill=GivenFile("front.png", "image/png", b"\x89PNG\r\n\x1a\n"), n=1)
    session, notes = opened(client_alice, run, "ask")
    assert notes == ["1 file of the run must be attached again, images only."]
    assert session.draft == "{{ n }}"


def test_what_a_session_cannot_send_alike_is_said(client_alice: Client) -> None:
    run = ran(make_flow(document(chat("first", "One"), chat("ask", "{{ first }} {{ first.model }}"))))
    _, notes = opened(client_alice, run, "ask")
    assert notes == [
        "What this session sends differs from the prompt of the run. Compare it with the run's Prompt sent."
    ]


def test_values_too_long_for_a_field_are_left_empty_and_said(client_alice: Client) -> None:
    run = ran(make_flow(document(chat("ask", "{{ question | truncate(9) }}"), question="text")), question="x" * 200_001)
    session, notes = opened(client_alice, run, "ask")
    assert (session.variables, notes) == ({}, ["Too long for a field, so left empty: question."])


def test_without_the_records_of_earlier_actions_the_inputs_are_left(client_alice: Client) -> None:
    made = document(declare("v", said=("text", "x")), chat("ask", "{{ question }} {{ said }}"), question="text")
    run = ran(make_flow(made), question="q")
    run.checkpoints.all().delete()
    run.actions.filter(path="v").delete()
    session, notes = opened(client_alice, run, "ask")
    assert (session.variables, notes) == ({"question": "q"}, ["Not known any more, so left empty: said."])


def test_the_way_of_masked_records_alone_gives_the_same_values(client_alice: Client) -> None:
    made, inputs, path = SHAPES["a loop"]
    run = ran(make_flow(made), **inputs)
    before, _ = opened(client_alice, run, path)
    run.checkpoints.all().delete()
    after, notes = opened(client_alice, run, path)
    assert (after.variables, notes) == (before.variables, [])


def test_a_timeout_around_actions_is_caught_again(client_alice: Client) -> None:
    slow = {**action("i", "if_else", branch("all", action("pause", "wait", seconds=5))), "timeout": 0.1}
    guard = action(
        "g",
        "try_catch",
        branch("g-try", slow),
        branch("g-catch", chat("ask", "{{ exception.kind }} {{ exception.path }}")),
    )
    run = ran(make_flow(document(guard)))
    session, notes = opened(client_alice, run, "g/ask")
    assert notes == []
    assert '"kind": "timeout"' in session.variables["exception"]


def test_iterations_beside_the_one_of_interest_do_not_matter(client_alice: Client) -> None:
    leave = action("i", "if_else", branch("stop", action("b", "break"), condition="item == 'a'"))
    loop = {**EACH, "properties": {"items": "{{ words }}", "parallelism": 3}}
    loop["branches"] = [branch("body", chat("ask", "{{ item }}"), leave)]
    run = ran(make_flow(document(loop, words="list")), words=["a", "b", "c"])
    for path in run.actions.filter(type="chat_completion").values_list("path", flat=True):
        session, notes = opened(client_alice, run, path)
        assert (notes, len(session.variables)) == ([], 1)


def test_the_detail_of_a_call_has_the_button_and_other_actions_do_not(client_alice: Client) -> None:
    made, inputs, path = SHAPES["a loop"]
    run = ran(make_flow(made), **inputs)
    page = client_alice.get(reverse("runs:show", args=[run.pk]), {"action": path}).content.decode()
    assert f'formaction="/playground/open/{run.pk}/?path=each%5B2%5D/ask"' in page
    assert (
        "Open in playground"
        not in client_alice.get(reverse("runs:show", args=[run.pk]), {"action": "each"}).content.decode()
    )


def test_a_run_of_a_session_leads_back_to_it(client_alice: Client) -> None:
    run = ran(make_flow(document(chat("ask", "Hi"))))
    session, _ = opened(client_alice, run, "ask")
    record = asked(session)
    response = client_alice.post(f"/playground/open/{record.run_id}/?path=answer")
    assert response.url == reverse("playground:of_flow", args=[record.run.flow.slug])
    assert Session.objects.count() == 1
    page = client_alice.get(reverse("runs:show", args=[record.run_id])).content.decode()
    assert "Open in playground</button>" not in one_line(page)


def test_what_was_not_run_or_is_no_call_is_not_opened(client_alice: Client) -> None:
    choice = action("i", "if_else", branch("no", chat("ask", "x"), condition="1 > 2"))
    run = ran(make_flow(document(choice)))
    for path, status in (("i/ask", 302), ("i", 404), ("nothing", 404), ("", 404)):
        assert client_alice.post(f"/playground/open/{run.pk}/?{urlencode({'path': path})}").status_code == status
    assert client_alice.post("/playground/open/99999/?path=ask").status_code == 404
    assert not Session.objects.exists()


def test_opening_is_posted_by_editors(client_alice: Client, client_bob: Client) -> None:
    run = ran(make_flow(document(chat("ask", "Hi"))))
    assert client_alice.get(f"/playground/open/{run.pk}/?path=ask").status_code == 405
    assert client_bob.post(f"/playground/open/{run.pk}/?path=ask").status_code == 403
    assert not Session.objects.exists()
