"""The reader of server-sent events gives the same events however the bytes arrive."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry import sse
from connections.foundry.chat import ChatAssembler, completion_fields
from connections.foundry.sse import EventReader, EventTooLarge, ServerEvent
from connections.foundry.values import ErrorInAnswer, ProtocolError


def read(*chunks):
    reader = EventReader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return [*events, *reader.finish()]


STREAM = (
    ': comment\r\ndata: {"a": "é\u2028x"}\r\n\r\nevent: e\rdata:1\rdata:2\r\rdata: last\n\ndata: no blank line'.encode()
)
EVENTS = [ServerEvent('{"a": "é\u2028x"}'), ServerEvent("1\n2", "e"), ServerEvent("last"), ServerEvent("no blank line")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_bytes_may_be_split_anywhere(cuts):
    edges = [0, *cuts, len(STREAM)]
    assert read(*(STREAM[a:b] for a, b in itertools.pairwise(edges))) == EVENTS


def test_a_blank_line_behind_a_divided_line_end_ends_its_event():
    assert read(b"data: 1\r", b"\n", b"\n", b"data: 2\n\n") == [ServerEvent("1"), ServerEvent("2")]


def assembled(*chunks):
    assembler = ChatAssembler()
    for chunk in chunks:
        data = chunk if isinstance(chunk, str) else json.dumps(chunk)
        list(assembler.feed(ServerEvent(data)))
    return assembler


def test_chunks_without_choices_or_delta_do_no_harm():
    done = assembled(
        {"choices": [], "prompt_filter_results": []},
        {"choices": [{"index": 0, "delta": {"content": "hi"}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [{"index": 0, "content_filter_offsets": {}, "finish_reason": None}]},
        {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}},
        "[DONE]",
        "ignored after the end",
    ).fields()
    assert (done["text"], done["finish_reason"], done["usage"].total_tokens) == ("hi", "stop", 3)


def test_usage_may_stand_on_the_chunk_that_finishes():
    done = assembled({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": {"total_tokens": 9}})
    assert done.fields()["usage"].total_tokens == 9


def test_an_error_in_the_stream_is_one():
    with pytest.raises(ErrorInAnswer):
        assembled({"error": {"message": "failed"}})


def test_what_is_not_json_is_a_protocol_error():
    with pytest.raises(ProtocolError):
        assembled("{half")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(data):
    read(data)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [ServerEvent("a"), ServerEvent("b")]),
        (b"event: e\ndata: a\n\ndata: b\n\n", [ServerEvent("a", "e"), ServerEvent("b")]),
        (b"event: e\n\ndata: b\n\n", [ServerEvent("b")]),
        (b"data:  two blanks\n\n", [ServerEvent(" two blanks")]),
        (b"data\n\n", [ServerEvent("")]),
        (b"data: a\ndata\ndata: b\n\n", [ServerEvent("a\n\nb")]),
        (b"\xef\xbb\xbfdata: a\n\n\xef\xbb\xbfdata: b\n\n", [ServerEvent("a")]),
        (b"id: 1\nretry: 5\nother: x\n: comment\ndata: a\n\n", [ServerEvent("a")]),
        (b"Data: a\n\n", []),
        (b"\n\n\n", []),
        (b"data: \xff\n\n", [ServerEvent("\ufffd")]),
        (b"event: \xff\ndata: a\n\n", [ServerEvent("a", "\ufffd")]),
        (b"data: a\r\r\ndata: b\r\n\r\n", [ServerEvent("a"), ServerEvent("b")]),
        (b"data: a\r\ndata: b\r\n\r\n", [ServerEvent("a\nb")]),
        (b"data: a\n", [ServerEvent("a")]),
        (b"event: e", []),
    ],
)
def test_lines_become_events_by_the_rules_of_the_specification(stream, events):
    assert read(stream) == events
    assert read(*(stream[at : at + 1] for at in range(len(stream)))) == events


def test_an_event_comes_as_soon_as_its_blank_line_does():
    reader = EventReader()
    assert list(reader.feed(b"data: a\n")) == []
    assert list(reader.feed(b"\n")) == [ServerEvent("a")]
    assert list(reader.feed(b"data: b\r\r")) == [ServerEvent("b")]
    assert list(reader.feed(b"")) == []
    assert list(reader.feed(b"\ndata: c\n\n")) == [ServerEvent("c")]


def test_what_was_held_back_is_told_once():
    reader = EventReader()
    assert list(reader.feed(b"data: a\n\ndata: b")) == [ServerEvent("a")]
    assert list(reader.finish()) == [ServerEvent("b")]
    assert list(reader.finish()) == []


@pytest.fixture
def limit(monkeypatch):
    monkeypatch.setattr(sse, "LONGEST_EVENT", 100)
    return 100


def test_an_event_as_large_as_allowed_is_read(limit):
    assert read(b"data: " + b"x" * (limit - 6) + b"\n\n") == [ServerEvent("x" * (limit - 6))]
    halves = b"data: " + b"x" * (limit // 2) + b"\ndata: " + b"y" * (limit // 2) + b"\n\n"
    assert read(halves) == [ServerEvent("x" * (limit // 2) + "\n" + "y" * (limit // 2))]


def test_a_line_without_end_is_given_up(limit):
    reader = EventReader()
    assert list(reader.feed(b"x" * limit)) == []
    with pytest.raises(EventTooLarge):
        list(reader.feed(b"x"))


def test_many_lines_of_one_event_are_given_up(limit):
    reader = EventReader()
    assert list(reader.feed(b"data: " + b"x" * (limit // 2) + b"\n")) == []
    assert list(reader.feed(b"data: " + b"x" * (limit // 2) + b"\n")) == []
    with pytest.raises(EventTooLarge):
        list(reader.feed(b"data: x\n"))


def test_events_are_measured_one_by_one(limit):
    reader = EventReader()
    for _ in range(5):
        assert list(reader.feed(b"data: " + b"x" * (limit - 20) + b"\n\n")) == [ServerEvent("x" * (limit - 20))]


@pytest.mark.parametrize("line", [b"data: " + b"x" * 9 + b"\n", b"data: " + b"x" * 9])
def test_an_event_that_is_too_large_is_refused_with_its_reason(monkeypatch, line):
    monkeypatch.setattr(sse, "LONGEST_EVENT", 14)
    with pytest.raises(EventTooLarge, match=r"^one event is larger than 16 MiB$"):
        read(line, line)


def test_the_size_of_an_event_is_its_own(monkeypatch):
    monkeypatch.setattr(sse, "LONGEST_EVENT", 16)
    assert read(*[b"data: 0123456789\n\n"] * 3) == [ServerEvent("0123456789")] * 3
    assert read(*[b"data: 01234567\n", b"data: 01234567\n\n"] * 2) == [ServerEvent("01234567\n01234567")] * 2
    with pytest.raises(EventTooLarge):
        read(b"data: 01234567\n", b"data: 012345678\n")


def test_a_line_feed_in_front_is_a_blank_line():
    assert read(b"\ndata: 1\n\n") == [ServerEvent("1")]
    assert read(b"data: 1\n", b"\n", b"data: 2\n\n") == [ServerEvent("1"), ServerEvent("2")]


def test_names_of_events_and_data_may_be_no_text():
    assert read(b"event: \xff\ndata: \xfe\n\n") == [ServerEvent("\ufffd", "\ufffd")]


@pytest.mark.parametrize("end", [b"[DONE]", b"[DONE]\n", b"[DONE]\n\n"])
def test_a_bare_done_ends_the_stream(end):
    assert read(b"data: a\n\n" + end) == [ServerEvent("a"), ServerEvent("[DONE]")]
    assert read(b"data: a\n" + end) == [ServerEvent("a"), ServerEvent("[DONE]")]


def test_why_an_answer_finished_may_stand_inside_the_delta():
    done = assembled({"choices": [{"delta": {"index": 0, "content": None, "finish_reason": "length"}}]}).fields()
    assert done["finish_reason"] == "length"


def test_text_in_parts_is_text_and_thoughts_among_them_are_thoughts():
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Okay, "}, {"type": "text", "text": "hm."}]}
    done = assembled(
        {"choices": [{"delta": {"content": [thinking]}}]},
        {"choices": [{"delta": {"content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": None}]}}]},
        {"choices": [{"delta": {"content": "lo"}, "finish_reason": "stop"}]},
    ).fields()
    assert (done["text"], done["reasoning"]) == ("Hello", "Okay, hm.")


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_thoughts_have_two_names(name):
    done = assembled({"choices": [{"delta": {name: "Hm."}}]}, {"choices": [{"delta": {"content": "Hi"}}]}).fields()
    assert (done["text"], done["reasoning"]) == ("Hi", "Hm.")
    whole = {"choices": [{"message": {"content": [{"type": "text", "text": "Hi"}], name: "Hm."}}]}
    assert (completion_fields(whole)["text"], completion_fields(whole)["reasoning"]) == ("Hi", "Hm.")
