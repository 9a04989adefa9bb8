import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, ActionLogged, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.lint.linter import problems

LEAVE = {"id": "leave", "type": "break"}
B = {"id": "at-b", "type": "if_else", "branches": [{"id": "b", "condition": "item == 'b'", "actions": [LEAVE]}]}
SAY = {"id": "say", "type": "log", "properties": {"message": "{{ item }}"}}
OUTER = {**SAY, "id": "outer"}


def over(type, *body, **properties):
    return {"id": "each", "type": type, "properties": properties, "branches": [{"id": "body", "actions": list(body)}]}


def document(*actions):
    return parse({"format": "foundryflow/1", "name": "x", "actions": list(actions)})


async def said(*actions, journal=None):
    journal = journal or MemoryJournal()
    await execute(document(*actions), {}, journal, MemoryServices())
    return [event.message for event in journal.events if isinstance(event, ActionLogged)], journal


async def test_it_leaves_the_loop_and_what_follows_goes_on():
    words, journal = await said(
        over("for_each", B, SAY, items=["a", "b", "c"]), {**SAY, "id": "after", "properties": {"message": "on"}}
    )

    assert words == ["a", "on"]
    assert next(e for e in journal.events if isinstance(e, ActionFinished) and e.path == "each").output == "2 of 3"


async def test_it_leaves_the_nearest_loop_only():
    inner = {**over("for_each", B, SAY, items=["a", "b", "c"]), "id": "inner"}
    words, _ = await said(over("for_each", inner, OUTER, items=[1, 2]))

    assert words == ["a", "1", "a", "2"]


async def test_it_leaves_a_while():
    words, journal = await said(over("while", LEAVE, SAY, condition="true"))

    assert words == []
    assert journal.events[-1].output == 1


async def test_a_restart_leaves_the_loop_at_the_same_place():
    flow = [over("for_each", B, SAY, items=["a", "b", "c"])]
    _, journal = await said(*flow)
    words, resumed = await said(*flow, journal=journal.resumed())

    assert words == []
    assert "each[2]/at-b" not in [event.path for event in resumed.events if isinstance(event, ActionStarted)]
    assert resumed.events[-1].output == "2 of 3"


async def test_outside_of_a_loop_the_run_fails():
    with pytest.raises(RunFailed, match="There is no loop for break to leave") as failed:
        await said(LEAVE)
    assert (failed.value.error.kind, failed.value.path) == ("outside_loop", "leave")


def test_outside_of_a_loop_is_a_problem_before_the_run():
    sentence = "Break is outside of a loop. Move it into For each or While."
    assert [problem.message for problem in problems(document(LEAVE))] == [sentence]
    assert problems(document(over("for_each", B, items=["b"]))) == []
    assert problems(document(over("while", LEAVE, condition="true"))) == []
