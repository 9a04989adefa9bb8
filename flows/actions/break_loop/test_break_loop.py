import pytest

from flows.interpreter.journal import ActionFinished, ActionStarted
from flows.language.errors import RunFailed
from flows.lint.linter import problems
from tests.loops import OUTER, SAY, at_b, document, over, said

LEAVE = {"id": "leave", "type": "break"}
B = at_b(LEAVE)


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
