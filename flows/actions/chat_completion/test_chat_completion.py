import asyncio
import json

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import Completion, FilterResult, Target, TextDelta, Usage, Waited, Waiting
from connections.secret import Secret
from flows.actions.refused_try import RefusedTry
from flows.actions.services import MemoryServices
from flows.interpreter import journal as events
from flows.interpreter.journal import ActionFailed, ActionFinished, MemoryJournal
from flows.interpreter.runner import execute
from flows.language.document import parse
from flows.language.errors import RunFailed
from flows.language.values import Response, display_json

KEY = Secret("planted-key")
CONTOSO = Target("contoso", parse_endpoint("https://contoso.openai.azure.com/openai/v1"), KEY)
USAGE = Usage(5, 7, 12, reasoning_tokens=2)


class Chat:
    """Answers with the events it is given; an exception among them is raised."""

    def __init__(self, *answer):
        self.answer, self.requests, self.closed, self.hangs = answer, [], False, asyncio.Event()

    async def chat(self, target, request):
        self.requests.append(request)
        try:
            for event in self.answer:
                if isinstance(event, Exception):
                    raise event
                if event == "hang":
                    self.hangs.set()
                    await asyncio.Event().wait()
                yield event
        finally:
            self.closed = True


def completion(text="Hello.", finish="stop", **more):
    return Completion(text, more.pop("refusal", None), finish, USAGE, "gpt-x", "id-1", 200, "https://x/chat", **more)


async def asked(chat, journal=None, more=None, services=None, **properties):
    """The record of one chat completion and the request that was sent."""
    stored = {"connection": "contoso", "model": "gpt-x", "user_prompt": "Hi", **properties}
    action = {"id": "chat", "type": "chat_completion", "properties": stored, **(more or {})}
    inputs = [{"name": "docs", "type": "list", "default": ["a", "b"]}, {"name": "past", "type": "list"}]
    document = parse({"format": "foundryflow/1", "name": "x", "inputs": inputs, "actions": [action]})
    journal = journal or MemoryJournal()
    past = [{"role": "user", "content": "Before"}, {"role": "assistant", "content": "Yes"}]
    services = services or MemoryServices(chat, {"contoso": CONTOSO})
    await execute(document, {"past": past}, journal, services)
    (done,) = [event for event in journal.events if isinstance(event, ActionFinished)]
    return done


async def test_text_streams_and_the_answer_is_the_result():
    journal, chat = MemoryJournal(), Chat(TextDelta("Hel"), TextDelta("lo."), completion(raw={"id": "c1"}))
    done = await asked(chat, journal, result_variable_name="answer")

    usage = {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, "reasoning_tokens": 2}
    response = Response("Hello.", usage, "stop", "gpt-x", None, {"id": "c1"})
    assert done.variables == {"answer": response}
    assert (done.output, done.usage, done.warning) == (response, usage, None)
    assert [e.text for e in journal.events if isinstance(e, events.ActionStreamed)] == ["Hel", "lo."]


async def test_facts_tell_which_connection_was_used_and_what_was_sent():
    done = await asked(Chat(TextDelta("H"), completion()), system_prompt="Be brief.")

    timed = ("first_token_ms", "total_ms")
    assert all(done.facts[name] >= 0 for name in timed)
    assert {name: value for name, value in done.facts.items() if name not in timed} == {
        "connection": "contoso",
        "connection_reason": "chosen in the flow",
        "host": "contoso.openai.azure.com",
        "key_fingerprint": KEY.fingerprint,
        "deployment": "gpt-x",
        "model_requested": "gpt-x",
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}],
        "model": "gpt-x",
        "url": "https://x/chat",
        "status": 200,
        "finish_reason": "stop",
        "request_id": "id-1",
        "raw": "{}",
    }


async def test_what_is_left_empty_is_not_sent():
    chat = Chat(completion())
    await asked(chat, temperature=None, max_completion_tokens="", stop=[], user="")

    (request,) = chat.requests
    unset = (request.temperature, request.max_completion_tokens, request.stop, request.user, request.response_format)
    assert unset == (None, None, None, None, None)


async def test_numbers_are_sent_as_what_the_service_takes():
    chat = Chat(completion())
    await asked(chat, temperature="{{ 0.5 }}", max_completion_tokens=300.0, seed="7", stop=["END"], top_p=0)

    (request,) = chat.requests
    assert (request.temperature, request.max_completion_tokens, request.seed, request.stop, request.top_p) == (
        0.5,
        300,
        7,
        ["END"],
        0,
    )


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"context": "{{ docs }}"}, 'Context:\n["a", "b"]\n\nHi'),
        ({"context": "{{ docs }}", "prompt_template": "Q: @@userPrompt\nC: @@context"}, 'Q: Hi\nC: ["a", "b"]'),
        ({"prompt_template": "Q: @@userPrompt"}, "Q: Hi"),
        ({"context": "see @@userPrompt", "prompt_template": "@@context|@@userPrompt"}, "see @@userPrompt|Hi"),
        ({"user_prompt": "a @@context", "context": "c", "prompt_template": "@@userPrompt|@@context"}, "a @@context|c"),
        ({"context": {"k": 1}, "prompt_template": "@@context"}, '{"k": 1}'),
    ],
)
async def test_context_and_prompt_meet_in_the_user_message(properties, message):
    chat = Chat(completion())
    await asked(chat, **properties)

    assert [(m.role, m.content) for m in chat.requests[0].messages] == [("user", message)]


async def test_history_stands_between_system_and_user_prompt():
    chat = Chat(completion())
    await asked(chat, system_prompt="S", history="{{ past }}")

    assert [(m.role, m.content) for m in chat.requests[0].messages] == [
        ("system", "S"),
        ("user", "Before"),
        ("assistant", "Yes"),
        ("user", "Hi"),
    ]


@pytest.mark.parametrize("history", ["no list", [5], [{"content": "x"}], [{"role": "robot", "content": "x"}]])
async def test_a_broken_history_stops_the_run(history):
    with pytest.raises(RunFailed) as failed:
        await asked(Chat(completion()), history=history)
    assert failed.value.error.kind == "history"


SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("text", None),
        ("json_object", {"type": "json_object"}),
        (SCHEMA, {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True}}),
        ({"name": "a", "schema": SCHEMA}, {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}),
        ('{"type": "json_object"}', {"type": "json_object"}),
    ],
)
async def test_response_formats(given, sent):
    chat = Chat(completion('{"ok": true}'))
    done = await asked(chat, response_format=given)

    assert chat.requests[0].response_format == sent
    assert done.output.json == (None if sent is None else {"ok": True})


async def test_invalid_json_fails_and_the_text_is_kept():
    with pytest.raises(RunFailed, match="It was cut at its token limit") as failed:
        await asked(Chat(completion('{"ok": tr', "length")), response_format="json_object")

    assert (failed.value.error.kind, failed.value.error.raw) == ("invalid_json", '{"ok": tr')


async def test_json_without_an_end_of_its_lists_is_invalid():
    with pytest.raises(RunFailed, match="nested too deeply") as failed:
        await asked(Chat(completion("[" * 9_999)), response_format="json_object")

    assert failed.value.error.kind == "invalid_json"


@pytest.mark.parametrize(
    ("answer", "warning"),
    [
        (completion(finish="length"), "Cut at 7 tokens"),
        (
            completion("", "content_filter", filters=(FilterResult("completion", "violence", True, "high"),)),
            "Filtered: violence, high",
        ),
        (completion("", refusal="I cannot."), "Refused: I cannot."),
    ],
)
async def test_an_answer_that_is_not_whole_is_a_warning(answer, warning):
    done = await asked(Chat(answer), response_format="json_object" if not answer.text else None)

    assert done.warning == warning


async def test_an_error_of_the_service_keeps_all_it_said_and_whom_was_asked():
    error = FoundryError(ErrorKind.AUTH_KEY, "401: refused.", "Copy it again.", status=401, request_id="r", raw="{}")
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await asked(Chat(error), journal)

    (failed,) = [event.error for event in journal.events if isinstance(event, ActionFailed)]
    assert (failed.kind, failed.message, failed.hint) == ("auth_key", "contoso: 401: refused.", "Copy it again.")
    assert (failed.status, failed.request_id, failed.raw) == (401, "r", "{}")
    assert (failed.facts["connection"], failed.facts["key_fingerprint"]) == ("contoso", KEY.fingerprint)
    assert "planted" not in repr(failed.facts)


async def test_a_wait_for_the_service_is_told():
    journal = MemoryJournal()
    refused, held = Waiting("429: Busy.", 99.0, 1, 4, 429, "rate_limit"), Waiting("Limit of contoso", None, 0)
    await asked(Chat(held, Waited(1.0), refused, completion()), journal)

    waits = [event for event in journal.events if isinstance(event, events.ActionWaiting | events.ActionResumed)]
    assert waits[:2] == [events.ActionWaiting("chat", "Limit of contoso", None), events.ActionResumed("chat")]
    waits.pop(1)
    assert waits[1].refused == RefusedTry(1, 4, "rate_limit", "429: Busy.", waits[1].refused.at, 429)


async def failed_facts(chat, **more):
    journal = MemoryJournal()
    with pytest.raises(RunFailed):
        await asked(chat, journal, **more)
    (failed,) = [event.error for event in journal.events if isinstance(event, ActionFailed)]
    return failed.facts


async def test_waits_and_refusals_of_all_tries_are_in_the_facts():
    refused = FoundryError(ErrorKind.RATE_LIMIT, "429", status=429)
    waits = (Waited(2.5, throttled=True), Waited(0.5))
    done = await asked(Chat(*waits, completion()))
    assert (done.facts["waited_ms"], done.facts["throttled"]) == (3_000, 1)
    facts = await failed_facts(Chat(*waits, refused), more={"retry": {"attempts": 3, "delay": 0.01}})
    assert (facts["tries"], facts["waited_ms"]) == (3, 9_030)
    assert facts["throttled"] == 3 + 2  # the last refusal is the error itself


async def test_what_a_call_has_used_is_known_when_it_fails_for_another_reason():
    facts = await failed_facts(Chat(completion("no json")), response_format="json_object")
    assert (facts["deployment"], facts["usage"]["total_tokens"]) == ("gpt-x", 12)
    facts = await failed_facts(
        Chat(completion("no json")),
        response_format="json_object",
        more={"retry": {"attempts": 2, "on": ["invalid_json"]}},
    )
    assert facts["usage"]["total_tokens"] == 24
    facts = await failed_facts(Chat("hang"), more={"timeout": 0.1})
    assert (facts["deployment"], facts["connection"]) == ("gpt-x", "contoso")
    assert json.dumps(facts)


async def test_a_stop_closes_the_stream_at_once():
    journal, chat = MemoryJournal(), Chat(TextDelta("Hel"), "hang")
    task = asyncio.create_task(asked(chat, journal))
    await chat.hangs.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert chat.closed
    assert isinstance(journal.events[-1], events.ActionCancelled)


async def test_a_connection_that_is_gone_stops_the_run():
    with pytest.raises(RunFailed, match="no connection named fabrikam") as failed:
        await asked(Chat(completion()), connection="fabrikam")
    assert failed.value.error.kind == "connection_missing"


async def test_a_dynamic_connection_without_value_never_uses_the_static_one():
    chat = Chat(completion())
    with pytest.raises(RunFailed, match="dynamic connection tenant has no value") as failed:
        await asked(chat, dynamic_connection="tenant")
    assert failed.value.error.kind == "dynamic_connection"
    assert chat.requests == []


async def test_images_go_beside_the_prompt_and_are_kept_as_their_kind_and_size():
    chat = Chat(completion())
    done = await asked(chat, images=["data:image/png;base64," + "A" * 4096, "https://contoso.example/cat.png"])
    (request,) = chat.requests
    assert request.messages[-1].content == [
        {"type": "text", "text": "Hi"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 4096}},
        {"type": "image_url", "image_url": {"url": "https://contoso.example/cat.png"}},
    ]
    assert done.facts["prompt"] == [
        {"role": "user", "content": "Hi\n[image/png, 4 KB]\n[https://contoso.example/cat.png]"}
    ]


@pytest.mark.parametrize("images", ["http://10.0.0.1/x.png", [1], ["data:text/html,x"], ["https://a"] * 11])
async def test_what_is_no_image_is_refused_before_the_call(images):
    chat = Chat(completion())
    with pytest.raises(RunFailed) as failed:
        await asked(chat, images=images)
    assert (failed.value.error.kind, chat.requests) == ("images", [])


async def test_a_list_in_the_history_stands_for_its_messages():
    chat = Chat(completion())
    await asked(chat, history=[{"role": "user", "content": "Example"}, "{{ past }}"])
    assert [message.content for message in chat.requests[0].messages] == ["Example", "Before", "Yes", "Hi"]


async def test_what_a_call_asks_for_beside_the_answer_is_in_the_request_and_the_result():
    told = ({"token": "Hello.", "logprob": -0.1, "top_logprobs": []},)
    chat = Chat(completion(reasoning="I greet.", logprobs=told))
    done = await asked(
        chat,
        reasoning_summary="auto",
        top_logprobs=0,
        service_tier="priority",
        extra_parameters='{"top_k": 5}',
    )
    request = chat.requests[0]
    assert (request.reasoning_summary, request.logprobs, request.top_logprobs) == ("auto", True, 0)
    assert (request.service_tier, request.extra) == ("priority", {"top_k": 5})
    assert (done.output.reasoning, done.output.logprobs) == ("I greet.", list(told))
    shown = display_json(done.output)
    assert (shown["reasoning"], shown["logprobs"]) == ("I greet.", list(told))


async def test_what_nobody_asked_for_is_not_sent_and_not_shown():
    chat = Chat(completion())
    done = await asked(chat)
    assert (chat.requests[0].logprobs, chat.requests[0].extra) == (None, None)
    assert not {"reasoning", "logprobs", "json"} & set(display_json(done.output))


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("{", "Extra parameters are not JSON"),
        ("[1]", "Extra parameters are not an object"),
        ('{"messages": []}', "Extra parameters name messages"),
    ],
)
async def test_extra_parameters_are_an_object_that_says_nothing_twice(typed, words):
    chat = Chat(completion())
    with pytest.raises(RunFailed) as caught:
        await asked(chat, extra_parameters=typed)
    assert words in str(caught.value)
    assert chat.requests == []
