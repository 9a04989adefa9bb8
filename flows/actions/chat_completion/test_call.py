"""A call of a model, part by part: its connection, its events, and what is recorded of it."""

from types import SimpleNamespace

import pytest

from connections.endpoint.recognise import parse_endpoint
from connections.foundry.agents import ConversationOpened
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
from flows.actions.chat_completion.call import (
    content_for_record,
    facts_of_answer,
    stream_answer,
)
from flows.actions.model_call import Timings
from flows.language.errors import ActionError

ENDPOINT = parse_endpoint("https://contoso.openai.azure.com/openai/v1")
CONTOSO, SPARE = (Target(name, ENDPOINT, Secret(f"planted-key-{name}")) for name in ("contoso", "spare"))
ANSWER = Completion("Hi", None, "stop", Usage(1, 1, 2), "gpt-x", "id-1", 200, "https://x/chat", raw={"a": "ä" * 20_000})
REQUEST = ChatRequest("gpt-4o", (Message("user", "Why?"),))


class ToldStep:
    """Remembers what it is told, in its order."""

    def __init__(self, *events):
        self.told, self.facts = [], {}
        self.services = SimpleNamespace(foundry=self)
        self._events = events

    async def chat(self, target, request):
        for event in self._events:
            yield event

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


async def test_every_event_of_a_call_is_told():
    events = [
        Waiting("429, busy", 12.0, 1, 4, 429, "rate_limit"), Waited(0.5, throttled=True), Waited(0.25),
        Adapted(("no top_p", "no seed")), Spilled(SPARE, "its limit is reached"), ConversationOpened("conv-1"),
        TextDelta("H"), TextDelta("i"), ANSWER,
    ]  # fmt: skip
    step = ToldStep(*events)
    step.facts["connection_variable"] = "made"
    assert await stream_answer(CONTOSO, REQUEST, step, Timings()) is ANSWER
    assert step.told == [
        ("wait", "429, busy", 12.0, 1), ("resumed",), ("resumed",),
        ("info", "gpt-4o refuses a part of the request: no top_p; no seed."),
        ("info", "spare is called instead of contoso, because its limit is reached."),
        ("note", {"conversation": "conv-1"}), ("text", "H"), ("text", "i"),
    ]  # fmt: skip
    assert step.facts == {
        "waited_ms": 750, "throttled": 1, "conversation": "conv-1", "connection": "spare",
        "connection_reason": "instead of contoso, because its limit is reached", "host": "contoso.openai.azure.com",
        "key_fingerprint": SPARE.fingerprint, "deployment": "gpt-4o", "model_requested": "gpt-4o",
    }  # fmt: skip


async def test_text_that_is_not_to_be_shown_is_not_and_an_end_without_an_answer_is_an_error():
    step = ToldStep(TextDelta("H"))
    with pytest.raises(ActionError) as failed:
        await stream_answer(CONTOSO, REQUEST, step, Timings(), shows_text=False)
    assert (failed.value.kind, failed.value.message) == ("protocol", "contoso ended without an answer.")
    assert step.told == []


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
