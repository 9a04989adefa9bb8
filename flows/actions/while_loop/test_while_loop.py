import asyncio

import pytest

from flows.actions.services import MemoryServices
from flows.actions.while_loop.action import While
from flows.interpreter.journal import ActionFinished, ActionLogged, ActionSkipped, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

SAY = {"id": "say", "type": "log", "properties": {"message": "{{ index }} {{ said }}"}}
ADD = {"id": "add", "type": "set_variable", "properties": {"variable": "said", "value": "{{ said }}x"}}


def looping(*body, **properties):
    said = [{"name": "said", "type": "text", "value": ""}]
    actions = [
        {"id": "vars", "type": "declare_variables", "properties": {"variables": said}},
        {"id": "w", "type": "while", "properties": properties, "branches": [{"id": "body", "actions": list(body)}]},
    ]
    return parse({"format": "foundryflow/1", "name": "x", "actions": actions})


async def ran(*body, journal=None, **properties):
    journal = journal or MemoryJournal()
    await execute(looping(*body, **properties), {}, journal, MemoryServices())
    return journal


def said(journal):
    return [(event.path, event.message) for event in journal.events if isinstance(event, ActionLogged)]


@pytest.mark.parametrize("condition", ["said | length < 2", "{{ said | length < 2 }}", "index < 2"])
async def test_its_actions_run_as_long_as_the_condition_holds(condition):
    journal = await ran(SAY, ADD, condition=condition)

    assert said(journal) == [("w[0]/say", "0 "), ("w[1]/say", "1 x")]
    assert (journal.events[-1].output, journal.events[-1].facts) == (2, {"iterations": 2})


async def test_a_condition_that_never_holds_leaves_its_actions_out():
    journal = await ran(SAY, condition="false")

    skipped = [(event.path, event.reason) for event in journal.events if isinstance(event, ActionSkipped)]
    assert skipped == [("w/say", "condition does not hold")]
    assert journal.events[-1].output == 0


async def test_the_index_can_have_another_name():
    message = {**SAY, "properties": {"message": "{{ n }}"}}
    journal = await ran(message, condition="n < 1", index_variable_name="n")

    assert said(journal) == [("w[0]/say", "0")]


async def test_as_many_iterations_as_the_maximum_are_no_failure():
    assert said(await ran(SAY, condition="index < 3", max_iterations=3))[-1] == ("w[2]/say", "2 ")


@pytest.mark.parametrize(
    ("properties", "kind", "words"),
    [
        ({"condition": "true", "max_iterations": 3}, "too_many_iterations", "still holds after 3 iterations"),
        ({"condition": "nope"}, "expression", "Condition: `nope` is not a variable here"),
        ({"condition": "true", "max_iterations": 1_000_001}, "expression", "more than"),
        ({}, "property_missing", "Condition is missing"),
    ],
)
async def test_what_can_be_wrong_stops_the_run(properties, kind, words):
    with pytest.raises(RunFailed, match=words) as failed:
        await ran(SAY, **properties)
    assert (failed.value.error.kind, failed.value.path) == (kind, "w")


async def test_what_its_actions_did_is_not_done_again_after_a_restart():
    document, journal = looping(SAY, ADD, condition="said | length < 3"), MemoryJournal()
    await execute(document, {}, journal, MemoryServices())
    resumed = journal.resumed()
    await execute(document, {}, resumed, MemoryServices())

    assert [event.path for event in resumed.events if isinstance(event, ActionStarted)] == ["w"]
    assert next(event for event in resumed.events if isinstance(event, ActionFinished)).output == 3


async def test_others_get_their_turn_in_every_iteration():
    task = asyncio.create_task(ran(condition="index < 100"))
    turns = 0
    while not task.done():
        await asyncio.sleep(0)
        turns += 1
    await task

    assert turns >= 100


def test_the_condition_sees_the_index_but_what_follows_does_not():
    assert problems(looping(condition="index < 2")) == []
    assert While().declares({}) == []
    assert While().inside({"index_variable_name": "n"}) == [("n", "number")]
