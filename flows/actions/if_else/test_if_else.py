import pytest

from flows.actions.services import MemoryServices
from flows.interpreter.journal import ActionFinished, ActionReported, ActionSkipped, ActionStarted, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed


async def paths_run(*conditions, n=5):
    branches = [
        {"id": f"b{at}", "title": f"Lane {at}", "condition": condition, "actions": [log(f"in{at}")]}
        for at, condition in enumerate(conditions)
    ]
    inputs = [{"name": "n", "type": "number"}]
    actions = [{"id": "route", "type": "if_else", "branches": branches}]
    journal = MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": actions})
    await execute(document, {"n": n}, journal, MemoryServices())
    return journal


def log(id):
    return {"id": id, "type": "log", "properties": {"message": "x"}}


def started(journal):
    return [event.path for event in journal.events if isinstance(event, ActionStarted)]


@pytest.mark.parametrize(
    ("conditions", "taken"),
    [
        (["n > 1", "n > 2", None], "in0"),
        (["n > 9", "n > 2", None], "in1"),
        (["n > 9", "{{ n > 8 }}", None], "in2"),
        ([None, "n > 2"], "in1"),
        (["n > 9", ""], "in1"),
    ],
)
async def test_the_first_branch_whose_condition_holds_runs(conditions, taken):
    journal = await paths_run(*conditions)

    assert started(journal) == ["route", f"route/{taken}"]
    skipped = [(event.action_id, event.reason) for event in journal.events if isinstance(event, ActionSkipped)]
    others = [f"in{at}" for at in range(len(conditions)) if f"in{at}" != taken]
    assert skipped == [(other, "branch not taken") for other in others]


async def test_without_an_otherwise_nothing_may_run():
    journal = await paths_run("n > 9")

    done = next(event for event in journal.events if isinstance(event, ActionFinished))
    assert (done.path, done.output, done.facts) == ("route", None, {"branch": None, "decision": "5 ≤ 9"})


async def test_the_branch_that_was_taken_is_recorded():
    journal = await paths_run("n > 9", "n > 2")

    done = next(event for event in journal.events if isinstance(event, ActionFinished) and event.path == "route")
    assert (done.output, done.facts) == ("Lane 1", {"branch": "b1", "condition": "n > 2", "decision": "5 > 2"})


@pytest.mark.parametrize(
    ("conditions", "decision"),
    [
        (["n > 2", None], "5 > 2"),
        (["n > 9", None], "5 ≤ 9"),
        (["n > 9", "n > 8", None], "Lane 2"),
        (["n > 9", "n > 8"], "None holds"),
    ],
)
async def test_why_a_branch_was_taken_is_reported_before_it_runs(conditions, decision):
    events = (await paths_run(*conditions)).events

    reported = next(event for event in events if isinstance(event, ActionReported))
    assert reported.facts == {"decision": decision}
    assert all(events.index(reported) < events.index(each) for each in events if isinstance(each, ActionSkipped))


async def test_a_broken_condition_names_its_branch():
    with pytest.raises(RunFailed, match="Condition of Lane 0: `foo` is not a variable here") as failed:
        await paths_run("foo > 1")
    assert failed.value.error.kind == "expression"
