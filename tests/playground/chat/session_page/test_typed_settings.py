"""What is typed of the settings: what is saved, what is kept, what is refused beside its field."""

import re

import pytest
from django.utils import timezone

from connections.models import LearntLesson
from flows.models import Run, State
from flows.playground.setup import ACTION, Setup
from tests.markup import one_line
from tests.playground.chat.session_page.session_steps import HTMX, body, saved, url
from tests.playground.session_factory import make_answer, make_run, make_turn


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
