"""What the journal is told of each action and each iteration of a run."""

import asyncio
import time

import pytest

from flows.actions import registry
from flows.actions.base import Result
from flows.actions.services import MemoryServices
from flows.interpreter.journal import (
    ActionCancelled,
    ActionFailed,
    ActionFinished,
    ActionLogged,
    ActionNoted,
    ActionReported,
    ActionResumed,
    ActionSkipped,
    ActionStarted,
    ActionStreamed,
    ActionWaiting,
    IterationEnded,
    IterationStarted,
    MemoryJournal,
)
from flows.interpreter.runner import execute
from flows.language.document import parse
from tests.interpreter.memory_runs import (
    KEY,
    LOG,
    THROW,
    Chat,
    action,
    each,
    ends_of,
    failure_of,
    flow,
    log,
    only_if,
    ret,
    run,
)

WAIT = action("wait", "wait", seconds=60)


async def test_every_event_of_an_action_says_where_it_belongs():
    before = time.time()
    _, journal = await run(flow(log(message="hello", title="Say it")))
    started, line, finished = journal.events

    assert started == ActionStarted("a", "a", "log", "Say it", started.at, {"message": "hello", "level": "info"})
    assert line == ActionLogged("a", "info", "hello", line.at)
    assert finished == ActionFinished("a", finished.at, output="hello")
    assert before <= started.at <= line.at <= finished.at <= time.time()


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


async def test_a_skipped_action_says_why_and_has_the_title_of_its_type():
    _, journal = await run(flow(log(message="x", disabled=True), {"id": "t", "type": "teleport", "disabled": True}))
    first, second = journal.events

    assert first == ActionSkipped("a", "a", "log", registry.action_type("log").title, "disabled", first.at)
    assert second == ActionSkipped("t", "t", "teleport", "teleport", "disabled", second.at)


async def test_a_container_is_said_to_be_one():
    _, journal = await run(flow(each([1], log(message="{{ item }}"))))
    assert [(e.path, e.container) for e in journal.events if isinstance(e, ActionStarted)] == [
        ("each", True),
        ("each[0]/a", False),
    ]


async def test_text_that_streams_and_a_wait_belong_to_their_action():
    chat = action("chat", "chat_completion", connection="simulator", model="m", user_prompt="x")
    _, journal = await run(flow(chat, action("w", "wait", seconds=0.01)))
    streamed = [(event.path, event.text) for event in journal.events if isinstance(event, ActionStreamed)]
    waits = [event for event in journal.events if isinstance(event, ActionWaiting)]
    assert streamed == [("chat", "An "), ("chat", "answer")]
    assert [(event.path, bool(event.reason), event.refused) for event in waits] == [("w", True, None)]


async def test_a_cancelled_run_records_what_it_was_doing():
    journal = MemoryJournal()
    task = asyncio.create_task(run("bar-static", Chat(hang=True), journal, question="Why?"))
    while not any(isinstance(e, ActionStarted) for e in journal.events):
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert isinstance(ends_of(journal)["chat"], ActionCancelled)


async def test_an_unknown_type_is_recorded_as_started_and_failed():
    journal = MemoryJournal()
    await failure_of(flow(action("t", "teleport")), journal=journal)
    assert [type(event) for event in journal.events] == [ActionStarted, ActionFailed]


async def test_a_property_that_cannot_be_read_is_recorded_as_started_and_failed():
    journal = MemoryJournal()
    await failure_of(flow(log(message="{{ nothing }}")), journal=journal)
    assert [(type(event), event.path) for event in journal.events] == [(ActionStarted, "a"), (ActionFailed, "a")]


async def test_what_failed_inside_is_named_where_it_is_and_by_those_around_it():
    journal, before = MemoryJournal(), time.time()
    failed = await failure_of(flow(each([1], action("in", "throw", message="no", hint="Wait."))), journal=journal)
    around = ends_of(journal)["each"]

    assert (failed.path, failed.action_id) == ("each[0]/in", "in")
    assert (around.error.kind, around.error.message) == ("inside", "each[0]/in failed: no")
    assert around.error.hint == failed.error.hint == "Wait."
    assert before <= around.at <= time.time()


async def test_what_an_action_tells_while_it_goes_is_told_with_its_path(monkeypatch):
    notes = []  # of an earlier attempt

    async def tell(self, properties, step):
        await step.report_facts({"calls": 1})
        await step.report_wait("for a place", 7.0)
        await step.report_resumption()
        notes.append(step.last_note)
        await step.note("half")
        return Result()

    monkeypatch.setattr(type(registry.action_type("log")), "execute", tell)
    _, journal = await run(flow(log()))
    await run(flow(log()), journal=MemoryJournal(notes={"a": "half"}))
    assert journal.events[1:-1] == [
        ActionReported("a", {"calls": 1}),
        ActionWaiting("a", "for a place", 7.0, None),
        ActionResumed("a"),
        ActionNoted("a", "half"),
    ]
    assert notes == [None, "half"]


@pytest.mark.parametrize(
    ("body", "iterations"),
    [
        ([LOG], ["0", "0 done", "1", "1 done", "2", "2 done"]),
        ([only_if("item == 1", action("go", "continue")), LOG], ["0", "0 done", "1", "1 done", "2", "2 done"]),
        ([only_if("item == 2", action("go", "break")), LOG], ["0", "0 done", "1", "1 done"]),
        ([ret("x")], ["0", "0 done"]),
        ([THROW], ["0", "0 failed"]),
        ([WAIT], ["0", "0 cancelled"]),
    ],
)
async def test_the_journal_says_when_an_iteration_begins_and_how_it_ends(body, iterations):
    journal = MemoryJournal()
    running = asyncio.create_task(execute(parse(flow(each([1, 2, 3], *body))), {}, journal, MemoryServices()))
    while not running.done():
        if any(isinstance(event, ActionWaiting) for event in journal.events):
            running.cancel()
        await asyncio.sleep(0)
    told = []
    for event in journal.events:
        if isinstance(event, IterationStarted):
            told.append(str(event.number))
            assert event.path == f"each[{event.number}]"
        elif isinstance(event, IterationEnded):
            how = "failed" if event.failed else "cancelled" if event.cancelled else "done"
            told.append(f"{event.path.removeprefix('each[').removesuffix(']')} {how}")
    assert told == iterations
    assert running.cancelled() == (body == [WAIT])
