"""How a run fails: where, of what kind, with what to do."""

import asyncio

import pytest
from hypothesis import given, settings

from connections.foundry.errors import ErrorKind, FoundryError
from flows.actions import registry
from flows.interpreter.journal import (
    ActionFailed,
    MemoryJournal,
)
from flows.language.errors import RunFailed
from tests.interpreter.memory_runs import (
    Chat,
    action,
    branch,
    declare,
    each,
    ends_of,
    failure_of,
    flow,
    log,
    only_if,
    run,
)
from tests.lint.test_linter import ANY_ACTION

UNSET = action(
    "if",
    "if_else",
    branch("long", declare("found", "x", **{"global": True}), condition="1 > 2"),
    branch("other"),
)


async def test_a_failed_call_ends_the_run_with_its_kind_and_its_container_fails_with_it():
    error = FoundryError(ErrorKind.AUTH_KEY, "401: the key was refused.", "Copy it again.", status=401, raw="{}")
    chat = action("chat", "chat_completion", connection="simulator", model="m", user_prompt="{{ item }}")
    journal = MemoryJournal()
    failed = await failure_of(flow(each([1, 2], chat), log("after", "never")), Chat(error=error), journal)
    assert (failed.path, failed.error.kind, failed.error.status) == ("each[0]/chat", "auth_key", 401)
    assert {path: type(e).__name__ for path, e in ends_of(journal).items()} == {
        "each[0]/chat": "ActionFailed",
        "each": "ActionFailed",
    }


async def test_an_unknown_action_type_stops_the_run_by_name():
    failed = await failure_of(flow(action("t", "teleport")))
    assert (failed.path, failed.action_id, failed.error.kind) == ("t", "t", "unknown_action")
    assert failed.error.message == "The action type teleport is not installed on this server."
    assert failed.error.hint == "Disable the action, or replace it with one of the toolbox."


async def test_an_action_that_breaks_is_recorded_as_failed(monkeypatch, caplog):
    async def broken(self, properties, step):
        raise LookupError("a mistake in the action")

    monkeypatch.setattr(type(registry.action_type("log")), "execute", broken)
    journal = MemoryJournal()
    failed = await failure_of(flow(log("a")), journal=journal)
    assert failed.error.kind == "internal"
    assert isinstance(ends_of(journal)["a"], ActionFailed)
    assert "a mistake in the action" in caplog.text


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
        action("a", "log", **properties),
        inputs=[{"name": "api_key", "type": "secret", "default": "k"}],
    )
    if kind is None:
        assert (await run(document))[0] is None
        return
    error = (await failure_of(document)).error
    assert (error.kind, words in error.message) == (kind, True)


async def test_a_template_that_is_wrong_says_where_and_what_to_do():
    error = (await failure_of(flow(log(message="{{ 'a' | round }}")))).error
    assert (error.kind, error.hint) == ("expression", "Correct the property in the panel.")
    assert error.message.startswith("Message: ")


@pytest.mark.parametrize(
    ("action", "where"),
    [
        (log(message="{{ found }}"), "Message: "),
        (action("set", "increment_variable", variable="found"), "Variable: "),
        (action("w", "while", branch("b"), condition="found == 1"), "Condition: "),
    ],
)
async def test_what_only_some_branch_sets_is_named_with_who_sets_it_and_what_to_do(action, where):
    error = (await failure_of(flow(UNSET, action))).error
    assert error.kind == "not_set"
    assert error.message.startswith(f"{where}`found` is not set: ")
    assert error.message.endswith("sets it, and the run did not come through there.")
    assert error.hint == "Set it in every branch, declare it before, or read it with {{ found | default('') }}."


X = declare("x", 1, "number")


@pytest.mark.parametrize(
    ("loop", "kind"),
    [
        (action("loop", "while", branch("b", only_if("true", X)), condition="x == 2"), "not_set"),
        (each([1], only_if("false", X), result="{{ x }}"), "not_set"),
        (each("{{ x }}", only_if("true", X)), "expression"),  # its body sets it, and comes later
    ],
)
async def test_what_only_some_iterations_set_is_not_set_for_what_is_read_after_them(loop, kind):
    assert (await failure_of(flow(loop))).error.kind == kind


async def test_the_result_of_an_iteration_that_cannot_be_read_stops_the_run_without_a_place_before_it():
    error = (await failure_of(flow(each([1], result="{{ nowhere }}")))).error
    assert (error.kind, error.hint) == ("expression", "Correct the property in the panel.")
    assert error.message.startswith("`nowhere` is not a variable here.")


async def test_a_variable_that_is_named_and_not_there_is_named_in_the_failure():
    failed = await failure_of(flow(action("set", "append_to_list", variable="nobody", value="x")))
    assert "nobody" in failed.error.message


@pytest.mark.parametrize("type", ["break", "continue"])
async def test_leaving_a_loop_that_is_not_there_says_where(type):
    failed = await failure_of(flow(action("b", type)))
    assert (failed.path, failed.action_id, failed.error.kind) == ("b", "b", "outside_loop")
    assert failed.error.message == f"There is no loop for {type} to leave."


@given(ANY_ACTION)
@settings(max_examples=150, deadline=None)
def test_broken_values_end_in_a_typed_failure(broken):
    async def outcome():
        try:
            await run(flow({"id": "a", **broken}))
        except RunFailed as failed:
            return failed.error.kind

    assert asyncio.run(outcome()) != "internal"
