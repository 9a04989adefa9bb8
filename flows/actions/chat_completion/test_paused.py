"""A turn that the service pauses is sent back to go on, a few times."""

from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import TextDelta
from flows.actions.chat_completion.paused import MOST_PAUSES
from flows.actions.chat_completion.test_chat_completion import asked, completion
from flows.actions.chat_completion.test_structured import SCHEMA, Answers, failure, simulated
from flows.interpreter import journal as events
from flows.interpreter.journal import ActionLogged, MemoryJournal

BLOCKS = [
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "text", "text": "First. "},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
]


def paused(text="First. "):
    return completion(text, "pause_turn", raw={"content": BLOCKS}, reasoning="Hm.")


async def test_a_paused_turn_goes_on_where_it_was_and_its_parts_are_one_answer():
    journal = MemoryJournal()
    chat = Answers([TextDelta("First. "), paused()], [TextDelta("Second."), completion("Second.", reasoning=" So.")])
    done = await asked(chat, journal)
    assert (done.output.text, done.output.finish_reason, done.warning) == ("First. Second.", "stop", None)
    assert done.output.reasoning == "Hm. So."
    assert done.usage["total_tokens"] == 24
    assert chat.requests[1].messages[:-1] == chat.requests[0].messages
    assert (chat.requests[1].messages[-1].role, chat.requests[1].messages[-1].content) == ("assistant", BLOCKS)
    assert "".join(e.text for e in journal.events if isinstance(e, events.ActionStreamed)) == "First. Second."
    (line,) = [event for event in journal.events if isinstance(event, ActionLogged)]
    assert "asked to go on" in line.message


async def test_a_turn_that_never_ends_is_a_warning_with_what_has_come():
    chat = Answers(*[[paused("a")] for _ in range(MOST_PAUSES + 1)])
    done = await asked(chat)
    assert done.output.text == "a" * (MOST_PAUSES + 1)
    assert done.warning == "Paused by the service before its turn was over"


async def test_a_turn_that_is_not_taken_back_is_what_has_come_and_other_errors_are_errors():
    refused = FoundryError(ErrorKind.PROTOCOL, "400: no prefill.", status=400)
    done = await asked(Answers([paused()], [refused]))
    assert (done.output.text, done.usage["total_tokens"]) == ("First. ", 12)
    assert done.warning == "Paused by the service before its turn was over"
    error = await failure(Answers([paused()], [FoundryError(ErrorKind.SERVER, "500", status=500)]))
    assert (error.kind, error.facts["usage"]["total_tokens"]) == ("server", 12)


async def test_a_paused_answer_is_whole_before_it_is_checked():
    chat = Answers([paused('{"city": "Bonn",')], [completion(' "days": []}')])
    done = await asked(chat, response_format=SCHEMA)
    assert done.output.json == {"city": "Bonn", "days": []}


async def test_claude_is_sent_back_its_turn_as_it_was():
    client, services = simulated("/anthropic")
    done = await asked(client, services=services, model="claude-pause", reasoning_effort="high")
    assert (done.output.finish_reason, done.warning) == ("stop", None)
    assert done.output.text.count("Simulated answer of claude-pause.") == 2
    done = await asked(client, services=services, model="claude-pause-always")
    assert done.output.text.count("Simulated answer") == MOST_PAUSES + 1
    assert done.warning == "Paused by the service before its turn was over"
