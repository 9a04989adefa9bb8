"""The twin of the journal: what it keeps and what it recalls."""

from flows.interpreter.journal import ActionFailed, ActionFinished, ActionStreamed, MemoryJournal
from flows.language.errors import ActionError


async def test_it_keeps_every_event_in_order():
    journal = MemoryJournal()
    events = [ActionStreamed("chat", "a"), ActionFinished("chat", 1.0, output="a")]

    for event in events:
        await journal.record(event)

    assert journal.events == events


async def test_it_recalls_only_what_an_earlier_attempt_finished():
    done = ActionFinished("chat", 1.0, output="a")
    journal = MemoryJournal({"chat": done})
    await journal.record(ActionFinished("ret", 2.0))
    await journal.record(ActionFailed("log", 3.0, ActionError("expression", "no")))

    assert [journal.recall(path) for path in ("chat", "ret", "log")] == [done, None, None]
