import asyncio

import pytest

from flows.actions.services import MemoryServices
from flows.actions.try_catch.action import TryCatch, lanes_of
from flows.interpreter.journal import (
    ActionCancelled,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionSkipped,
    ActionStarted,
    ActionWaiting,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.nodes import Action

THROW = {
    "id": "fail",
    "type": "throw",
    "properties": {"message": "No bolts.", "kind": "no_stock", "hint": "Order them."},
}


class Watched(MemoryJournal):
    """Says when an action waits."""

    def __init__(self):
        super().__init__()
        self.waits = asyncio.Event()

    async def record(self, event):
        await super().record(event)
        if isinstance(event, ActionWaiting):
            self.waits.set()


def log(id, message="x"):
    return {"id": id, "type": "log", "properties": {"message": message}}


def lane(id, *actions, title=""):
    return {"id": id, "title": title, "actions": list(actions)}


def guarded(*lanes, **properties):
    return {"id": "g", "type": "try_catch", "properties": properties, "branches": list(lanes)}


async def ran(*actions, journal=None):
    journal = journal or MemoryJournal()
    document = parse({"format": "foundryflow/1", "name": "x", "actions": list(actions)})
    await execute(document, {}, journal, MemoryServices())
    return journal


async def failed(*actions):
    journal = MemoryJournal()
    with pytest.raises(RunFailed) as raised:
        await ran(*actions, journal=journal)
    return raised.value, journal


def said(journal):
    return [event.message for event in journal.events if isinstance(event, ActionLogged)]


def skipped(journal):
    return [(event.path, event.reason) for event in journal.events if isinstance(event, ActionSkipped)]


def of(type, path, journal):
    return next(event for event in journal.events if isinstance(event, type) and event.path == path)


async def test_catch_sees_what_failed():
    tell = (
        "{{ exception.kind }}|{{ exception.message }}|{{ exception.hint }}|{{ exception.action }}|{{ exception.path }}"
    )
    journal = await ran(guarded(lane("try", log("a"), THROW, log("b")), lane("catch", log("c", tell))))

    assert said(journal) == ["x", "no_stock|No bolts.|Order them.|fail|g/fail"]
    done = of(ActionFinished, "g", journal)
    assert done.output["kind"] == "no_stock"
    assert done.facts == {"caught": "no_stock", "message": "No bolts."}


async def test_what_failed_deep_inside_is_named_itself():
    each = {"id": "each", "type": "for_each", "properties": {"items": [1]}, "branches": [lane("body", THROW)]}
    tell = log("c", "{{ e.action }} {{ e.path }}")
    journal = await ran(guarded(lane("try", each), lane("catch", tell), exception_variable_name="e"))

    assert said(journal) == ["fail g/each[0]/fail"]


async def test_without_a_failure_catch_is_left_out():
    journal = await ran(guarded(lane("try", log("a")), lane("catch", log("c")), lane("finally", log("f", "at last"))))

    assert said(journal) == ["x", "at last"]
    assert skipped(journal) == [("g/c", "nothing failed")]
    assert (of(ActionFinished, "g", journal).output, of(ActionFinished, "g", journal).facts) == (None, {})


async def test_without_catch_the_failure_goes_on_behind_finally():
    failure, journal = await failed(guarded(lane("try", THROW), lane("finally", log("f", "at last"))), log("after"))

    assert (failure.error.kind, failure.path) == ("no_stock", "g/fail")
    assert said(journal) == ["at last"]
    assert of(ActionFailed, "g", journal).error.kind == "inside"


@pytest.mark.parametrize("where", ["catch", "finally"])
async def test_a_failure_elsewhere_goes_on_outwards(where):
    again = {**THROW, "id": "again", "properties": {"message": "Again.", "kind": "again"}}
    lanes = {"try": [THROW], "catch": [], "finally": []}
    lanes[where] = [again]
    failure, _ = await failed(guarded(*(lane(id, *actions) for id, actions in lanes.items())))

    assert (failure.error.kind, failure.path) == ("again", "g/again")


async def test_an_outer_one_catches_what_an_inner_one_lets_through():
    inner = {**guarded(lane("inner-try", THROW), lane("inner-finally", log("f", "inner"))), "id": "inner"}
    journal = await ran(guarded(lane("try", inner), lane("catch", log("c", "{{ exception.path }}"))))

    assert said(journal) == ["inner", "g/inner/fail"]


async def test_a_return_inside_runs_finally_and_leaves_catch_out():
    back = {"id": "back", "type": "return", "properties": {"value": 7}}
    journal = await ran(guarded(lane("try", back), lane("catch", log("c")), lane("finally", log("f", "at last"))))

    assert said(journal) == ["at last"]
    assert skipped(journal) == [("g/c", "nothing failed")]


async def test_a_stop_runs_neither_catch_nor_finally():
    pause = {"id": "pause", "type": "wait", "properties": {"seconds": 3_600}}
    journal = Watched()
    flow = guarded(lane("try", pause), lane("catch", log("c")), lane("finally", log("f")))
    task = asyncio.create_task(ran(flow, journal=journal))
    await journal.waits.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    assert said(journal) == []
    assert of(ActionCancelled, "g", journal)


async def test_after_a_restart_no_action_runs_again():
    flow = guarded(
        lane("try", log("a"), THROW), lane("catch", log("c", "{{ exception.kind }}")), lane("finally", log("f"))
    )
    resumed = await ran(flow, journal=(await ran(flow)).resumed())

    assert said(resumed) == []
    assert [event.path for event in resumed.events if isinstance(event, ActionStarted)] == ["g"]
    assert of(ActionFinished, "g", resumed).output["kind"] == "no_stock"


@pytest.mark.parametrize(
    ("branches", "roles"),
    [
        ([("try", ""), ("catch", ""), ("finally", "")], ["try", "catch", "finally"]),
        ([("g-try", ""), ("g-finally", "")], ["try", "finally"]),
        ([("finally", "Try"), ("try", "Catch")], ["finally", "try"]),
        ([("x1", "Try"), ("x2", " Finally "), ("x3", "CATCH")], ["try", "finally", "catch"]),
        ([("x1", "Attempt"), ("x2", "If it fails")], ["try", "catch"]),
    ],
)
def test_the_role_of_a_branch_is_told_by_its_id_its_title_or_its_place(branches, roles):
    action = Action(guarded(*(lane(id, title=title) for id, title in branches)))

    assert [TryCatch().role(action, branch) for branch in action.branches] == roles
    assert set(lanes_of(action)) == set(roles)


def test_the_exception_exists_in_catch_only():
    known = TryCatch()

    assert known.declares({}) == []
    assert known.inside({"exception_variable_name": "e"}, "catch") == [("e", "object")]
    assert known.inside({}, "try") == known.inside({}, "finally") == []
