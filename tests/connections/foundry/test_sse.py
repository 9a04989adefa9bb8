"""The reader of server-sent events gives the same events however the bytes arrive."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.foundry.chat import ChatAssembler
from connections.foundry.sse import EventReader, ServerEvent
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
