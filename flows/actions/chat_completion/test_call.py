"""A call of a model, part by part: its connection, its events, and what is recorded of it."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import ConversationOpened
from connections.foundry.errors import ErrorKind, FoundryError
from connections.foundry.values import (
    Adapted,
    ChatRequest,
    Completion,
    Message,
    Spilled,
    Target,
    TextDelta,
    Usage,
    Waited,
    Waiting,
)
from connections.secret import Secret
from flows.actions.chat_completion import call
from flows.actions.chat_completion.call import (
    Timings,
    call_error,
    choose_connection,
    content_for_record,
    facts_of_answer,
    facts_of_target,
    refused_try,
    stream_answer,
)
from flows.actions.refused_try import RefusedTry
from flows.language.errors import ActionError
from flows.language.scope import Scope
from flows.language.values import ConnectionValue

ENDPOINT = parse_endpoint("https://contoso.openai.azure.com/openai/v1")
CONTOSO, SPARE = (Target(name, ENDPOINT, Secret(f"planted-key-{name}")) for name in ("contoso", "spare"))
ANSWER = Completion("Hi", None, "stop", Usage(1, 1, 2), "gpt-x", "id-1", 200, "https://x/chat", raw={"a": "ä" * 20_000})
REQUEST = ChatRequest("gpt-4o", (Message("user", "Why?"),))


class ToldStep:
    """Remembers what it is told, in its order."""

    def __init__(self, *events):
        self.told, self.scope = [], Scope()
        self.services = SimpleNamespace(foundry=self, connection=self.connection)
        self._events = events

    async def chat(self, target, request):
        for event in self._events:
            yield event

    async def connection(self, name):
        return f"stored {name}"

    async def stream_text(self, text):
        self.told.append(("text", text))

    async def log(self, level, message):
        self.told.append((level, message))

    async def report_wait(self, reason, until, refused):
        self.told.append(("wait", reason, until, refused and refused.number))

    async def report_resumption(self):
        self.told.append(("resumed",))

    async def note(self, value):
        self.told.append(("note", value))


@pytest.mark.parametrize(
    ("static", "name", "chosen"),
    [
        ("contoso", None, ("stored contoso", "chosen in the flow")),
        (None, "", ("stored ", "chosen in the flow")),
        ("contoso", "made", (CONTOSO, "from variable made, instead of contoso")),
        (None, "made", (CONTOSO, "from variable made")),
    ],
)
async def test_a_connection_is_chosen_with_why(static, name, chosen):
    step = ToldStep()
    step.scope.bind("made", ConnectionValue("made", CONTOSO))
    properties = SimpleNamespace(connection=static, dynamic_connection=name)
    assert await choose_connection(properties, step) == chosen


@pytest.mark.parametrize(("value", "what"), [(None, "has no value"), ("contoso", "is not a connection")])
async def test_a_dynamic_connection_has_to_be_one(value, what):
    step = ToldStep()
    step.scope.bind("made", value)
    with pytest.raises(ActionError) as refused:
        await choose_connection(SimpleNamespace(connection="contoso", dynamic_connection="made"), step)
    assert (refused.value.kind, refused.value.message) == ("dynamic_connection", f"The dynamic connection made {what}.")


async def test_every_event_of_a_call_is_told():
    events = [
        Waiting("429, busy", 12.0, 1, 4, 429, "rate_limit"), Waited(0.5, throttled=True), Waited(0.25),
        Adapted(("no top_p", "no seed")), Spilled(SPARE, "its limit is reached"), ConversationOpened("conv-1"),
        TextDelta("H"), TextDelta("i"), ANSWER,
    ]  # fmt: skip
    step, facts = ToldStep(*events), {"connection_variable": "made"}
    assert await stream_answer(CONTOSO, REQUEST, step, Timings(), facts) is ANSWER
    assert step.told == [
        ("wait", "429, busy", 12.0, 1), ("resumed",), ("resumed",),
        ("info", "gpt-4o refuses a part of the request: no top_p; no seed."),
        ("info", "spare is called instead of contoso, because its limit is reached."),
        ("note", {"conversation": "conv-1"}), ("text", "H"), ("text", "i"),
    ]  # fmt: skip
    assert facts == {
        "waited_ms": 750, "throttled": 1, "conversation": "conv-1", "connection": "spare",
        "connection_reason": "instead of contoso, because its limit is reached", "host": "contoso.openai.azure.com",
        "key_fingerprint": SPARE.fingerprint, "deployment": "gpt-4o", "model_requested": "gpt-4o",
        "prompt": [{"role": "user", "content": "Why?"}],
    }  # fmt: skip


async def test_text_that_is_not_to_be_shown_is_not_and_an_end_without_an_answer_is_an_error():
    step = ToldStep(TextDelta("H"))
    with pytest.raises(ActionError) as failed:
        await stream_answer(CONTOSO, REQUEST, step, Timings(), {}, shows_text=False)
    assert (failed.value.kind, failed.value.message) == ("protocol", "contoso ended without an answer.")
    assert step.told == []


def test_times_are_told_in_milliseconds(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(call.time, "monotonic", lambda: now[0])
    timings = Timings(started=100.0)
    now[0] = 100.1234
    assert timings.facts() == {"first_token_ms": None, "total_ms": 123.4}
    timings.note_text()
    now[0] = 102
    timings.note_text()
    assert timings.facts() == {"first_token_ms": 123.4, "total_ms": 2_000.0}


def test_a_wait_for_a_limit_of_ours_is_no_refused_try(monkeypatch):
    monkeypatch.setattr(call.time, "time", lambda: 7.0)
    assert refused_try(Waiting("Limit of contoso", None, 0)) is None
    assert refused_try(Waiting("Busy", 12.0, 2, 4, 429, "rate_limit")) == RefusedTry(
        2, 4, "rate_limit", "Busy", 7.0, 429
    )


def test_an_error_names_who_was_asked_and_for_whom():
    error = FoundryError(ErrorKind.SERVER, "500", "Later.", status=500, request_id="r-1", raw="{}")
    error.details = {"budget": 1}
    told = call_error(CONTOSO, error, {"tokens": 2})
    known = {"status": 500, "request_id": "r-1", "raw": "{}", "facts": {"tokens": 2, "budget": 1}}
    assert vars(told) == vars(ActionError("server", "contoso: 500", "Later.", **known))
    tenant = Target("contoso", ENDPOINT, Secret("k"), customer="Fabrikam")
    assert call_error(tenant, error, {}).message == "Fabrikam, contoso: 500"
    assert facts_of_target(tenant, "why", "m")["customer"] == "Fabrikam"


def test_the_raw_answer_is_kept_as_far_as_it_is_not_long():
    assert facts_of_answer(ANSWER) == {
        "model": "gpt-x", "url": "https://x/chat", "status": 200, "finish_reason": "stop", "request_id": "id-1",
        "raw": '{"a": "' + "ä" * 19_993,
    }  # fmt: skip


def image(url):
    return {"type": "image_url", "image_url": url}


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("Why?", "Why?"),
        (None, None),
        ([{"type": "text", "text": "Why?"}, image({"url": "https://a.example/x"})], "Why?\n[https://a.example/x]"),
        ([image("https://a.example/" + "x" * 3_000)], f"[{('https://a.example/' + 'x' * 3_000)[:2_000]}]"),
        ([image({"url": "data:image/png;base64," + "A" * 4_000})], "[image/png, 3 KB]"),
        ([image({"url": "data:" + "x" * 50 + ";,"})], f"[{'x' * 40}, 1 KB]"),
        ([{"type": "input_audio"}], "[input_audio]"),
        ([{"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}],
         "[a.pdf, application/pdf, 1 KB]"),
        ([{"type": "file", "file": {"file_data": "https://a.example/a.pdf"}}], "[document, https://a.example/a.pdf]"),
    ],
)  # fmt: skip
def test_a_content_is_kept_with_its_files_by_kind_and_size(content, kept):
    assert content_for_record(content) == kept
