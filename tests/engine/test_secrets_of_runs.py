"""Keys that come from anywhere leave no trace: a canary in every source is looked for in every table."""

import asyncio
import json
import logging
import sys

import pytest
from django.db import connection as database

from connections.secret import MASK
from flows.engine import embedded
from flows.language.document import parse
from flows.lint import linter
from flows.models import Flow, Run, State
from foundryflow import logs
from tests.factories import finish_run, make_flow, make_run

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "canary-0a1b2c3d4e5f"
FORMAT = {"format": "foundryflow/1", "name": "Canaries"}


@pytest.fixture
def endpoint(simulator):
    return f"{simulator}/openai/v1"


def create(key, endpoint, id="create"):
    return {
        "id": id,
        "type": "create_azure_ai_connection",
        "properties": {"api_key": key, "endpoint": endpoint, "connection_variable_name": "made"},
    }


def chat(prompt="Why?", model="gpt-4o-mini"):
    properties = {"dynamic_connection": "made", "model": model, "user_prompt": prompt}
    return {"id": "chat", "type": "chat_completion", "properties": properties}


def set_up(inputs, *actions):
    return make_flow({**FORMAT, "inputs": inputs, "actions": list(actions)})


def execute(flow, **inputs):
    run = make_run(flow, **inputs)
    finish_run(run)
    return run


def tables_with(text):
    found = set()
    with database.cursor() as cursor:
        for table in database.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            if text in str(cursor.fetchall()):
                found.add(table)
    return found


def log(message, id="log"):
    return {"id": id, "type": "log", "properties": {"message": message}}


SOURCES = {
    "text": ([{"name": "k"}], {"k": CANARY}, [create("{{ k }}", "{{ endpoint }}")]),
    "part of an object": (
        [{"name": "c", "type": "object"}],
        {"c": {"name": "Contoso", "key": CANARY}},
        [create("{{ c.key }}", "{{ endpoint }}")],
    ),
    "part said to be secret": (
        [{"name": "c", "type": "object", "secret_parts": ["key"]}],
        {"c": {"name": "Contoso", "key": CANARY}},
        [create("{{ c.key }}", "{{ endpoint }}"), {"id": "r", "type": "return", "properties": {"value": "{{ c }}"}}],
    ),
    "item of a list": (
        [{"name": "all", "type": "list"}],
        {"all": [{"key": CANARY}]},
        [
            log("{{ all }}"),
            {
                "id": "each",
                "type": "for_each",
                "properties": {"items": "{{ all }}", "item_variable_name": "c"},
                "branches": [{"id": "body", "actions": [create("{{ c.key }}", "{{ endpoint }}"), chat()]}],
            },
        ],
    ),
    "variable made of a text": (
        [{"name": "c", "type": "object"}],
        {"c": {"keys": [CANARY]}},
        [
            {
                "id": "declare",
                "type": "declare_variables",
                "properties": {"variables": [{"name": "plain", "type": "text", "value": "{{ c['keys'][0] }}"}]},
            },
            log("It is {{ plain }}."),
            create("{{ plain }}", "{{ endpoint }}"),
        ],
    ),
    "variable declared as secret": (
        [{"name": "c", "type": "object"}],
        {"c": {"keys": [CANARY]}},
        [
            log("{{ c }}"),
            {
                "id": "declare",
                "type": "declare_variables",
                "properties": {"variables": [{"name": "k", "type": "secret", "value": "{{ c['keys'][0] }}"}]},
            },
        ],
    ),
}


@pytest.mark.parametrize("model", ["gpt-4o-mini", "echo-key-text-base64", "echo-key-error"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_key_is_in_no_table_when_its_run_has_ended(endpoint, source, model):
    inputs, values, actions = SOURCES[source]
    flow = set_up(
        [*inputs, {"name": "endpoint"}], *actions, *([chat(model=model)] if actions[-1]["id"] == "create" else [])
    )
    run = execute(flow, endpoint=endpoint, **values)
    assert run.ended
    assert tables_with(CANARY) == set()


@pytest.mark.parametrize("source", ["text", "part of an object", "part said to be secret"])
def test_what_a_flow_uses_as_a_key_is_hidden_before_it_runs(endpoint, source):
    inputs, values, actions = SOURCES[source]
    run = make_run(set_up([*inputs, {"name": "endpoint"}], *actions), endpoint=endpoint, **values)
    assert MASK in json.dumps(run.inputs, ensure_ascii=False)
    assert tables_with(CANARY) == set()
    assert run.inputs_with_secrets() == {"endpoint": endpoint, **values}


def test_a_secret_part_works_as_a_key_and_is_refused_as_an_output(endpoint):
    inputs, _, actions = SOURCES["part said to be secret"]
    flow = set_up([*inputs, {"name": "endpoint"}], actions[0], chat(), actions[1])
    run = execute(flow, endpoint=endpoint, c={"name": "Contoso", "key": "simulator"})
    assert (run.error["kind"], run.error["path"]) == ("secret_in_output", "r")
    assert run.actions.get(path="chat").state == State.SUCCEEDED


def test_a_run_that_goes_on_elsewhere_finds_the_input_that_was_masked_meanwhile(endpoint):
    inputs, values, (logged, loop) = SOURCES["item of a list"]
    waits = {"id": "wait", "type": "wait", "properties": {"seconds": 60}}
    body = {"id": "body", "actions": [create("{{ c.key }}", endpoint), waits]}
    run = make_run(set_up(inputs, logged, {**loop, "branches": [body]}), **values)

    async def run_until_masked():
        going = asyncio.create_task(embedded.run_here(run))
        async with asyncio.timeout(20):
            while CANARY in str((await Run.objects.aget(pk=run.pk)).inputs):
                await asyncio.sleep(0.02)
        row = await Run.objects.aget(pk=run.pk)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        return row

    assert asyncio.run(run_until_masked()).inputs_with_secrets() == values


def test_inputs_that_were_masked_are_asked_again(endpoint):
    run = execute(set_up(*SOURCES["part said to be secret"][:1]), c={"name": "Contoso", "key": CANARY})
    assert run.inputs_without_masks() == {}


class TestPrompts:
    def flow(self, prompt, **more):
        inputs = [{"name": "c", "type": "object", "secret_parts": ["key"]}, {"name": "endpoint"}]
        call = chat(prompt)
        call["properties"] |= more
        return set_up(inputs, create("{{ c.key }}", "{{ endpoint }}"), call)

    @pytest.mark.parametrize(
        ("prompt", "more"),
        [("{{ c }}", {}), ("Why?", {"context": "{{ c }}"}), ("Why?", {"history": [{"content": "{{ c.key }}"}]})],
    )
    def test_a_secret_in_a_prompt_fails_the_action_before_anything_is_sent(self, endpoint, prompt, more):
        run = execute(self.flow(prompt, **more), endpoint=endpoint, c={"key": CANARY})
        assert run.state == State.FAILED
        assert run.error["kind"] in ("secret_in_text", "expression")
        assert "secret" in run.error["message"]
        assert tables_with(CANARY) == set()

    def test_so_does_a_text_that_has_become_a_key(self, endpoint):
        flow = set_up([{"name": "k"}, {"name": "endpoint"}], create("{{ k }}", "{{ endpoint }}"), chat("Say {{ k }}"))
        run = execute(flow, endpoint=endpoint, k=CANARY)
        assert (run.error["kind"], run.error["path"]) == ("secret_in_text", "chat")

    @pytest.mark.parametrize("prompt", ["{{ k }}", "Say {{ inputs.k }}", "{{ k | default('') }}", "{{ 'a' ~ k }}"])
    def test_lint_says_so_before(self, prompt):
        document = {**FORMAT, "inputs": [{"name": "k", "type": "secret"}], "actions": [chat(prompt)]}
        assert any("would show the secret `k`" in problem.message for problem in linter.problems(parse(document)))

    def test_whether_there_is_one_may_be_said(self):
        prompt = "{{ 'with' if k else 'without' }} a key"
        document = {**FORMAT, "inputs": [{"name": "k", "type": "secret"}], "actions": [chat(prompt)]}
        assert not any("would show" in problem.message for problem in linter.problems(parse(document)))


def test_the_log_of_the_server_masks_what_a_run_knows():
    record = logging.LogRecord("x", logging.ERROR, "f", 1, "broke with %s", (CANARY,), None)
    token = logs.mask_secrets.set(lambda text: text.replace(CANARY, MASK))
    try:
        raise ValueError(CANARY)
    except ValueError:
        record.exc_info = sys.exc_info()
        logs.SecretFilter().filter(record)
    finally:
        logs.mask_secrets.reset(token)
    assert CANARY not in logging.Formatter().format(record)


def test_a_flow_that_is_called_hides_its_key_from_the_run_that_called(endpoint):
    child = {**FORMAT, "name": "Child", "inputs": [{"name": "k"}], "actions": [create("{{ k }}", endpoint)]}
    make_flow(child)
    slug = Flow.objects.get(name="Child").slug
    call = {"id": "call", "type": "run_flow", "properties": {"flow": slug, "inputs": {"k": "{{ c['keys'][0] }}"}}}
    run = execute(set_up([{"name": "c", "type": "object"}], log("{{ c }}"), call), c={"keys": [CANARY]})
    assert run.state == State.SUCCEEDED
    assert tables_with(CANARY) == set()


def test_a_text_is_masked_after_a_crash_in_front_of_the_search(endpoint, monkeypatch):
    """The attempt that dies has recorded the key as a text, and made a connection of it."""
    inputs, values, (logged, loop) = SOURCES["item of a list"]
    waits = {"id": "wait", "type": "wait", "properties": {"seconds": 0.3}}
    body = {"id": "body", "actions": [create("{{ c.key }}", endpoint), waits]}
    run = make_run(set_up(inputs, logged, {**loop, "branches": [body]}), **values)

    async def run_until_made():
        going = asyncio.create_task(embedded.run_here(run))
        async with asyncio.timeout(20):
            while not await run.checkpoints.filter(path__endswith="create").aexists():
                await asyncio.sleep(0.01)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)

    with monkeypatch.context() as crash:
        crash.setattr("flows.engine.records.mask_earlier_records", lambda *_, **__: None)
        asyncio.run(run_until_made())
    Run.objects.filter(pk=run.pk).update(state=State.QUEUED, worker=None, ended_at=None)
    assert CANARY in str(list(run.log.values()))
    asyncio.run(embedded.run_here(Run.objects.get(pk=run.pk)))
    assert Run.objects.get(pk=run.pk).ended
    assert tables_with(CANARY) == set()
