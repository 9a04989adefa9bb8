"""The interpreter, with the twins of journal and services."""

import asyncio
import time

import pytest
from hypothesis import given, settings

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Completion, Target, TextDelta, Usage
from connections.secret import Secret
from flows.actions import registry
from flows.actions.services import MemoryServices
from flows.interpreter.inputs import first_scope
from flows.interpreter.journal import (
    ActionCancelled,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    IterationEnded,
    IterationStarted,
    MemoryJournal,
)
from flows.interpreter.options import PinnedAction, RunOptions
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import ActionError, RunFailed
from tests.documents_of import load
from tests.lint.test_linter import ANY_ACTION

KEY = "planted-key"


class Chat:
    """Answers what it is told to, and remembers who asked."""

    def __init__(self, text="An answer", finish="stop", error=None, hang=False):
        self.text, self.finish, self.error, self.hang = text, finish, error, hang
        self.asked = []

    async def chat(self, target, request):
        self.asked.append((target, request))
        if self.error:
            raise self.error
        yield TextDelta(self.text[:3])
        if self.hang:
            await asyncio.sleep(60)
        yield TextDelta(self.text[3:])
        yield Completion(self.text, None, self.finish, Usage(5, 7, 12), "gpt-x", "id-1", 200, "https://x/chat")


def target(name="simulator"):
    return Target(name, parse_endpoint("https://contoso.openai.azure.com/openai/v1"), Secret(KEY))


async def run(document, chat=None, journal=None, **inputs):
    journal = journal or MemoryJournal()
    data = load(document) if isinstance(document, str) else document
    services = MemoryServices(chat or Chat(), {"simulator": target(), "contoso": target("contoso")})
    return await execute(parse(data), inputs, journal, services), journal


def flow(*actions, inputs=()):
    return {"format": "foundryflow/1", "name": "x", "inputs": list(inputs), "actions": list(actions)}


def ended(journal):
    return {
        e.path: e
        for e in journal.events
        if isinstance(e, ActionFinished | ActionFailed | ActionCancelled | ActionSkipped)
    }


async def test_a_flow_returns_the_text_of_the_answer():
    output, journal = await run("bar-static", question="Why?")
    assert output == "An answer"
    facts = ended(journal)["chat"].facts
    assert (facts["connection"], facts["connection_reason"]) == ("simulator", "chosen in the flow")
    assert facts["host"] == "contoso.openai.azure.com"
    assert facts["key_fingerprint"] == Secret(KEY).fingerprint


async def test_a_dynamic_connection_overrides_the_static_one():
    chat = Chat()
    _, journal = await run(
        "bar-dynamic", chat, api_key="tenant", endpoint="https://fabrikam.openai.azure.com", question="Why?"
    )
    asked, _ = chat.asked[0]
    assert asked.key == Secret("tenant")
    assert asked.endpoint.host == "fabrikam.openai.azure.com"
    assert ended(journal)["chat"].facts["connection_reason"] == "from variable connection, instead of contoso"


async def test_a_text_that_becomes_a_key_is_masked_from_then_on():
    text = {"name": "given", "type": "text"}
    value = {"name": "key", "type": "secret", "value": "{{ inputs.given }}"}
    declared = {"id": "vars", "type": "declare_variables", "properties": {"variables": [value]}}
    _, journal = await run(flow(declared, inputs=[text]), given="once-a-text")
    assert "once-a-text" not in journal.secrets.mask("it was once-a-text before")


async def test_an_empty_dynamic_connection_never_falls_back_to_the_static_one():
    chat = Chat()
    document = load("bar-static")
    document["actions"][0]["properties"]["dynamic_connection"] = "connection"
    with pytest.raises(RunFailed) as failed:
        await run(document, chat, question="Why?")
    assert failed.value.error.kind == "dynamic_connection"
    assert chat.asked == []


async def test_loops_and_branches_have_paths_of_their_own():
    output, journal = await run("each-word")
    assert output == 2
    paths = [e.path for e in journal.events if isinstance(e, ActionStarted)]
    assert paths == [
        "vars", "each", "each[0]/route", "each[0]/route/say", "each[1]/route", "each[1]/route/count",
        "each[2]/route", "each[2]/route/count", "ret",
    ]  # fmt: skip
    skipped = [e.path for e in journal.events if isinstance(e, ActionSkipped)]
    assert skipped == ["each[0]/route/count", "each[1]/route/say", "each[2]/route/say"]
    assert [(e.level, e.message) for e in journal.events if isinstance(e, ActionLogged)] == [("warning", "a is short")]


async def test_a_disabled_action_is_skipped():
    document = load("each-word")
    document["actions"][1]["disabled"] = True
    output, journal = await run(document)
    assert output == 0
    assert {e.reason for e in journal.events if isinstance(e, ActionSkipped)} == {"disabled"}


async def test_what_an_earlier_attempt_finished_is_not_executed_again():
    chat = Chat()
    _, first = await run("bar-static", chat, question="Why?")
    done = {path: e for path, e in ended(first).items() if path == "chat"}
    output, _ = await run("bar-static", chat, MemoryJournal(done), question="Why?")
    assert output == "An answer"
    assert len(chat.asked) == 1


async def test_a_failed_call_ends_the_run_with_its_kind_and_its_container_fails_with_it():
    error = FoundryError(ErrorKind.AUTH_KEY, "401: the key was refused.", "Copy it again.", status=401, raw="{}")
    document = flow(
        {"id": "each", "type": "for_each", "properties": {"items": [1, 2]}, "branches": [
            {"id": "body", "actions": [{"id": "chat", "type": "chat_completion", "properties": {
                "connection": "simulator", "model": "m", "user_prompt": "{{ item }}"}}]}]},
        {"id": "after", "type": "log", "properties": {"message": "never"}},
    )  # fmt: skip
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await run(document, Chat(error=error), journal)
    assert (failed.value.path, failed.value.error.kind, failed.value.error.status) == ("each[0]/chat", "auth_key", 401)
    assert {path: type(e).__name__ for path, e in ended(journal).items()} == {
        "each[0]/chat": "ActionFailed",
        "each": "ActionFailed",
    }


async def test_a_cancelled_run_records_what_it_was_doing():
    journal = MemoryJournal()
    task = asyncio.create_task(run("bar-static", Chat(hang=True), journal, question="Why?"))
    while not any(isinstance(e, ActionStarted) for e in journal.events):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(ended(journal)["chat"], ActionCancelled)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "question is missing"),
        ({"question": "x", "other": 1}, "no input other"),
        ({"question": Secret("s")}, "question"),
    ],
)
async def test_inputs_are_checked_before_anything_runs(inputs, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await run("bar-static", **inputs)
    assert failed.value.error.kind == "input"


async def test_an_unknown_action_type_stops_the_run_by_name():
    with pytest.raises(RunFailed, match="teleport is not installed") as failed:
        await run(flow({"id": "t", "type": "teleport", "properties": {}}))
    assert failed.value.error.kind == "unknown_action"


async def test_json_that_was_asked_for_is_parsed_and_anything_else_fails():
    chat = {"id": "chat", "type": "chat_completion", "properties": {
        "connection": "simulator", "model": "m", "user_prompt": "x", "response_format": "json_object"}}  # fmt: skip
    ret = {"id": "ret", "type": "return", "properties": {"value": "{{ response.json.a }}"}}
    assert (await run(flow(chat, ret), Chat('{"a": 1}')))[0] == 1
    with pytest.raises(RunFailed) as failed:
        await run(flow(chat, ret), Chat("not json"))
    assert (failed.value.error.kind, failed.value.error.raw) == ("invalid_json", "not json")


async def test_an_answer_that_was_cut_is_a_warning():
    _, journal = await run("bar-static", Chat(finish="length"), question="Why?")
    assert ended(journal)["chat"].warning == "Cut at 7 tokens"


async def test_context_and_prompt_meet_in_the_template():
    chat = Chat()
    properties = {"connection": "simulator", "model": "m", "user_prompt": "Q @@context", "context": ["a", "b"],
                  "prompt_template": "C: @@context\nQ: @@userPrompt", "system_prompt": "S",
                  "history": [{"role": "user", "content": "before"}]}  # fmt: skip
    await run(flow({"id": "chat", "type": "chat_completion", "properties": properties}), chat)
    sent = [(message.role, message.content) for message in chat.asked[0][1].messages]
    assert sent == [("system", "S"), ("user", "before"), ("user", 'C: ["a", "b"]\nQ: Q @@context')]


def each(items, *body, id="each"):
    branches = [{"id": f"{id}-body", "title": "Body", "actions": list(body)}]
    return {"id": id, "type": "for_each", "properties": {"items": items}, "branches": branches}


def log(id, message="x"):
    return {"id": id, "type": "log", "properties": {"message": message}}


def ret(value):
    return {"id": "ret", "type": "return", "properties": {"value": value}}


async def test_a_resumed_run_continues_inside_a_loop_with_the_values_it_had():
    whole, first = await run("each-word")
    finished = [e for e in first.events if isinstance(e, ActionFinished)]
    for known in range(len(finished) + 1):
        recalled = {e.path: e for e in finished[:known]}
        output, again = await run("each-word", journal=MemoryJournal(recalled))
        started = {e.path for e in again.events if isinstance(e, ActionStarted)}
        leaves = {path for path in recalled if not path.endswith(("each", "route"))}
        assert output == whole
        assert not leaves & started


async def test_return_inside_a_loop_ends_the_run_and_every_block_around():
    output, journal = await run(flow(each([1, 2, 3], ret("{{ item * 10 }}")), log("after")))
    assert output == 10
    assert [(path, type(e)) for path, e in ended(journal).items()] == [
        ("each[0]/ret", ActionFinished),
        ("each", ActionFinished),
    ]


async def test_a_flow_without_return_gives_nothing():
    assert (await run(flow(log("a"))))[0] is None


async def test_variables_of_an_iteration_end_with_it_and_globals_stay():
    row = {"name": "seen", "type": "number", "value": "{{ item }}", "global": True}
    local = {"name": "inner", "type": "text", "value": "x"}
    declare = {"id": "vars", "type": "declare_variables", "properties": {"variables": [row, local]}}
    assert (await run(flow(each([1, 2], declare), ret("{{ seen }}"))))[0] == 2
    with pytest.raises(RunFailed, match="`inner` is not a variable here"):
        await run(flow(each([1, 2], declare), ret("{{ inner }}")))


async def test_an_empty_loop_walks_its_actions_as_skipped():
    _, journal = await run(flow(each([], log("a"), each([1], log("b"), id="more"))))
    skipped = [(e.path, e.reason) for e in journal.events if isinstance(e, ActionSkipped)]
    assert skipped == [("each/a", "no items"), ("each/more", "no items"), ("each/more/b", "no items")]


async def test_a_disabled_container_is_skipped_with_all_inside():
    _, journal = await run(flow({**each([1], log("a")), "disabled": True}))
    assert [type(e) for e in journal.events] == [ActionSkipped, ActionSkipped]


async def test_an_action_that_breaks_is_recorded_as_failed(monkeypatch, caplog):
    async def broken(self, properties, step):
        raise LookupError("a mistake in the action")

    monkeypatch.setattr(type(registry.action_type("log")), "execute", broken)
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await run(flow(log("a")), journal=journal)
    assert failed.value.error.kind == "internal"
    assert isinstance(ended(journal)["a"], ActionFailed)
    assert "a mistake in the action" in caplog.text


async def test_started_shows_the_properties_as_rendered_and_no_secret():
    _, journal = await run("bar-dynamic", api_key=KEY, endpoint="https://fabrikam.openai.azure.com", question="Why?")
    inputs = {e.path: e.inputs for e in journal.events if isinstance(e, ActionStarted)}
    assert inputs["conn"] == {
        "api_key": "••••",
        "endpoint": "https://fabrikam.openai.azure.com",
        "connection_variable_name": "connection",
    }
    assert inputs["chat"]["user_prompt"] == "Why?"
    assert KEY not in repr(journal.events)


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"message": "{{ foo }}"}, "expression", "Message: `foo` is not a variable here"),
        ({"message": ""}, "property_missing", "Message is missing"),
        ({"message": "x", "level": "loud"}, "expression", "'loud' is not one of debug, info"),
        ({"message": "{{ api_key }}"}, "expression", "it is a secret"),
        ({"message": {"secret": "id"}}, None, None),
    ],
)
async def test_a_property_is_checked_before_its_action_runs(properties, kind, words):
    document = flow(
        {"id": "a", "type": "log", "properties": properties},
        inputs=[{"name": "api_key", "type": "secret", "default": "k"}],
    )
    if kind is None:
        assert (await run(document))[0] is None
        return
    with pytest.raises(RunFailed, match=words) as failed:
        await run(document)
    assert failed.value.error.kind == kind


async def test_a_secret_stored_beside_the_flow_is_opened_where_secrets_belong():
    variables = [{"name": "key", "type": "secret", "value": {"secret": "s1"}}]
    document = parse(flow({"id": "vars", "type": "declare_variables", "properties": {"variables": variables}}))
    journal = MemoryJournal()
    await execute(document, {}, journal, MemoryServices(secrets={"s1": Secret("opened")}))
    assert ended(journal)["vars"].declared[0].value == Secret("opened")
    with pytest.raises(RunFailed) as failed:
        await execute(document, {}, MemoryJournal(), MemoryServices())
    assert failed.value.error.kind == "secret_missing"


@pytest.mark.parametrize(
    ("type", "given", "value"),
    [("number", "12", 12), ("boolean", "no", False), ("list", "[1]", [1]), ("object", '{"a": 1}', {"a": 1})],
)
async def test_inputs_become_what_they_are_declared_as(type, given, value):
    document = flow(ret("{{ inputs.a }}"), inputs=[{"name": "a", "type": type, "required": True}])
    assert (await run(document, a=given))[0] == value


async def test_a_long_loop_leaves_the_others_their_turn():
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    await run(flow(each("{{ range(2000) }}", log("a", "{{ item }}"))))
    task.cancel()
    assert turns > 20


@given(ANY_ACTION)
@settings(max_examples=150, deadline=None)
def test_broken_values_end_in_a_typed_failure(broken):
    async def outcome():
        try:
            await run(flow({"id": "a", **broken}))
        except RunFailed as failed:
            return failed.error.kind

    assert asyncio.run(outcome()) != "internal"


def said(*, message, id="a", **more):
    return {"id": id, "type": "log", "properties": {"message": message}, **more}


async def test_every_event_of_an_action_says_where_it_belongs():
    before = time.time()
    _, journal = await run(flow(said(message="hello", title="Say it")))
    started, line, finished = journal.events

    assert started == ActionStarted("a", "a", "log", "Say it", started.at, {"message": "hello", "level": "info"})
    assert line == ActionLogged("a", "info", "hello", line.at)
    assert finished == ActionFinished("a", finished.at, output="hello")
    assert before <= started.at <= line.at <= finished.at <= time.time()


async def test_a_skipped_action_says_why_and_has_the_title_of_its_type():
    _, journal = await run(flow(said(message="x", disabled=True), {"id": "t", "type": "teleport", "disabled": True}))
    first, second = journal.events

    assert first == ActionSkipped("a", "a", "log", registry.action_type("log").title, "disabled", first.at)
    assert second == ActionSkipped("t", "t", "teleport", "teleport", "disabled", second.at)


async def test_a_container_is_said_to_be_one():
    loop = {
        "id": "each", "type": "for_each", "properties": {"items": "{{ [1] }}", "item_variable": "item"},
        "branches": [{"id": "body", "actions": [said(message="{{ item }}")]}],
    }  # fmt: skip
    _, journal = await run(flow(loop))

    assert [(e.path, e.container) for e in journal.events if isinstance(e, ActionStarted)] == [
        ("each", True),
        ("each[0]/a", False),
    ]


async def test_an_unknown_type_is_recorded_as_started_and_failed_with_what_to_do():
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await run(flow({"id": "t", "type": "teleport", "properties": {}}), journal=journal)
    error = failed.value.error

    assert [type(event) for event in journal.events] == [ActionStarted, ActionFailed]
    assert (failed.value.path, failed.value.action_id, error.hint) == (
        "t", "t", "Disable the action, or replace it with one of the toolbox.",
    )  # fmt: skip


async def test_a_property_that_cannot_be_read_is_recorded_as_started_and_failed():
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await run(flow(said(message="{{ nothing }}")), journal=journal)

    assert [(type(event), event.path) for event in journal.events] == [(ActionStarted, "a"), (ActionFailed, "a")]


async def test_what_failed_inside_is_named_where_it_is_and_by_those_around_it():
    inner = {"id": "in", "type": "throw", "properties": {"message": "no"}}
    loop = {
        "id": "each", "type": "for_each", "properties": {"items": "{{ [1] }}", "item_variable": "item"},
        "branches": [{"id": "body", "actions": [inner]}],
    }  # fmt: skip
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await run(flow(loop), journal=journal)
    around = ended(journal)["each"].error

    assert (failed.value.path, failed.value.action_id) == ("each[0]/in", "in")
    assert (around.kind, around.message) == ("inside", "each[0]/in failed: no")
    assert around.hint == failed.value.error.hint


async def test_a_default_secret_is_opened_once_it_is_needed():
    document = parse(
        flow(
            {"id": "v", "type": "declare_variables", "properties": {"variables": [
                {"name": "key", "type": "secret", "value": "{{ token }}"},
            ]}},
            inputs=[{"name": "token", "type": "secret", "required": True, "default": {"secret": "s1"}}],
        )
    )  # fmt: skip
    for inputs, secret in [({}, "stored"), ({"token": "typed"}, "typed"), ({"token": None}, "stored")]:
        journal = MemoryJournal()
        await execute(document, inputs, journal, MemoryServices(secrets={"s1": Secret("stored")}))
        assert ended(journal)["v"].declared[0].value.reveal() == secret

    with pytest.raises(RunFailed) as failed:
        await execute(document, {}, MemoryJournal(), MemoryServices())
    assert (failed.value.path, failed.value.action_id, failed.value.error.kind) == ("", "", "secret_missing")


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ({}, "The input a is missing.", "It is required; fill it in."),
        ({"a": ""}, "The input a is missing.", "It is required; fill it in."),
        ({"a": 1, "c": 1, "b": 2}, "There is no input b.", "Inputs of this flow: a."),
        ({"a": "x"}, "The input a is not a number: 'x'.", "Its type is number."),
    ],
)
def test_inputs_that_do_not_fit_are_named_with_what_to_do(inputs, message, hint):
    document = parse(flow(inputs=[{"name": "a", "type": "number", "required": True}]))
    with pytest.raises(ActionError) as error:
        first_scope(document, inputs)

    assert (error.value.kind, error.value.message, error.value.hint) == ("input", message, hint)


def test_inputs_are_variables_by_their_names_and_together():
    document = parse(flow(inputs=[{"name": "a", "type": "number"}, {"name": "b", "default": "x"}]))
    scope = first_scope(document, {"a": "0"})

    assert {name: scope.get(name) for name in scope.names()} == {"a": 0, "b": "x", "inputs": {"a": 0, "b": "x"}}


async def test_a_recorded_failure_ends_the_run_as_it_did():
    error = ActionError("server", "503", "Later.")
    journal = MemoryJournal({"a": ActionFailed("a", 1.0, error)})
    with pytest.raises(RunFailed) as failed:
        await run(flow(said(message="hello")), journal=journal)

    assert (failed.value.path, failed.value.action_id, failed.value.error) == ("a", "a", error)
    assert journal.events == []


async def test_what_an_action_gives_has_a_bound():
    variables = [{"name": name, "type": "text", "value": "{{ big }}"} for name in "abcde"]
    document = flow(
        {"id": "v", "type": "declare_variables", "properties": {"variables": variables}},
        inputs=[{"name": "big"}],
    )
    with pytest.raises(RunFailed) as failed:
        await run(document, big="x" * 9_000_000)

    assert failed.value.error.kind == "too_large"
    assert await run(document, big="x" * 3_000_000)


async def test_leaving_a_loop_that_is_not_there_says_where():
    with pytest.raises(RunFailed) as failed:
        await run(flow({"id": "b", "type": "continue", "properties": {}}))

    assert (failed.value.path, failed.value.action_id) == ("b", "b")
    assert (failed.value.error.kind, failed.value.error.message) == (
        "outside_loop", "There is no loop for continue to leave.",
    )  # fmt: skip


UNSET = {
    "id": "if", "type": "if_else", "branches": [
        {"id": "long", "condition": "1 > 2", "actions": [
            {"id": "vars", "type": "declare_variables", "properties": {"variables": [
                {"name": "found", "type": "text", "value": "x", "global": True}]}}]},
        {"id": "other", "actions": []},
    ],
}  # fmt: skip


async def failure_of(*actions):
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await run(flow(*actions), journal=journal)
    return failed.value.error


@pytest.mark.parametrize(
    ("action", "where"),
    [
        (said(message="{{ found }}"), "Message: "),
        ({"id": "set", "type": "increment_variable", "properties": {"variable": "found"}}, "Variable: "),
        ({"id": "w", "type": "while", "properties": {"condition": "found == 1"}, "branches": [{"id": "b", "actions": []}]},
         "Condition: "),
    ],
)  # fmt: skip
async def test_what_only_some_branch_sets_is_named_with_who_sets_it_and_what_to_do(action, where):
    error = await failure_of(UNSET, action)
    assert error.kind == "not_set"
    assert error.message.startswith(f"{where}`found` is not set: ")
    assert error.message.endswith("sets it, and the run did not come through there.")
    assert error.hint == "Set it in every branch, declare it before, or read it with {{ found | default('') }}."


async def test_a_template_that_is_wrong_says_where_and_what_to_do():
    error = await failure_of(said(message="{{ 'a' | round }}"))
    assert (error.kind, error.hint) == ("expression", "Correct the property in the panel.")
    assert error.message.startswith("Message: ")


async def test_the_result_of_an_iteration_that_cannot_be_read_stops_the_run_without_a_place_before_it():
    loop = {
        "id": "each", "type": "for_each",
        "properties": {"items": "{{ [1] }}", "item_variable": "item", "result": "{{ nowhere }}"},
        "branches": [{"id": "body", "actions": []}],
    }  # fmt: skip
    error = await failure_of(loop)
    assert (error.kind, error.hint) == ("expression", "Correct the property in the panel.")
    assert error.message.startswith("`nowhere` is not a variable here.")


async def test_text_that_streams_and_a_wait_belong_to_their_action():
    _, journal = await run(flow(
        {"id": "chat", "type": "chat_completion", "properties": {"connection": "simulator", "model": "m", "user_prompt": "x"}},
        {"id": "w", "type": "wait", "properties": {"seconds": 0.01}},
    ))  # fmt: skip
    streamed = [(event.path, event.text) for event in journal.events if isinstance(event, ActionStreamed)]
    waits = [event for event in journal.events if isinstance(event, ActionWaiting)]
    assert streamed == [("chat", "An "), ("chat", "answer")]
    assert [(event.path, bool(event.reason), event.refused) for event in waits] == [("w", True, None)]


async def test_those_around_a_failure_repeat_what_to_do():
    loop = {
        "id": "each", "type": "for_each", "properties": {"items": "{{ [1] }}", "item_variable": "item"},
        "branches": [{"id": "body", "actions": [{"id": "t", "type": "teleport", "properties": {}}]}],
    }  # fmt: skip
    journal, before = MemoryJournal(), time.time()
    with pytest.raises(RunFailed):
        await run(flow(loop), journal=journal)
    around = ended(journal)["each"]
    assert around.error.hint == "Disable the action, or replace it with one of the toolbox."
    assert before <= around.at <= time.time()


def over(*actions, items="{{ [1, 2, 3] }}", **more):
    lane = {"id": "body", "actions": list(actions)}
    return {"id": "each", "type": "for_each", "properties": {"items": items}, "branches": [lane], **more}


def only(condition, action):
    lane = {"id": f"{action['id']}-lane", "condition": condition, "actions": [action]}
    return {"id": f"{action['id']}-if", "type": "if_else", "branches": [lane]}


LOG = {"id": "log", "type": "log", "properties": {"message": "{{ item }}"}}
THROW = {"id": "throw", "type": "throw", "properties": {"message": "No."}}
WAIT = {"id": "wait", "type": "wait", "properties": {"seconds": 60}}


@pytest.mark.parametrize(
    ("body", "iterations"),
    [
        ([LOG], ["0", "0 done", "1", "1 done", "2", "2 done"]),
        ([only("item == 1", {"id": "go", "type": "continue"}), LOG], ["0", "0 done", "1", "1 done", "2", "2 done"]),
        ([only("item == 2", {"id": "go", "type": "break"}), LOG], ["0", "0 done", "1", "1 done"]),
        ([{"id": "go", "type": "return", "properties": {"value": "x"}}], ["0", "0 done"]),
        ([THROW], ["0", "0 failed"]),
        ([WAIT], ["0", "0 cancelled"]),
    ],
)
async def test_the_journal_says_when_an_iteration_begins_and_how_it_ends(body, iterations):
    journal = MemoryJournal()
    running = asyncio.create_task(execute(parse(flow(over(*body))), {}, journal, MemoryServices()))
    while not running.done():
        if any(isinstance(event, ActionWaiting) for event in journal.events):
            running.cancel()
        await asyncio.sleep(0)
    said = []
    for event in journal.events:
        if isinstance(event, IterationStarted):
            said.append(str(event.number))
            assert event.path == f"each[{event.number}]"
        elif isinstance(event, IterationEnded):
            how = "failed" if event.failed else "cancelled" if event.cancelled else "done"
            said.append(f"{event.path.removeprefix('each[').removesuffix(']')} {how}")
    assert said == iterations
    assert running.cancelled() == (body == [WAIT])


class Gate(MemoryJournal):
    """Remembers what asked whether it may start, and what had been recorded of it by then."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def admit(self, path):
        self.asked.append((path, [type(event) for event in self.events if getattr(event, "path", "") == path]))


async def test_every_try_and_every_pinned_action_asks_whether_it_may_start():
    failing = {**THROW, "retry": {"attempts": 2, "delay": 0, "on": ["thrown"]}}
    pinned = PinnedAction(7, {"": ActionFinished("log", 0.0, output="once")})
    journal, options = Gate(), RunOptions(pins={"log": pinned})
    with pytest.raises(RunFailed):
        await execute(parse(flow(LOG, failing)), {}, journal, MemoryServices(), options)
    assert [path for path, _ in journal.asked] == ["log", "throw", "throw"]
    assert journal.asked[0][1] == journal.asked[1][1] == []
    first, second, *_ = journal.events
    assert (type(first), first.path, type(second), second.output) == (ActionStarted, "log", ActionFinished, "once")
    assert second.reason == "pinned, output of run 7"


async def test_a_container_is_not_tried_again_as_a_whole():
    loop, journal = over(LOG, THROW, items=[1], retry={"attempts": 3, "delay": 0, "on": ["thrown"]}), MemoryJournal()
    with pytest.raises(RunFailed) as failed:
        await execute(parse(flow(loop)), {}, journal, MemoryServices())
    assert failed.value.path == "each[0]/throw"
    assert sum(isinstance(event, ActionLogged) for event in journal.events) == 1


async def test_a_condition_that_reads_what_only_some_iterations_set_says_so():
    declared = {
        "id": "set",
        "type": "declare_variables",
        "properties": {"variables": [{"name": "x", "type": "number", "value": 1}]},
    }
    loop = {
        "id": "loop",
        "type": "while",
        "properties": {"condition": "x == 2"},
        "branches": [{"id": "b", "actions": [only("true", declared)]}],
    }
    with pytest.raises(RunFailed) as failed:
        await execute(parse(flow(loop)), {}, MemoryJournal(), MemoryServices())
    assert failed.value.error.kind == "not_set"


async def test_a_stored_secret_is_known_from_the_moment_it_is_opened():
    connect = {
        "id": "c", "type": "create_azure_ai_connection",
        "properties": {"api_key": {"secret": "s1"}, "endpoint": "https://contoso.openai.azure.com", "connection_variable_name": "c"},
    }  # fmt: skip
    journal = MemoryJournal()
    await execute(parse(flow(connect)), {}, journal, MemoryServices(secrets={"s1": Secret("planted-stored-key")}))
    assert journal.secrets.stand_in("it was planted-stored-key")


async def test_what_a_dynamic_connection_takes_the_place_of_need_not_be_there():
    chat, document = Chat(), load("bar-dynamic")
    for action in document["actions"]:
        action["properties"].pop("connection", None)
    await run(document, chat, api_key="tenant", endpoint="https://fabrikam.openai.azure.com", question="Why?")
    assert chat.asked[0][0].key == Secret("tenant")


async def test_a_variable_that_is_named_and_not_there_is_named_in_the_failure():
    value = {"id": "set", "type": "append_to_list", "properties": {"variable": "nobody", "value": "x"}}
    with pytest.raises(RunFailed) as failed:
        await run(flow(value))
    assert "nobody" in failed.value.error.message
