"""A run that goes on from what an earlier attempt has recorded."""

from flows.interpreter.journal import (
    ActionFailed,
    ActionFinished,
    ActionStarted,
    MemoryJournal,
)
from flows.language.errors import ActionError
from tests.interpreter.memory_runs import Chat, ends_of, failure_of, flow, log, run


async def test_what_an_earlier_attempt_finished_is_not_executed_again():
    chat = Chat()
    _, first = await run("bar-static", chat, question="Why?")
    done = {path: e for path, e in ends_of(first).items() if path == "chat"}
    output, _ = await run("bar-static", chat, MemoryJournal(done), question="Why?")
    assert output == "An answer"
    assert len(chat.calls) == 1


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


async def test_a_recorded_failure_ends_the_run_as_it_did():
    error = ActionError("server", "503", "Later.")
    journal = MemoryJournal({"a": ActionFailed("a", 1.0, error)})
    failed = await failure_of(flow(log(message="hello")), journal=journal)
    assert (failed.path, failed.action_id, failed.error) == ("a", "a", error)
    assert journal.events == []
